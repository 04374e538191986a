"""Monitoring assets: reports by the daemon, and the reports of many partitions in one run."""

import dagster as dg

from mlops_assets.components.model_project.monitoring.monitoring_asset import WARNINGS
from mlops_assets.components.model_project.project.materializations import latest_materializations
from mlops_assets.components.model_project.project.staleness import Staleness

KEY = dg.AssetKey(["shop", "data_quality"])
MONTHS = ("2024-01", "2024-02")
QUALITY = {"monitoring": {"reports": ["data_quality"]}}


def rows_of(shop) -> dict[str | None, int]:
    made = latest_materializations(shop.instance, KEY)
    return {month: record.asset_materialization.metadata["rows"].value for month, record in made.items()}


def run_range(shop, first: str, last: str) -> dg.ExecuteInProcessResult:
    span = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    return shop.daemon.defs.resolve_job_def("shop_monitor").execute_in_process(
        instance=shop.instance, tags=span, raise_on_error=False
    )


def test_the_daemon_reports_on_each_partition_and_a_job_on_many_in_one_run(open_shop):
    shop = open_shop(settings=QUALITY)
    for month in MONTHS:
        shop.write(month)
    ran = shop.ingest(*MONTHS)
    assert ran["shop/data_quality"] == list(MONTHS)
    before = rows_of(shop)
    shop.write("2024-02", shop.purchases[shop.purchases["bought_at"].str.startswith("2024-02")].iloc[5:])
    assert "2024-02" in shop.ingest("2024-02")["shop/data_quality"]
    assert rows_of(shop) == {**before, "2024-02": before["2024-02"] - 5}

    result = run_range(shop, *MONTHS)
    assert result.success
    made = latest_materializations(shop.instance, KEY)
    assert {record.run_id for record in made.values()} == {result.run_id}
    for month in MONTHS:
        found = made[month].asset_materialization
        rows = shop.warehouse.row_counts(("shop", "validated_purchases"))[month]
        assert found.metadata["rows"].value == rows
        assert found.metadata[WARNINGS].value == 0
    graph = shop.daemon.defs.resolve_asset_graph()
    assert not any(Staleness(graph, shop.instance, shop.warehouse).stale([KEY], month) for month in MONTHS)


def test_a_report_on_rows_that_are_not_there_names_the_partition(open_shop):
    shop = open_shop(settings=QUALITY)
    failed = run_range(shop, "2024-01", "2024-02")
    [event] = [event for event in failed.all_events if event.is_step_failure]
    described = event.step_failure_data.user_failure_data.description
    assert described.startswith("shop: validated_purchases of 2024-01 is not materialized")
    assert "hint: materialize shop/validated_purchases for 2024-01 first" in described
