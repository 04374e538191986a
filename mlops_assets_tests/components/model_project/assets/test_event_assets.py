"""Partitions, point-in-time features and targets of an event project, made by hand over real tables."""

import numpy as np
import pandas as pd
import pytest

from mlops_assets.core import names
from mlops_assets_tests.support.daemon import checks, failure_message
from mlops_assets_tests.support.shop import MONTHS, SCHEMA, SETTINGS

FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH, SEVENTH = MONTHS[:7]
TABLE = ("shop/raw_purchases", "shop/validated_purchases", "shop/quarantine_purchases")
COUNTS = "select customer, count(*) as bought from purchases group by customer"
FOREVER = {"partitions": {**SETTINGS["partitions"], "lookback": None}}


def bought(*rows):
    """Purchases of one customer each: id, customer, time and amount."""
    frame = pd.DataFrame(rows, columns=["purchase_id", "customer", "bought_at", "amount"])
    return frame.assign(channel="web")


def counts(shop, month):
    frame = shop.frame("features", month)
    return dict(zip(frame["customer"], frame["bought"].astype(int), strict=True))


def ingest(shop, *months):
    for month in months:
        assert shop.daemon.run(*TABLE, partition=month).success


@pytest.fixture
def counting(open_shop):
    """A shop that counts purchases, in which three months have arrived: one purchase of `a` in each."""
    shop = open_shop(features_sql=COUNTS)
    for number, month in enumerate(MONTHS[:3]):
        shop.write(month, bought((f"p{number}", "a", f"{month}-10", 5)))
    return shop


def test_a_late_row_counts_from_its_arrival_and_never_before(counting):
    counting.write(SECOND, bought(("p1", "a", "2024-02-10", 5), ("late", "a", "2024-01-20", 5)))
    ingest(counting, FIRST, SECOND)
    for month in (FIRST, SECOND):
        assert counting.daemon.run("shop/features", partition=month).success
    assert set(counting.frame("validated_purchases", SECOND)["purchase_id"]) == {"p1", "late"}
    assert counts(counting, FIRST) == {"a": 1}
    assert counts(counting, SECOND) == {"a": 3}


def test_a_row_whose_key_arrived_before_replaces_it_from_then_on(open_shop):
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


def test_without_a_key_rows_never_replace_one_another(open_shop):
    table = {name: value for name, value in SETTINGS["tables"]["purchases"].items() if name != "key"}
    shop = open_shop(features_sql=COUNTS, settings={"tables": {"purchases": table}})
    for month in (FIRST, SECOND):
        shop.write(month, bought(("p", "a", "2024-01-10", 5)))
    ingest(shop, FIRST, SECOND)
    assert shop.daemon.run("shop/features", partition=SECOND).success
    assert counts(shop, SECOND) == {"a": 2}


def test_rows_from_the_future_are_quarantined_by_a_rule_with_a_name(open_shop):
    table = {**SETTINGS["tables"]["purchases"], "max_rejected_share": 0.7}
    shop = open_shop(settings={"tables": {"purchases": table}})
    last, first, far = "2024-01-31 23:59:59", "2024-02-01 00:00:00", "2030-01-01 00:00:00"
    shop.write(FIRST, bought(("p", "a", last, 5), ("q", "b", first, 5), ("r", "c", far, 5)))
    ingest(shop, FIRST)
    assert shop.frame("validated_purchases", FIRST)["customer"].tolist() == ["a"]
    quarantined = shop.frame("quarantine_purchases", FIRST).set_index("customer")
    assert quarantined.loc["b", names.BROKEN_RULES].tolist() == ["bought_at: before(2024-02-01 00:00:00)"]
    assert set(quarantined.index) == {"b", "c"}


def test_features_see_as_far_back_as_the_project_says(open_shop):
    shop = open_shop(features_sql=COUNTS, settings={"partitions": {**SETTINGS["partitions"], "lookback": 2}})
    for number, month in enumerate(MONTHS[:3]):
        shop.write(month, bought((f"p{number}", "a", f"{month}-10", 5)))
    ingest(shop, FIRST, SECOND, THIRD)
    result = shop.daemon.run("shop/features", partition=THIRD)
    assert counts(shop, THIRD) == {"a": 2}
    assert checks(result)["point_in_time"].passed
    assert shop.metadata("features", THIRD)["looks_back_on"] == 2
    assert shop.metadata("features", THIRD)["as_of"] == "2024-04-01 00:00:00"


