"""Tables as they are known at a timestamp, against rows written by hand."""

import dagster as dg
import pytest

from mlops_assets.components.model_project.queries.counterfactual import CounterfactualReader
from mlops_assets.components.model_project.queries.known_tables import (
    ENTITIES,
    horizon_tables,
    known_tables,
)
from mlops_assets.core.errors import DataError
from mlops_assets.ml.features import point_in_time
from mlops_assets.ml.features.timeline import Timeline
from mlops_assets_tests.support.events import bought
from mlops_assets_tests.support.shop import MONTHS, SETTINGS

FIRST, SECOND, THIRD, FOURTH = MONTHS[:4]
RAW = dg.AssetKey(["shop", "validated_purchases"])


@pytest.fixture
def shop(open_shop):
    """A shop with a lookback of two and a horizon of two, and without arrivals."""
    settings = {
        "partitions": {**SETTINGS["partitions"], "lookback": 2},
        "target": {"column": "quiet", "horizon": 2},
    }
    return open_shop(settings=settings)


def arrive(shop, month, *rows, table="validated_purchases"):
    """Write the validated rows of a partition, without a run."""
    frame = bought(*rows).astype({"bought_at": "datetime64[us]"})
    with shop.warehouse.connect() as connection:
        connection.register("frame", frame)
        shop.warehouse.write(shop.path(table), connection.sql("select * from frame"), partition=month)


def known(shop, month, read=known_tables, **options):
    """The ids and amounts of the known purchases, and the tables."""
    with shop.warehouse.connect() as connection:
        found = read(shop.project, shop.warehouse, connection, month, **options)
        rows = found.tables["purchases"].project("purchase_id, amount").order("purchase_id").fetchall()
    return rows, found


def test_rows_of_the_lookback_are_known_at_the_end_of_the_partition(shop):
    arrive(shop, FIRST, ("too old", "a", "2024-01-10", 5))
    arrive(shop, SECOND, ("seen", "a", "2024-02-10", 5))
    own, late = ("own", "a", "2024-03-31 23:59", 5), ("late", "a", "2024-01-20", 5)
    arrive(shop, THIRD, own, late, ("future", "a", "2024-04-01", 5))
    arrive(shop, FOURTH, ("later", "a", "2024-03-20", 5))
    rows, found = known(shop, THIRD)
    assert [name for name, _ in rows] == ["late", "own", "seen"]
    digests = shop.digests("validated_purchases")
    assert found.inputs == {(RAW, SECOND): digests[SECOND], (RAW, THIRD): digests[THIRD]}
    assert found.versions == {"shop/validated_purchases": 4}
    assert found.missing == []


def test_the_newest_arrival_of_a_key_is_known(shop):
    arrive(shop, FIRST, ("p", "a", "2024-01-10", 5))
    arrive(shop, SECOND, ("p", "a", "2024-01-10", 50))
    assert known(shop, FIRST)[0] == [("p", 5)]
    assert known(shop, SECOND)[0] == [("p", 50)]


def test_a_missing_partition_of_the_lookback_is_listed(shop):
    arrive(shop, FIRST, ("p", "a", "2024-01-10", 5))
    arrive(shop, THIRD, ("q", "a", "2024-03-10", 5))
    assert known(shop, THIRD)[1].missing == ["purchases 2024-02"]


def test_partitions_before_the_first_arrival_are_not_missing(shop):
    arrive(shop, SECOND, ("p", "a", "2024-02-10", 5))
    assert known(shop, SECOND)[1].missing == []


def test_a_partition_that_has_not_arrived_is_an_error(shop):
    arrive(shop, FIRST, ("p", "a", "2024-01-10", 5))
    with pytest.raises(DataError, match=r"table purchases: partition 2024-02 has not arrived"):
        known(shop, SECOND)


