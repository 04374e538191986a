"""The restore job: old content is current again, what is made of it follows, and nothing undoes it."""

import dagster as dg
import pytest

from mlops_assets.components.model_project.project.metadata_names import FINGERPRINT, INPUTS
from mlops_assets.components.model_project.project.staleness import Staleness
from mlops_assets_tests.support.daemon import failure_message
from mlops_assets_tests.support.shop import MONTHS, Shop, of_month

FIRST, SECOND, THIRD, FOURTH, FIFTH = MONTHS[:5]
TABLE = ("raw_purchases", "validated_purchases", "quarantine_purchases")


def restore(shop: Shop, table: str, version: int, partition: str | None = None) -> dg.ExecuteInProcessResult:
    config = {"table": table, "version": version, **({"partition": partition} if partition else {})}
    return shop.daemon.defs.resolve_job_def("shop_restore").execute_in_process(
        instance=shop.instance,
        raise_on_error=False,
        run_config={
            "ops": {"shop__restore": {"config": config}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
    )


def stale(shop: Shop, *assets: str, partition: str, fingerprint: str | None = None) -> set[str]:
    raw = dg.AssetKey(shop.path("raw_purchases"))
    found = Staleness(shop.daemon.defs.resolve_asset_graph(), shop.instance, shop.warehouse)
    keys = {dg.AssetKey(shop.path(asset)) for asset in assets}
    expected = {raw: {FINGERPRINT: fingerprint}} if fingerprint else {}
    return {"/".join(key.path[1:]) for key in found.stale(keys, partition, expected)}


def written(shop: Shop, asset: str, partition: str) -> int:
    """The version that wrote a partition's content."""
    found = shop.warehouse.versions(shop.path(asset))
    return next(one.version for one in found if one.partition == partition)


def test_downstream_tables_follow_a_restored_month_and_a_changed_file_is_read_again(shop):
    old, before = written(shop, "validated_purchases", SECOND), shop.digests("features")
    frame = of_month(shop.purchases, SECOND)
    shop.write(SECOND, frame.assign(amount=frame["amount"] + 1000))
    shop.ingest(SECOND)
    assert shop.digests("features") != before
    last, made = shop.metadata("validated_purchases", SECOND), shop.materializations("validated_purchases")

    assert restore(shop, "validated_purchases", old, SECOND).success

    restored = shop.metadata("validated_purchases", SECOND)
    assert restored["restored_from"] == old
    assert restored[INPUTS] == last[INPUTS], "a person decided what these inputs give"
    fingerprint = shop.metadata("raw_purchases", SECOND)[FINGERPRINT]
    assert stale(shop, *TABLE, "features", partition=SECOND, fingerprint=fingerprint) == {"features"}
    assert shop.daemon.settle()["shop/features"] == [SECOND, THIRD, FOURTH], "a look-back of three"
    assert shop.digests("features") == before
    assert shop.materializations("validated_purchases")[SECOND] == made[SECOND] + 1, "by the restore alone"
    assert stale(shop, *TABLE, "features", partition=SECOND, fingerprint="of another file") == {
        *TABLE,
        "features",
    }
    shop.write(SECOND, frame.assign(amount=frame["amount"] + 2000))
    assert shop.ingest(SECOND)["shop/features"] == [SECOND, THIRD, FOURTH]
    assert shop.frame("validated_purchases", SECOND)["amount"].min() >= 2000


def test_valid_and_quarantined_rows_are_restored_together(shop):
    counts = {asset: len(shop.frame(asset, THIRD)) for asset in TABLE[1:]}
    old = written(shop, "quarantine_purchases", THIRD)
    frame = of_month(shop.purchases, THIRD)
    frame.loc[frame.index[:3], "amount"] = -1.0
    shop.write(THIRD, frame)
    shop.ingest(THIRD)
    assert len(shop.frame("quarantine_purchases", THIRD)) == counts["quarantine_purchases"] + 3

    result = restore(shop, "quarantine_purchases", old, THIRD)

    assert result.success
    assert {asset: len(shop.frame(asset, THIRD)) for asset in TABLE[1:]} == counts
    for asset in TABLE[1:]:
        newest = shop.warehouse.versions(shop.path(asset))[0]
        assert (newest.partition, newest.dagster_run_id) == (THIRD, result.run_id)
        assert shop.metadata(asset, THIRD)["dagster/row_count"] == counts[asset]


@pytest.mark.parametrize(
    ("table", "version", "partition", "message"),
    [
        (
            "purchases",
            1,
            FIRST,
            "shop has no table purchases\n  hint: choose one of features, quarantine_",
        ),
        ("features", 1, None, "must be restored by partition: version 1 wrote"),
        ("features", 1, FIFTH, "has no version 1 of partition"),
    ],
)
def test_an_invalid_version_is_reported_and_nothing_changes(
    shop, table, version, partition, message, record_property
):
    before = shop.digests("features")
    result = restore(shop, table, version, partition)
    assert not result.success
    assert message in failure_message(result)
    assert shop.digests("features") == before
    record_property("error", failure_message(result))
