"""features of an event project: point-in-time correctness, lookback and checks."""

import itertools

import pandas as pd
import pytest

from mlops_assets.components.model_project.queries.counterfactual import CounterfactualReader
from mlops_assets.ml.features.timeline import Timeline
from mlops_assets_tests.support.daemon import checks, failure_message
from mlops_assets_tests.support.damage import change_value
from mlops_assets_tests.support.events import COUNTS, FOREVER, bought, counts, ingest, labels
from mlops_assets_tests.support.shop import MONTHS, SCHEMA, SETTINGS

FIRST, SECOND, THIRD = MONTHS[:3]


def test_a_late_row_counts_from_its_arrival_only(counting):
    counting.write(SECOND, bought(("p1", "a", "2024-02-10", 5), ("late", "a", "2024-01-20", 5)))
    ingest(counting, FIRST, SECOND)
    for month in (FIRST, SECOND):
        assert counting.daemon.run("shop/features", partition=month).success
    assert set(counting.frame("validated_purchases", SECOND)["purchase_id"]) == {"p1", "late"}
    assert counts(counting, FIRST) == {"a": 1}
    assert counts(counting, SECOND) == {"a": 3}


@pytest.mark.parametrize("layer", ["features", "validated_purchases"])
def test_a_changed_value_is_damage_of_its_file_and_no_leak_of_the_query(open_shop, layer):
    shop = open_shop(features_sql=COUNTS)
    shop.write(FIRST, bought(*((f"p{row}", f"c{row % 50}", "2024-01-10", 5) for row in range(500))))
    ingest(shop, FIRST)
    assert shop.daemon.run("shop/features", partition=FIRST).success
    [file] = shop.warehouse.root.glob(f"shop/{layer}/*/*.parquet")
    change_value(file, {"features": "2 as bought", "validated_purchases": "null as customer"}[layer])
    result = shop.daemon.run("shop/features", partition=FIRST)
    if layer == "features":  # an equal result replaces the file, and is then compared with it
        assert result.success, failure_message(result)
        assert counts(shop, FIRST)["c1"] == 10
    else:
        message = failure_message(result)
        assert f"data file {file} was changed after it was written" in message
        assert "mlops run shop --force" in message


def test_a_row_replaces_an_earlier_row_with_its_key_from_its_arrival(open_shop):
    shop = open_shop(features_sql="select customer, sum(amount)::bigint as spent from purchases group by all")
    shop.write(FIRST, bought(("p", "a", "2024-01-10", 5), ("q", "b", "2024-01-10", 7)))
    shop.write(SECOND, bought(("p", "a", "2024-01-10", 50)))
    ingest(shop, FIRST, SECOND)
    spent = []
    for month in (FIRST, SECOND):
        result = shop.daemon.run("shop/features", partition=month)
        assert result.success, failure_message(result)
        spent.append(shop.frame("features", month).set_index("customer")["spent"].to_dict())
    assert spent == [{"a": 5, "b": 7}, {"a": 50, "b": 7}]


def test_without_a_key_no_row_replaces_another(open_shop):
    table = {name: value for name, value in SETTINGS["tables"]["purchases"].items() if name != "key"}
    shop = open_shop(features_sql=COUNTS, settings={"tables": {"purchases": table}})
    for month in (FIRST, SECOND):
        shop.write(month, bought(("p", "a", "2024-01-10", 5)))
    ingest(shop, FIRST, SECOND)
    assert shop.daemon.run("shop/features", partition=SECOND).success
    assert counts(shop, SECOND) == {"a": 2}


def test_features_read_the_partitions_of_their_lookback_only(open_shop):
    shop = open_shop(features_sql=COUNTS, settings={"partitions": {**SETTINGS["partitions"], "lookback": 2}})
    for number, month in enumerate(MONTHS[:3]):
        shop.write(month, bought((f"p{number}", "a", f"{month}-10", 5)))
    ingest(shop, FIRST, SECOND, THIRD)
    result = shop.daemon.run("shop/features", partition=THIRD)
    assert counts(shop, THIRD) == {"a": 2}
    assert checks(result)["point_in_time"].passed
    assert shop.metadata("features", THIRD)["looks_back_on"] == 2
    assert shop.metadata("features", THIRD)["as_of"] == "2024-04-01 00:00:00"


def test_without_a_lookback_features_read_all_earlier_partitions_and_no_later_one(counting):
    counting.declare(features_sql=COUNTS, settings=FOREVER)
    ingest(counting, FIRST, SECOND, THIRD)
    for month, seen in ((FIRST, 1), (SECOND, 2), (THIRD, 3)):
        assert counting.daemon.run("shop/features", partition=month).success
        assert counts(counting, month) == {"a": seen}


