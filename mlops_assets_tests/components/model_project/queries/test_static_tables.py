"""Tables without `time` in an event project: the version that had arrived, validity, and accepted leaks."""

import json
from datetime import UTC, datetime

import dagster as dg
import pandas as pd
import pytest

from mlops_assets.components.model_project.maintenance import vacuum_job
from mlops_assets.components.model_project.project.staleness import Staleness
from mlops_assets.stores.warehouse import snapshots
from mlops_assets_tests.components.model_project.maintenance.test_vacuum_job import Later, clear
from mlops_assets_tests.support.daemon import checks, failure_message
from mlops_assets_tests.support.events import bought, ingest, labels
from mlops_assets_tests.support.shop import MONTHS, SCHEMA, SETTINGS, Shop

FIRST, SECOND = MONTHS[:2]
PEOPLE = """

class People(pa.DataFrameModel):
    customer: str
    region: str
"""
JOINED = """
    select customer, count(*) as bought, max(region) as region
    from purchases left join people using (customer) group by customer
"""
LAYERS = tuple(f"shop/{layer}_people" for layer in ("raw", "validated", "quarantine"))


@pytest.fixture(scope="session")
def kept_people(keep_shop, empty_tracking_store):
    """A shop with a table of people, and one purchase of `a` in each of two months."""

    def make(root, known):
        text = {"schema": SCHEMA + PEOPLE, "features_sql": JOINED}
        shop = Shop(root, empty_tracking_store, known, **text, settings=declared())
        for number, month in enumerate((FIRST, SECOND)):
            shop.write(month, bought((f"p{number}", "a", f"{month}-10", 5)))
        ingest(shop, FIRST, SECOND)
        return shop

    return keep_shop("people", make)


@pytest.fixture
def open_people(kept_people, instance):
    """A function that opens the shop, with changed declarations of the people."""

    def open_(schema=SCHEMA + PEOPLE, features_sql=JOINED, **table):
        text = {"schema": schema, "features_sql": features_sql}
        return kept_people.restored(instance, **text, settings=declared(**table))

    return open_


def declared(**table):
    people = {"source": "data/people.csv", "key": ["customer"], **table}
    return {"tables": {**SETTINGS["tables"], "people": people}}


def arrive(shop, rows, at=None):
    """Materialize another version of the people; its raw rows are committed at a time."""
    pd.DataFrame(rows).to_csv(shop.root / "data" / "people.csv", index=False)
    result = shop.daemon.run(*LAYERS)
    if at is not None:
        _commit_at(shop, at)
    return result


def _commit_at(shop, at):
    log = shop.state.warehouse / "shop" / "raw_people" / "_delta_log"
    newest = max(log.glob("*.json"))
    actions = [json.loads(line) for line in newest.read_text("utf-8").splitlines()]
    for action in actions:
        if "commitInfo" in action:
            action["commitInfo"]["timestamp"] = int(at.replace(tzinfo=UTC).timestamp() * 1000)
    newest.write_text("\n".join(map(json.dumps, actions)), "utf-8")


def region(shop, month):
    result = shop.daemon.run("shop/features", partition=month)
    assert result.success, failure_message(result)
    assert checks(result)["point_in_time"].passed, checks(result)["point_in_time"].description
    return shop.frame("features", month)["region"].tolist(), checks(result)


NORTH, SOUTH = {"customer": ["a"], "region": ["north"]}, {"customer": ["a"], "region": ["south"]}
JANUARY, FEBRUARY = datetime(2024, 1, 20), datetime(2024, 2, 20)


def test_a_partition_reads_the_version_that_had_arrived_by_its_end(open_people):
    shop = open_people()
    arrive(shop, NORTH, JANUARY)
    arrive(shop, SOUTH, FEBRUARY)
    for month, expected in ((FIRST, "north"), (SECOND, "south")):
        found, checked = region(shop, month)
        assert found == [expected]
        assert checked["static_tables_in_time"].passed
    arrive(shop, {"customer": ["a"], "region": ["west"]})
    assert region(shop, FIRST)[0] == ["north"]
    assert region(shop, SECOND)[0] == ["south"]