def test_a_counterfactual_copy_has_the_same_known_rows(shop):
    arrive(shop, FIRST, ("p", "a", "2024-01-10", 5))
    arrive(shop, SECOND, ("q", "a", "2024-02-10", 6))
    arrive(shop, THIRD, ("p", "a", "2024-01-10", 70), ("r", "a", "2024-01-11", 8))
    for month in (FIRST, SECOND, THIRD):
        assert counterfactual(shop, month) == known(shop, month)[0]


def counterfactual(shop, month):
    """The ids and amounts of the purchases that are known in a counterfactual copy."""
    with shop.warehouse.connect() as connection:
        store = CounterfactualReader(shop.warehouse, shop.project, month)
        found = known_tables(shop.project, store, connection, month)
        return found.tables["purchases"].project("purchase_id, amount").order("purchase_id").fetchall()


@pytest.mark.parametrize("leak", ["later arrivals", "no end", "before the lookback"])
def test_a_counterfactual_copy_shows_a_leak_in_the_selection_of_rows(shop, monkeypatch, leak):
    arrive(shop, FIRST, ("old", "a", "2024-01-10", 5))
    arrive(shop, SECOND, ("p", "a", "2024-02-10", 5))
    arrive(shop, THIRD, ("q", "a", "2024-03-10", 6), ("ahead", "a", "2024-04-10", 6))
    assert counterfactual(shop, THIRD) == known(shop, THIRD)[0]
    match leak:
        case "later arrivals":
            monkeypatch.setattr(Timeline, "feature_periods", lambda *_: [SECOND, THIRD, FOURTH])
        case "no end":
            monkeypatch.setattr(point_in_time, "rows_between", lambda rows, **_: rows)
        case "before the lookback":
            monkeypatch.setattr(Timeline, "feature_periods", lambda *_: [FIRST, SECOND, THIRD])
    assert counterfactual(shop, THIRD) != known(shop, THIRD)[0]


def test_the_horizon_has_the_events_from_the_end_of_the_partition_to_its_own_end(shop):
    arrive(shop, FIRST, ("features", "a", "2024-01-10", 5), table="features")
    arrive(shop, SECOND, ("start", "a", "2024-02-01", 5), ("late", "a", "2024-01-31 23:59", 5))
    arrive(shop, THIRD, ("end", "a", "2024-03-31 23:59", 5), ("after", "a", "2024-04-01", 5))
    arrive(shop, FOURTH, ("known too late", "a", "2024-03-20", 5))
    rows, found = known(shop, FIRST, horizon_tables)
    assert [name for name, _ in rows] == ["end", "start"]
    features = dg.AssetKey(["shop", "features"])
    assert set(found.inputs) == {(features, FIRST), (RAW, SECOND), (RAW, THIRD)}
    assert found.versions == {"shop/features": 1, "shop/validated_purchases": 3}


def test_the_entities_of_the_target_are_those_with_features(shop):
    arrive(shop, FIRST, ("1", "a", "2024-01-10", 5), ("2", "b", "2024-01-10", 5), table="features")
    for month in (SECOND, THIRD):
        arrive(shop, month, (month, "new", f"{month}-10", 5))
    with shop.warehouse.connect() as connection:
        found = horizon_tables(shop.project, shop.warehouse, connection, FIRST)
        entities = found.tables[ENTITIES].order("customer").fetchall()
    assert entities == [("a",), ("b",)]


def test_an_incomplete_horizon_is_an_error(shop):
    arrive(shop, FIRST, ("features", "a", "2024-01-10", 5), table="features")
    arrive(shop, SECOND, ("p", "a", "2024-02-10", 5))
    with pytest.raises(DataError, match=r"requires purchases of 2024-02 to 2024-03.*arrived for 2024-03"):
        known(shop, FIRST, horizon_tables)


def test_a_horizon_without_features_is_an_error(shop):
    arrive(shop, FIRST, ("features", "a", "2024-01-10", 5), table="features")
    with pytest.raises(DataError, match="partition 2024-02 has no features yet"):
        known(shop, SECOND, horizon_tables)