def test_materializing_a_partition_again_writes_no_new_version(counting):
    ingest(counting, FIRST)
    for _ in range(2):
        assert counting.daemon.run("shop/features", partition=FIRST).success
    assert counting.version("features") == 1
    ingest(counting, FIRST)
    assert counting.version("validated_purchases") == 1


def test_a_query_over_its_tables_passes_the_point_in_time_check(shop):
    for month in (FIRST, THIRD):
        result = shop.daemon.run("shop/features", partition=month)
        assert result.success
        assert checks(result)["point_in_time"].description.startswith("0 rows differ if the data after 2024-")


def test_a_query_that_reads_files_of_later_partitions_fails(shop):
    files = shop.state.warehouse / "shop" / "validated_purchases" / "*" / "*.parquet"
    peeking = f"""
        select customer, count(*) as bought,
            (select count(*) from read_parquet('{files}', union_by_name=true)) as known
        from purchases group by customer
    """
    before = shop.digests("features")
    shop.declare(features_sql=peeking)
    result = shop.daemon.run("shop/features", partition=THIRD)
    assert not result.success, "nothing may be built on features that know the future"
    message = failure_message(result)
    assert "point_in_time" in message or "features.sql" in message
    assert shop.daemon.settle() == {}
    assert set(shop.digests("features")) == set(before)


def test_floating_point_sums_pass_the_point_in_time_check(shop):
    shop.declare(features_sql="select customer, sum(amount / 3) as spent from purchases group by customer")
    for month in MONTHS[:5]:
        result = shop.daemon.run("shop/features", partition=month)
        assert checks(result)["point_in_time"].passed, checks(result)["point_in_time"].description


WITHOUT_KEY = {"tables": {"purchases": {**SETTINGS["tables"]["purchases"], "key": []}}}
"""With a key, the selection of the newest arrivals orders the rows by it."""


def _in_another_order(monkeypatch):
    """Let the counterfactual copy hold the same rows in another order."""
    read, numbers = CounterfactualReader.relation, itertools.count()

    def relation(self, connection, table, **options):
        name = f"_reordered_{next(numbers)}"  # DuckDB drops an order below an aggregate
        read(self, connection, table, **options).order("hash(purchase_id)").create(name)
        return connection.table(name)

    monkeypatch.setattr(CounterfactualReader, "relation", relation)


def test_the_order_of_additions_is_no_leak(shop, monkeypatch):
    shop.declare(
        features_sql="select customer, sum(amount * ln(amount))::double as spent, stddev(amount) as spread "
        "from purchases group by customer",
        settings=WITHOUT_KEY,
    )
    _in_another_order(monkeypatch)
    for month in MONTHS[:5]:
        result = shop.daemon.run("shop/features", partition=month)
        assert checks(result)["point_in_time"].passed, checks(result)["point_in_time"].description


def test_a_feature_that_depends_on_the_order_of_ties_fails_the_check(shop, monkeypatch):
    shop.declare(
        features_sql="select customer, arg_max(purchase_id, 1) as chosen from purchases group by customer",
        settings=WITHOUT_KEY,
    )
    _in_another_order(monkeypatch)
    result = shop.daemon.run("shop/features", partition=THIRD)
    assert not result.success
    description = checks(result)["point_in_time"].description
    assert "rows differ in chosen (customer c" in description
    assert "let features.sql read its tables only, and break ties in orders" in description


@pytest.mark.parametrize("leak", ["later arrivals", "before the lookback"])
def test_a_leak_fails_the_check_also_in_the_newest_partition(counting, monkeypatch, leak):
    counting.declare(features_sql=COUNTS, settings={"partitions": {**SETTINGS["partitions"], "lookback": 2}})
    ingest(counting, FIRST, SECOND, THIRD)
    read = {"later arrivals": [SECOND, THIRD, MONTHS[3]], "before the lookback": [FIRST, SECOND, THIRD]}[leak]
    monkeypatch.setattr(Timeline, "feature_periods", lambda *_: read)
    result = counting.daemon.run("shop/features", partition=THIRD)
    assert not result.success
    assert "purchases holds rows that were not known" in checks(result)["point_in_time"].description


def test_floating_point_sums_are_deterministic(shop):
    shop.declare(features_sql="select customer, sum(amount / 3) as spent from purchases group by customer")
    found = set()
    for _ in range(4):
        shop.daemon.run("shop/features", partition=THIRD)
        found.add(shop.digests("features")[THIRD])
    assert len(found) == 1


@pytest.mark.parametrize("call", ["now()", "random()"])
def test_a_query_that_is_not_deterministic_is_rejected(counting, call):
    ingest(counting, FIRST)
    counting.declare(
        features_sql=f"select customer, count({call}) as bought from purchases group by customer"
    )
    message = failure_message(counting.daemon.run("shop/features", partition=FIRST))
    assert f"shop: features.sql: {call.rstrip('()')} is not allowed: " in message
    assert "use $as_of in an event project" in message