def test_a_version_of_the_moment_of_the_end_has_not_arrived(open_people):
    shop = open_people()
    arrive(shop, NORTH, JANUARY)
    arrive(shop, SOUTH, datetime(2024, 2, 1))
    assert region(shop, FIRST)[0] == ["north"]


def test_without_a_version_in_time_the_first_one_is_read_with_a_warning(open_people):
    shop = open_people()
    arrive(shop, NORTH, datetime(2024, 2, 5))
    arrive(shop, SOUTH)
    found, checked = region(shop, FIRST)
    assert found == ["north"], "a later change does not reach it"
    check = checked["static_tables_in_time"]
    assert not check.passed
    assert not check.blocking
    assert check.description == (
        "people first arrived at 2024-02-05 00:00, after 2024-02-01 00:00, so its values may be from later; "
        "declare valid_from if it holds its history, or history: newest if it is a fixed lookup"
    )
    assert region(shop, SECOND)[1]["static_tables_in_time"].passed


def test_a_change_does_not_reach_partitions_that_have_ended(open_people):
    shop = open_people()
    arrive(shop, NORTH, JANUARY)
    assert shop.daemon.settle()["shop/features"] == [FIRST, SECOND]
    arrive(shop, SOUTH)
    assert shop.daemon.settle() == {}


def test_a_fixed_lookup_is_read_in_its_newest_version(open_people):
    shop = open_people(history="newest")
    arrive(shop, NORTH, JANUARY)
    shop.daemon.settle()
    arrive(shop, SOUTH)
    assert shop.daemon.settle()["shop/features"] == [FIRST, SECOND]
    found, checked = region(shop, FIRST)
    assert found == ["south"]
    assert "static_tables_in_time" not in checked


def test_an_older_version_is_validated_by_the_contract_of_today(open_people):
    shop = open_people()
    arrive(shop, {**NORTH, "plan": ["gold"]}, JANUARY)
    arrive(shop, {**SOUTH, "plan": ["free"]}, FEBRUARY)
    shop.declare(
        schema=SCHEMA + PEOPLE + "    plan: str\n",
        features_sql=JOINED.replace("max(region)", "max(region || plan)"),
        settings=declared(),
    )
    assert shop.daemon.run(*LAYERS).success
    assert region(shop, FIRST)[0] == ["northgold"]
    assert region(shop, SECOND)[0] == ["southfree"]


def test_a_blocked_version_is_skipped(open_people):
    shop = open_people()
    arrive(shop, NORTH, JANUARY)
    assert not arrive(shop, {"customer": ["a", None], "region": ["east", "east"]}, FEBRUARY).success
    arrive(shop, SOUTH, datetime(2024, 3, 5))
    assert region(shop, SECOND)[0] == ["north"]


def test_rows_with_validity_are_read_as_they_were_valid(open_people):
    schema = SCHEMA + PEOPLE + "    since: pa.DateTime\n    until: pa.DateTime = pa.Field(nullable=True)\n"
    sql = """
        select customer, max(region) as region, count(until) as ended
        from purchases left join people using (customer) group by customer
    """
    shop = open_people(schema, sql, key=["customer", "since"], valid_from="since", valid_to="until")
    rows = {
        "customer": ["a", "a"],
        "region": ["north", "south"],
        "since": ["2023-01-01", "2024-02-10"],
        "until": ["2024-02-10", None],
    }
    arrive(shop, rows)
    assert region(shop, FIRST)[0] == ["north"]
    assert shop.frame("features", FIRST)["ended"].tolist() == [0], "the end was not known"
    assert region(shop, SECOND)[0] == ["south"]
    assert shop.frame("features", SECOND)["ended"].tolist() == [2]


