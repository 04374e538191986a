"""Stale assets: none after a full run, and exactly the affected partitions after each kind of change."""

import shutil
from dataclasses import dataclass

import dagster as dg
import pytest
import sqlalchemy as db
from dagster._core.storage.event_log import sql_event_log

from mlops_assets.components.model_project.project.materializations import (
    DATA_VERSION,
    latest_materializations,
)
from mlops_assets.components.model_project.project.metadata_names import FINGERPRINT
from mlops_assets.components.model_project.project.staleness import Staleness
from mlops_assets.core import names
from mlops_assets.stores.warehouse.warehouse import Warehouse
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


DAYS = dg.DailyPartitionsDefinition("2026-01-01", end_date="2026-03-01")
LOG, DAILY, TOTAL = (dg.AssetKey(["many", name]) for name in ("log", "daily", "total"))
BACK = dg.TimeWindowPartitionMapping(start_offset=-6, allow_nonexistent_upstream_partitions=True)
GRAPH = dg.Definitions(
    assets=[
        dg.AssetsDefinition(specs=[spec])
        for spec in (
            dg.AssetSpec(LOG, partitions_def=DAYS),
            dg.AssetSpec(DAILY, partitions_def=DAYS, deps=[dg.AssetDep(LOG, partition_mapping=BACK)]),
            dg.AssetSpec(TOTAL, deps=[DAILY]),
        )
    ]
).resolve_asset_graph()


@dataclass
class Storage:
    """An instance, and how many queries and decoded events answered what it was asked."""

    instance: dg.DagsterInstance
    statements: int = 0
    events: int = 0


@pytest.fixture
def storage(monkeypatch):
    with dg.DagsterInstance.ephemeral() as instance:
        found = Storage(instance)
        decode = sql_event_log.deserialize_value

        def count_statement(_connection, _cursor, statement, *_):
            found.statements += statement.startswith("SELECT")

        def count_event(*arguments, **options):
            found.events += 1
            return decode(*arguments, **options)

        monkeypatch.setattr(sql_event_log, "deserialize_value", count_event)
        db.event.listen(db.Engine, "before_cursor_execute", count_statement)
        yield found
        db.event.remove(db.Engine, "before_cursor_execute", count_statement)


def report(instance, key, partition, version):
    tags = {DATA_VERSION: version}
    inputs = {} if key == LOG else {"inputs": version}
    instance.report_runless_asset_event(
        dg.AssetMaterialization(key, partition=partition, tags=tags, metadata=inputs)
    )


def reported(storage, tmp_path, days):
    """The staleness of partitions that are up to date."""
    for day in days:
        report(storage.instance, LOG, day, f"log {day}")
    current = Staleness(GRAPH, storage.instance, Warehouse(tmp_path))
    for day in days:
        report(storage.instance, DAILY, day, current.inputs(DAILY, day))
    return current.refresh()


def test_the_queries_for_all_partitions_are_those_for_a_few(storage, tmp_path):
    counted = {}
    for count in (5, 40):
        days = list(DAYS.get_partition_keys())[:count]
        storage.instance.wipe_assets([LOG, DAILY])
        reported(storage, tmp_path, days)
        storage.statements = storage.events = 0
        fresh = Staleness(GRAPH, storage.instance, Warehouse(tmp_path))
        assert [day for day in days if fresh.refresh().stale([LOG, DAILY], day)] == []
        counted[count] = (storage.statements - count, storage.events)  # one a refresh: the newest event
        assert storage.events <= 2 * count + 4, "each materialization is decoded once; and the wipes"
    assert counted[40][0] <= counted[5][0] + 2


def test_after_a_run_only_its_materializations_are_loaded(storage, tmp_path):
    days = list(DAYS.get_partition_keys())[:40]
    current = reported(storage, tmp_path, days)
    assert [day for day in days if current.stale([LOG, DAILY], day)] == []
    assert current.partitions(DAILY) == set(days)
    report(storage.instance, LOG, days[20], "corrected")
    storage.events = 0
    current.refresh()
    assert storage.events == 1
    assert [day for day in days if current.stale([DAILY], day)] == days[20:27]
    fresh = Staleness(GRAPH, storage.instance, Warehouse(tmp_path))
    for day in days:
        assert current.reasons([LOG, DAILY], day) == fresh.reasons([LOG, DAILY], day)
    report(storage.instance, TOTAL, None, "total")
    assert current.refresh().is_materialized(TOTAL)


def test_a_step_that_ends_after_its_materialization_was_loaded_counts_as_succeeded(storage, tmp_path):
    def failing(context):
        yield dg.MaterializeResult()
        if context.run.tags.get("fails"):
            raise dg.Failure("failed")

    asset = dg.multi_asset(specs=[dg.AssetSpec(LOG, partitions_def=DAYS)])(failing)
    day = "2026-01-02"
    for tags in ({"fails": "yes"}, {}):
        dg.materialize([asset], instance=storage.instance, partition_key=day, tags=tags, raise_on_error=False)
        if tags:
            current = Staleness(GRAPH, storage.instance, Warehouse(tmp_path))
            assert current.reasons([LOG], day)[LOG].kind == "failed"
            assert current.usable_partitions(LOG) == set()
    assert current.refresh().usable_partitions(LOG) == {day}