def test_sql_that_passed_the_check_reads_no_later_arrival(counting, monkeypatch):
    for partition in (FIRST, SECOND):
        ingest(counting, partition)
    root = counting.warehouse.root / "shop" / "validated_purchases"
    [later] = root.glob(f"_partition={SECOND}/*.parquet")
    counting.declare(
        features_sql=f"select customer, (select count(*) from '{later}') as n from purchases group by all"
    )
    monkeypatch.setattr("mlops_assets.ml.features.project_query.find_violation", lambda *_: None)
    message = failure_message(counting.daemon.run("shop/features", partition=FIRST))
    assert "are disabled by configuration" in message


def test_features_of_a_partition_that_has_not_arrived_are_an_error(counting):
    ingest(counting, FIRST)
    message = failure_message(counting.daemon.run("shop/features", partition=SECOND))
    assert "shop: table purchases: partition 2024-02 has not arrived" in message
    assert "materialize shop/validated_purchases for 2024-02 first" in message


def test_features_with_a_missing_earlier_partition_are_computed_with_a_warning(counting):
    ingest(counting, FIRST, THIRD)
    result = counting.daemon.run("shop/features", partition=THIRD)
    assert result.success
    assert counts(counting, THIRD) == {"a": 2}


def test_two_rows_of_features_for_one_entity_fail_the_run(counting):
    ingest(counting, FIRST, SECOND)
    counting.declare(features_sql="select customer, amount from purchases")
    result = counting.daemon.run("shop/features", partition=SECOND)
    assert not result.success
    assert (
        checks(result)["one_row_each"].description == "1 rows have the customer of another row, 0 have none"
    )


VISITS = """

class Visits(pa.DataFrameModel):
    customer: str
    seen_at: pa.DateTime
"""


def test_two_event_tables_arrive_independently(open_shop):
    tables = {**SETTINGS["tables"], "visits": {"source": "data/visits/*.csv", "time": "seen_at"}}
    both = """
        select customer, count(purchase_id) as bought, max(seen) as seen
        from purchases left join (select customer, count(*) as seen from visits group by all) using (customer)
        group by customer
    """
    shop = open_shop(schema=SCHEMA + VISITS, features_sql=both, settings={"tables": tables})
    folder = shop.root / "data" / "visits"
    folder.mkdir()
    shop.write(FIRST, bought(("p", "a", "2024-01-10", 5)))
    pd.DataFrame({"customer": ["a", "a"], "seen_at": ["2024-01-02", "2024-01-03"]}).to_csv(
        folder / "visits-2024-01.csv", index=False
    )
    ingest(shop, FIRST)
    message = failure_message(shop.daemon.run("shop/features", partition=FIRST))
    assert "materialize shop/validated_visits first" in message
    layers = [f"shop/{layer}_visits" for layer in ("raw", "validated", "quarantine")]
    assert shop.daemon.run(*layers, partition=FIRST).success
    result = shop.daemon.run("shop/features", partition=FIRST)
    assert result.success, failure_message(result)
    [row] = shop.frame("features", FIRST)[["bought", "seen"]].to_dict("records")
    assert row == {"bought": 1.0, "seen": 2.0}


@pytest.mark.parametrize(
    ("cadence", "start", "end", "first", "second", "times"),
    [
        ("daily", "2024-02-01", "2024-02-10", "2024-02-01", "2024-02-02", ("2024-02-01", "2024-02-02 23:59")),
        ("weekdays", "2024-02-02", "2024-02-10", "2024-02-02", "2024-02-05", ("2024-02-04", "2024-02-05")),
        ("weekly", "2024-01-08", "2024-02-10", "2024-01-08", "2024-01-15", ("2024-01-08", "2024-01-21")),
    ],
)
def test_daily_and_weekly_partitions_work_like_monthly_ones(
    open_shop, cadence, start, end, first, second, times
):
    partitions = {"cadence": cadence, "start": start, "end": end, "lookback": 2}
    shop = open_shop(features_sql=COUNTS, settings={"partitions": partitions})
    shop.write(first, bought(("p1", "a", times[0], 5), ("p2", "b", times[0], 5)))
    shop.write(second, bought(("p3", "a", times[1], 5)))
    shop.write("neither", bought(("p4", "a", times[1], 5)), name="purchases-2023-12-31.csv")
    ran = shop.ingest(first, second)
    assert ran == {"shop/features": [first, second], "shop/target": [first]}
    assert labels(shop, first) == {"a": 0, "b": 1}
    assert counts(shop, second) == {"a": 2, "b": 1}