def test_a_column_of_validity_that_is_not_a_time_is_an_error(open_people):
    shop = open_people(valid_from="region")
    arrive(shop, NORTH)
    message = failure_message(shop.daemon.run("shop/features", partition=FIRST))
    assert "shop: table people: `valid_from` names region, which is a VARCHAR" in message
    assert "declare it in schema.py as pa.DateTime" in message


def test_a_leak_from_a_later_version_fails_the_check_with_rows_and_values(open_people, monkeypatch):
    shop = open_people()
    arrive(shop, NORTH, JANUARY)
    monkeypatch.setattr(snapshots, "known_at", lambda arrived, _: arrived[::-1])
    result = shop.daemon.run("shop/features", partition=FIRST)
    assert not result.success
    assert checks(result)["point_in_time"].description == (
        "1 rows differ in region (customer a: region is north and null) if the data after 2024-02-01 00:00 "
        "is changed; people holds rows that were not known"
    )


def test_a_leak_from_a_version_between_two_others_fails_the_check(open_people, monkeypatch):
    shop = open_people()
    arrive(shop, NORTH, JANUARY)
    arrive(shop, SOUTH, FEBRUARY)
    arrive(shop, NORTH)
    monkeypatch.setattr(snapshots, "known_at", lambda arrived, _: [arrived[1]])
    result = shop.daemon.run("shop/features", partition=FIRST)
    assert not result.success
    assert "people holds rows that were not known" in checks(result)["point_in_time"].description


def test_a_leak_from_a_later_validity_fails_the_check(open_people, monkeypatch):
    schema = SCHEMA + PEOPLE + "    since: pa.DateTime\n"
    shop = open_people(schema, valid_from="since")
    arrive(shop, {**SOUTH, "since": ["2024-02-10"]})
    monkeypatch.setattr("mlops_assets.ml.features.point_in_time.valid_rows", lambda rows, **_: rows)
    result = shop.daemon.run("shop/features", partition=FIRST)
    assert not result.success
    assert "people holds rows that were not known" in checks(result)["point_in_time"].description


def test_the_target_reads_the_version_that_had_arrived_by_the_end_of_its_horizon(open_people):
    shop = open_people()
    shop.declare(
        schema=SCHEMA + PEOPLE,
        features_sql=JOINED,
        target_sql="select customer, (region = 'south')::bigint as quiet "
        "from entities join people using (customer)",
        settings=declared(),
    )
    arrive(shop, NORTH, JANUARY)
    arrive(shop, SOUTH, FEBRUARY)
    arrive(shop, NORTH)
    region(shop, FIRST)
    assert shop.daemon.run("shop/target", partition=FIRST).success
    assert labels(shop, FIRST) == {"a": 1}


@pytest.mark.parametrize(("history", "follows"), [("as_of", False), ("newest", True)])
def test_features_are_stale_only_if_they_would_read_another_version(open_people, history, follows):
    shop = open_people(history=history)
    key = dg.AssetKey(["shop", "features"])

    def is_stale():
        graph = shop.daemon.defs.resolve_asset_graph()
        return key in Staleness(graph, shop.instance, shop.warehouse).stale([key], FIRST)

    arrive(shop, NORTH, JANUARY)
    assert is_stale()
    region(shop, FIRST)
    assert not is_stale()
    arrive(shop, SOUTH)
    assert is_stale() is follows


def test_the_vacuum_keeps_the_versions_that_past_partitions_read(open_people, monkeypatch):
    shop = open_people()
    arrive(shop, NORTH, JANUARY)
    arrive(shop, SOUTH, FEBRUARY)
    arrive(shop, {"customer": ["a"], "region": ["west"]}, datetime(2024, 3, 20))
    monkeypatch.setattr(vacuum_job, "datetime", Later)
    observed = clear(shop)
    assert observed["raw_people"]["freed_files"] == 0
    assert observed["validated_people"]["freed_files"] == 2
    assert region(shop, FIRST)[0] == ["north"]
    assert region(shop, SECOND)[0] == ["south"]