def test_without_a_look_back_features_see_all_that_has_arrived_and_nothing_later(counting):
    counting.declare(features_sql=COUNTS, settings=FOREVER)
    ingest(counting, FIRST, SECOND, THIRD)
    for month, seen in ((FIRST, 1), (SECOND, 2), (THIRD, 3)):
        assert counting.daemon.run("shop/features", partition=month).success
        assert counts(counting, month) == {"a": seen}


def test_the_same_month_twice_is_written_once(counting):
    ingest(counting, FIRST)
    for _ in range(2):
        assert counting.daemon.run("shop/features", partition=FIRST).success
    assert counting.version("features") == 1
    ingest(counting, FIRST)
    assert counting.version("validated_purchases") == 1


def test_an_honest_query_is_seen_to_be_point_in_time(shop):
    for month in (FIRST, THIRD):
        result = shop.daemon.run("shop/features", partition=month)
        assert result.success
        assert checks(result)["point_in_time"].description.startswith("0 rows differ if the data after 2024-")


def test_a_query_that_reads_the_tables_files_is_seen_to_know_the_future(shop):
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
    told = failure_message(result)
    assert "point_in_time" in told or "features.sql" in told
    assert shop.daemon.settle() == {}
    assert set(shop.digests("features")) == set(before)


def test_sums_of_floating_point_numbers_are_not_taken_for_the_future(shop):
    shop.declare(features_sql="select customer, sum(amount / 3) as spent from purchases group by customer")
    for month in MONTHS[:5]:
        result = shop.daemon.run("shop/features", partition=month)
        assert checks(result)["point_in_time"].passed, checks(result)["point_in_time"].description


def test_floating_point_sums_that_are_computed_again_are_not_written_again(shop):
    shop.declare(features_sql="select customer, sum(amount / 3) as spent from purchases group by customer")
    found = set()
    for _ in range(4):
        shop.daemon.run("shop/features", partition=THIRD)
        found.add(shop.digests("features")[THIRD])
    assert len(found) == 1


@pytest.mark.parametrize("call", ["now()", "random()"])
def test_a_query_with_another_result_tomorrow_is_refused(counting, call):
    ingest(counting, FIRST)
    counting.declare(
        features_sql=f"select customer, count({call}) as bought from purchases group by customer"
    )
    told = failure_message(counting.daemon.run("shop/features", partition=FIRST))
    assert f"shop: features.sql: {call.rstrip('()')} is not deterministic and is not allowed" in told
    assert "use $as_of in an event project" in told


def test_a_month_without_files_is_a_clear_error(counting):
    told = failure_message(counting.daemon.run("shop/raw_purchases", partition=SIXTH))
    assert "shop: table purchases: no file for partition 2024-06 at" in told
    assert "available are 2024-01 to 2024-03" in told


def test_features_before_their_month_has_arrived_are_a_clear_error(counting):
    ingest(counting, FIRST)
    told = failure_message(counting.daemon.run("shop/features", partition=SECOND))
    assert "shop: table purchases: partition 2024-02 has not arrived" in told
    assert "materialize shop/validated_purchases for 2024-02 first" in told


def test_features_with_a_gap_behind_them_are_made_and_the_gap_is_told(counting):
    ingest(counting, FIRST, THIRD)
    result = counting.daemon.run("shop/features", partition=THIRD)
    assert result.success
    assert counts(counting, THIRD) == {"a": 2}


def test_two_rows_of_features_for_one_customer_stop_the_run(counting):
    ingest(counting, FIRST, SECOND)
    counting.declare(features_sql="select customer, amount from purchases")
    result = counting.daemon.run("shop/features", partition=SECOND)
    assert not result.success
    assert (
        checks(result)["one_row_each"].description == "1 rows have the customer of another row, 0 have none"
    )


def test_a_time_that_is_text_in_the_contract_is_a_clear_error(counting):
    counting.declare(schema=SCHEMA.replace("bought_at: pa.DateTime", "bought_at: str"))
    told = failure_message(counting.daemon.run(*TABLE, partition=FIRST))
    assert "shop: table purchases: its `time` column, bought_at, is declared as VARCHAR in schema.py" in told


def label(shop, month):
    result = shop.daemon.run("shop/features", partition=month)
    assert result.success
    return shop.daemon.run("shop/target", partition=month)


def labels(shop, month):
    frame = shop.frame("target", month)
    return dict(zip(frame["customer"], frame["quiet"], strict=True))


