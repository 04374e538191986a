"""target of an event project: the horizon, its completeness and the checks."""

import numpy as np
import pytest

from mlops_assets_tests.support.daemon import checks, failure_message
from mlops_assets_tests.support.events import COUNTS, bought, ingest, labels
from mlops_assets_tests.support.shop import MONTHS

FIRST, SECOND, THIRD, FOURTH = MONTHS[:4]


def label(shop, month):
    result = shop.daemon.run("shop/features", partition=month)
    assert result.success
    return shop.daemon.run("shop/target", partition=month)


def test_the_target_is_computed_from_the_events_of_the_horizon_only(open_shop):
    shop = open_shop(features_sql=COUNTS)
    shop.write(FIRST, bought(*((f"p{name}", name, "2024-01-10", 5) for name in "abc")))
    shop.write(SECOND, bought(("p1", "a", "2024-02-10", 5), ("late", "b", "2024-01-20", 5)))
    shop.write(THIRD, bought(("p2", "c", "2024-02-20", 5), ("p3", "new", "2024-03-01", 5)))
    ingest(shop, FIRST, SECOND, THIRD)
    result = label(shop, FIRST)
    assert result.success
    assert labels(shop, FIRST) == {"a": 0, "b": 1, "c": 1}, "b bought earlier, and c arrived too late"
    assert checks(result)["one_label_each"].passed
    assert shop.metadata("target", FIRST)["without_label"] == 0
    assert shop.metadata("target", FIRST)["mean"] == pytest.approx(2 / 3)


def test_a_target_with_an_incomplete_horizon_is_an_error(open_shop):
    shop = open_shop(features_sql=COUNTS, settings={"target": {"column": "quiet", "horizon": 3}})
    for month in (FIRST, SECOND, FOURTH):
        shop.write(month)
    ingest(shop, FIRST, SECOND, FOURTH)
    message = failure_message(label(shop, FIRST))
    assert "the target of 2024-01 requires purchases of 2024-02 to 2024-04" in message
    assert "nothing has arrived for 2024-03" in message
    assert "target" not in {table[1] for table in shop.warehouse.tables()}


def test_a_target_without_features_is_an_error(counting):
    ingest(counting, FIRST, SECOND)
    assert counting.daemon.run("shop/features", partition=FIRST).success
    message = failure_message(counting.daemon.run("shop/target", partition=SECOND))
    assert "shop: partition 2024-02 has no features yet" in message
    assert "materialize shop/features for 2024-02 first" in message


def test_a_target_that_omits_or_repeats_an_entity_fails_the_run(open_shop):
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


def test_a_target_of_nan_is_null_and_an_infinite_one_is_an_error(counting):
    ingest(counting, FIRST, SECOND)
    assert counting.daemon.run("shop/features", partition=FIRST).success
    sql = "select customer, 'nan'::double as quiet from entities"
    counting.declare(features_sql=COUNTS, target_sql=sql)
    assert label(counting, FIRST).success
    [unlabelled] = counting.frame("target", FIRST)["quiet"]
    assert np.isnan(unlabelled)
    assert counting.metadata("target", FIRST)["without_label"] == 1
    counting.declare(features_sql=COUNTS, target_sql=sql.replace("nan", "-inf"))
    message = failure_message(label(counting, FIRST))
    assert "shop: target.sql: target quiet is infinite where customer is a" in message
    assert "nullif(y, 0)" in message


def test_a_target_query_without_its_column_is_an_error(counting):
    counting.declare(features_sql=COUNTS, target_sql="select customer, 1 as churned from entities")
    ingest(counting, FIRST, SECOND)
    assert "shop: target.sql does not return quiet" in failure_message(label(counting, FIRST))
