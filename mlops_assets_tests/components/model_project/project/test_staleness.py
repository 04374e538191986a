"""Stale assets: none after a full run, and exactly the affected partitions after each kind of change."""

import shutil

import dagster as dg
import pytest

from mlops_assets.components.model_project.project.materializations import latest_materializations
from mlops_assets.components.model_project.project.metadata_names import FINGERPRINT
from mlops_assets.components.model_project.project.staleness import Staleness
from mlops_assets.core import names
from mlops_assets_tests.support.shop import FEATURES_SQL, MODEL, MONTHS, of_month

FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH = MONTHS[:6]
TABLE = ("raw_purchases", "validated_purchases", "quarantine_purchases")
TABLE_RUN = tuple(f"shop/{asset}" for asset in TABLE)
MODEL_ASSETS = tuple(asset.removeprefix("shop/") for asset in MODEL)


def staleness(shop):
    graph = shop.daemon.defs.resolve_asset_graph()
    return Staleness(graph, shop.instance, shop.warehouse)


def stale(shop, *assets, partition, expected=None):
    """The names of the stale assets among the given ones, in a partition."""
    keys = {dg.AssetKey(shop.path(asset)) for asset in assets}
    return {"/".join(key.path[1:]) for key in staleness(shop).stale(keys, partition, expected)}


def months(shop, asset, of=MONTHS[:5]):
    """The partitions in which an asset is stale."""
    return [month for month in of if stale(shop, asset, partition=month)]


def test_nothing_is_stale_after_a_full_run(champion_shop):
    for month in MONTHS[:5]:
        assert stale(champion_shop, *TABLE, "features", "predictions", partition=month) == set()
    assert months(champion_shop, "target", MONTHS[:4]) == []
    assert stale(champion_shop, *MODEL_ASSETS, partition=FIFTH) == set()


def test_missing_partitions_are_stale(champion_shop):
    assert stale(champion_shop, *TABLE, "features", partition=SIXTH) == {*TABLE, "features"}
    assert stale(champion_shop, "tuned_model", partition=FOURTH) == {"tuned_model"}
    found = staleness(champion_shop)
    assert found.partitions(dg.AssetKey(["shop", "target"])) == set(MONTHS[:4])
    assert found.is_materialized(dg.AssetKey(["shop", "champion"]))
    assert not found.is_materialized(dg.AssetKey(["shop", "elsewhere"]))


def test_another_source_makes_the_table_and_its_downstream_assets_stale(champion_shop):
    raw = dg.AssetKey(champion_shop.path("raw_purchases"))
    fingerprint = champion_shop.metadata("raw_purchases", SECOND)[FINGERPRINT]
    everything = (*TABLE, "features")
    assert (
        stale(champion_shop, *everything, partition=SECOND, expected={raw: {FINGERPRINT: fingerprint}})
        == set()
    )
    assert stale(champion_shop, *everything, partition=SECOND, expected={raw: {FINGERPRINT: "other"}}) == {
        *everything
    }


def test_a_corrected_partition_makes_its_readers_stale(champion_shop):
    frame = of_month(champion_shop.purchases, SECOND)
    champion_shop.write(SECOND, frame.assign(amount=frame["amount"] + 1000))
    assert champion_shop.daemon.run(*TABLE_RUN, partition=SECOND).success
    assert months(champion_shop, "validated_purchases") == []
    assert months(champion_shop, "features") == [SECOND, THIRD, FOURTH], "a look-back of three"
    assert months(champion_shop, "target", MONTHS[:4]) == [FIRST], "the others until the features were made"
    assert months(champion_shop, "predictions") == []
    assert stale(champion_shop, "training_set", partition=FIFTH) == set()
    assert champion_shop.daemon.run("shop/features", partition=FOURTH).success
    assert months(champion_shop, "predictions") == [FOURTH]
    assert months(champion_shop, "target", MONTHS[:4]) == [FIRST, FOURTH]
    assert stale(champion_shop, *MODEL_ASSETS, partition=FIFTH) == {*MODEL_ASSETS}


def test_a_changed_query_makes_its_table_and_the_model_stale(champion_shop):
    champion_shop.declare(features_sql=FEATURES_SQL + "-- changed")
    assert months(champion_shop, "features") == MONTHS[:5]
    assert months(champion_shop, "validated_purchases") == []
    assert months(champion_shop, "target", MONTHS[:4]) == []
    assert stale(champion_shop, *MODEL_ASSETS, partition=FIFTH) == {*MODEL_ASSETS[1:]}


def test_a_changed_target_query_makes_only_the_target_stale(champion_shop):
    champion_shop.declare(target_sql="select customer, 1 as quiet from entities")
    assert months(champion_shop, "target", MONTHS[:4]) == MONTHS[:4]
    assert months(champion_shop, "features") == []
    assert stale(champion_shop, *MODEL_ASSETS, partition=FIFTH) == set()


def test_a_removed_table_is_stale(champion_shop):
    shutil.rmtree(champion_shop.state.warehouse / "shop" / "features")
    assert months(champion_shop, "features") == MONTHS[:5]
    assert months(champion_shop, "target", MONTHS[:4]) == MONTHS[:4]
    assert months(champion_shop, "validated_purchases") == []


def test_rows_that_failed_their_check_are_stale_until_they_pass(shop):
    frame = of_month(shop.purchases, THIRD)
    bad = frame.astype({"amount": object})
    bad.loc[:20, "amount"] = "free"
    shop.write(THIRD, bad)
    assert not shop.daemon.run(*TABLE_RUN, partition=THIRD).success
    assert stale(shop, *TABLE, partition=THIRD) == {*TABLE[1:]}, "its raw rows are there"
    assert months(shop, "validated_purchases") == [THIRD]
    assert months(shop, "features") == [THIRD, FOURTH, FIFTH]
    shop.write(THIRD)
    assert shop.daemon.run(*TABLE_RUN, partition=THIRD).success
    assert months(shop, "validated_purchases") == []
    assert months(shop, "features") == [], "the content is the old one again"


@pytest.mark.parametrize("wanted", [None, {SECOND, "2024-12"}])
def test_the_last_materialization_of_each_partition_is_found(shop, wanted):
    assert shop.daemon.run("shop/features", partition=SECOND).success
    found = latest_materializations(shop.instance, dg.AssetKey(["shop", "features"]), wanted)
    assert set(found) == ({SECOND} if wanted else set(MONTHS[:5]))
    newest = max(record.storage_id for record in found.values())
    assert found[SECOND].storage_id == newest


def test_the_last_materialization_of_an_asset_without_partitions_is_under_none(champion_shop):
    found = latest_materializations(champion_shop.instance, dg.AssetKey(["shop", names.CHAMPION]))
    assert list(found) == [None]
    assert latest_materializations(champion_shop.instance, dg.AssetKey(["shop", "nothing"])) == {}