def test_a_target_is_what_happened_in_the_horizon_and_nothing_else(open_shop):
    shop = open_shop(features_sql=COUNTS)
    shop.write(FIRST, bought(*((f"p{name}", name, "2024-01-10", 5) for name in "abc")))
    shop.write(SECOND, bought(("p1", "a", "2024-02-10", 5), ("late", "b", "2024-01-20", 5)))
    shop.write(THIRD, bought(("p2", "c", "2024-02-20", 5), ("p3", "new", "2024-03-01", 5)))
    ingest(shop, FIRST, SECOND, THIRD)
    result = label(shop, FIRST)
    assert result.success
    assert labels(shop, FIRST) == {"a": 0, "b": 1, "c": 1}, "b bought before, and c is told too late"
    assert checks(result)["one_label_each"].passed
    assert shop.metadata("target", FIRST)["without_label"] == 0
    assert shop.metadata("target", FIRST)["mean"] == pytest.approx(2 / 3)


def test_a_target_without_its_whole_horizon_is_a_clear_error(open_shop):
    shop = open_shop(features_sql=COUNTS, settings={"target": {"column": "quiet", "horizon": 3}})
    for month in (FIRST, SECOND, FOURTH):
        shop.write(month)
    ingest(shop, FIRST, SECOND, FOURTH)
    told = failure_message(label(shop, FIRST))
    assert "the target of 2024-01 requires purchases of 2024-02 to 2024-04" in told
    assert "nothing has arrived for 2024-03" in told
    assert "target" not in {table[1] for table in shop.warehouse.tables()}


def test_a_target_before_its_features_is_a_clear_error(counting):
    ingest(counting, FIRST, SECOND)
    assert counting.daemon.run("shop/features", partition=FIRST).success
    told = failure_message(counting.daemon.run("shop/target", partition=SECOND))
    assert "shop: partition 2024-02 has no features yet" in told
    assert "materialize shop/features for 2024-02 first" in told


def test_a_target_that_forgets_or_repeats_a_customer_stops_the_run(open_shop):
    shop = open_shop(features_sql=COUNTS)
    shop.declare(features_sql=COUNTS, target_sql="select customer, 1 as quiet from purchases")
    shop.write(FIRST, bought(*((f"p{name}", name, "2024-01-10", 5) for name in "ab")))
    shop.write(SECOND, bought(*((f"q{name}", "a", "2024-02-10", 5) for name in "xy")))
    ingest(shop, FIRST, SECOND)
    result = label(shop, FIRST)
    assert not result.success
    assert checks(result)["one_label_each"].description == (
        "1 entities have no row, 1 have more than one, 0 have no features"
    )


def test_a_target_that_is_no_number_is_none_and_an_infinite_one_a_clear_error(counting):
    ingest(counting, FIRST, SECOND)
    assert counting.daemon.run("shop/features", partition=FIRST).success
    sql = "select customer, 'nan'::double as quiet from entities"
    counting.declare(features_sql=COUNTS, target_sql=sql)
    assert label(counting, FIRST).success
    [unlabelled] = counting.frame("target", FIRST)["quiet"]
    assert np.isnan(unlabelled)
    assert counting.metadata("target", FIRST)["without_label"] == 1
    counting.declare(features_sql=COUNTS, target_sql=sql.replace("nan", "-inf"))
    told = failure_message(label(counting, FIRST))
    assert "shop: target.sql: target quiet is infinite where customer is a" in told
    assert "nullif(y, 0)" in told


def test_a_target_query_without_its_column_is_a_clear_error(counting):
    counting.declare(features_sql=COUNTS, target_sql="select customer, 1 as churned from entities")
    ingest(counting, FIRST, SECOND)
    assert "shop: target.sql does not return quiet" in failure_message(label(counting, FIRST))


VISITS = """

class Visits(pa.DataFrameModel):
    customer: str
    seen_at: pa.DateTime
"""
PEOPLE = """

class People(pa.DataFrameModel):
    customer: str
    region: str
"""


def test_two_event_tables_arrive_each_by_itself(open_shop):
    tables = {**SETTINGS["tables"], "visits": {"source": "data/visits/*.csv", "time": "seen_at"}}
    both = """
        select customer, count(purchase_id) as bought, any_value(seen) as seen
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
    told = failure_message(shop.daemon.run("shop/features", partition=FIRST))
    assert "materialize shop/validated_visits first" in told
    layers = [f"shop/{layer}_visits" for layer in ("raw", "validated", "quarantine")]
    assert shop.daemon.run(*layers, partition=FIRST).success
    result = shop.daemon.run("shop/features", partition=FIRST)
    assert result.success, failure_message(result)
    [row] = shop.frame("features", FIRST)[["bought", "seen"]].to_dict("records")
    assert row == {"bought": 1.0, "seen": 2.0}


def test_a_table_without_time_stands_beside_events_and_is_seen_by_every_month(open_shop):
    tables = {**SETTINGS["tables"], "people": {"source": "data/people.csv", "key": ["customer"]}}
    joined = """
        select customer, count(*) as bought, any_value(region) as region
        from purchases left join people using (customer) group by customer
    """
    shop = open_shop(schema=SCHEMA + PEOPLE, features_sql=joined, settings={"tables": tables})
    people = pd.DataFrame({"customer": ["a"], "region": ["north"]})
    people.to_csv(shop.root / "data" / "people.csv", index=False)
    for number, month in enumerate(MONTHS[:2]):
        shop.write(month, bought((f"p{number}", "a", f"{month}-10", 5)))
    assert shop.daemon.look("shop_people_files") == []
    assert shop.daemon.look("shop_people_files") == [None]
    ran = shop.ingest(FIRST, SECOND)
    assert ran == {"shop/features": [FIRST, SECOND], "shop/target": [FIRST]}
    assert shop.frame("features", SECOND)["region"].tolist() == ["north"]
    people.assign(region="south").to_csv(shop.root / "data" / "people.csv", index=False)
    for _ in range(2):
        shop.daemon.look("shop_people_files")
    assert shop.daemon.settle()["shop/features"] == [FIRST, SECOND]
    assert shop.frame("features", FIRST)["region"].tolist() == ["south"]


def test_rows_of_one_big_file_arrive_by_their_column(open_shop):
    table = {"source": "data/all.csv", "time": "bought_at", "arrival": "bought_at", "key": ["purchase_id"]}
    shop = open_shop(
        features_sql=COUNTS, settings={"tables": {"purchases": {**table, "max_rejected_share": 0.5}}}
    )
    bought(
        ("p1", "a", "2024-01-10", 5),
        ("p2", "a", "2024-02-10", 5),
        ("odd", "b", "soon", 5),
        ("old", "c", "2023-05-01", 5),
    ).to_csv(shop.root / "data" / "all.csv", index=False)
    assert shop.ingest(FIRST, SECOND) == {"shop/features": [FIRST, SECOND], "shop/target": [FIRST]}
    assert set(shop.frame("validated_purchases", FIRST)["purchase_id"]) == {"p1", "old"}
    [quarantined] = shop.frame("quarantine_purchases", FIRST).to_dict("records")
    assert quarantined["purchase_id"] == "odd"
    assert list(quarantined[names.BROKEN_RULES]) == ["bought_at: dtype(datetime64[ns])"]
    assert counts(shop, SECOND) == {"a": 2, "c": 1}
    frame = pd.read_csv(shop.root / "data" / "all.csv")
    frame = pd.concat([frame, bought(("p3", "a", "2024-02-20", 5))])
    frame.to_csv(shop.root / "data" / "all.csv", index=False)
    before = shop.digests("raw_purchases")
    ran = shop.ingest(SECOND)
    assert ran["shop/features"] == [SECOND], "only the month whose rows changed"
    assert shop.digests("raw_purchases")[FIRST] == before[FIRST]
    assert counts(shop, SECOND) == {"a": 3, "c": 1}


@pytest.mark.parametrize(
    ("cadence", "start", "end", "first", "second", "times"),
    [
        ("daily", "2024-02-01", "2024-02-10", "2024-02-01", "2024-02-02", ("2024-02-01", "2024-02-02 23:59")),
        ("weekly", "2024-01-08", "2024-02-10", "2024-01-08", "2024-01-15", ("2024-01-08", "2024-01-21")),
    ],
)
def test_days_and_weeks_work_as_months_do(open_shop, cadence, start, end, first, second, times):
    partitions = {"cadence": cadence, "start": start, "end": end, "lookback": 2}
    shop = open_shop(features_sql=COUNTS, settings={"partitions": partitions})
    shop.write(first, bought(("p1", "a", times[0], 5), ("p2", "b", times[0], 5)))
    shop.write(second, bought(("p3", "a", times[1], 5)))
    shop.write("neither", bought(("p4", "a", times[1], 5)), name="purchases-2023-12-31.csv")
    ran = shop.ingest(first, second)
    assert ran == {"shop/features": [first, second], "shop/target": [first]}
    assert labels(shop, first) == {"a": 0, "b": 1}
    assert counts(shop, second) == {"a": 2, "b": 1}
