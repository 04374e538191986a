"""The status of a workspace as metrics."""

from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from mlops_assets.core.status.workspace import WorkspaceStatus
from mlops_assets.workspace.metrics.catalogue import OVERDUE
from mlops_assets.workspace.metrics.exposition import plain_text
from mlops_assets.workspace.metrics.figures import Figures
from mlops_assets.workspace.metrics.status_figures import add_status
from mlops_assets_tests.support.prometheus import promtool
from mlops_assets_tests.support.statuses import HOUR, NOW, full_project, full_status

SHOP = {"project": "shop"}
PREDICTIONS = {**SHOP, "asset": "predictions"}


class Kept(Collector):
    def __init__(self, figures: Figures) -> None:
        self.collect = figures.families


def registry(status: WorkspaceStatus, **options: bool) -> CollectorRegistry:
    figures, found = Figures(), CollectorRegistry()
    add_status(figures, status, **options)
    found.register(Kept(figures))
    return found


def seconds(ago: timedelta) -> float:
    return (NOW - ago).timestamp()


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("mlops_project_load_error", {"project": "broken"}, 1),
        ("mlops_project_load_error", SHOP, 0),
        ("mlops_project_unreadable_parts", SHOP, 1),
        ("mlops_project_health", {**SHOP, "health": "overdue"}, 1),
        ("mlops_project_health", {**SHOP, "health": "healthy"}, 0),
        ("mlops_asset_last_materialization_timestamp_seconds", PREDICTIONS, seconds(3 * HOUR)),
        ("mlops_asset_last_materialization_timestamp_seconds", {**SHOP, "asset": "raw"}, None),
        ("mlops_asset_freshness_deadline_timestamp_seconds", PREDICTIONS, seconds(HOUR)),
        ("mlops_asset_overdue", PREDICTIONS, 1),
        ("mlops_asset_rows", PREDICTIONS, 1_234),
        ("mlops_asset_partitions", {**PREDICTIONS, "state": "missing"}, 2),
        ("mlops_asset_failed_partitions", PREDICTIONS, 1),
        ("mlops_checks", {**SHOP, "state": "warned"}, 1),
        ("mlops_checks", {**SHOP, "state": "not_run"}, 1),
        ("mlops_check_passed", {**PREDICTIONS, "check": "contract", "blocking": "true"}, 1),
        ("mlops_check_passed", {**PREDICTIONS, "check": "one_row_each", "blocking": "true"}, 0),
        ("mlops_check_passed", {**PREDICTIONS, "check": "never", "blocking": "false"}, None),
        ("mlops_check_failed_partitions", {**PREDICTIONS, "check": "no_drift"}, 2),
        ("mlops_champion_info", {**SHOP, "version": "3"}, 1),
        ("mlops_champion_metric", {**SHOP, "metric": "roc_auc"}, 0.81),
        ("mlops_champion_registration_timestamp_seconds", SHOP, seconds(30 * HOUR)),
        ("mlops_champion_promotion_timestamp_seconds", SHOP, seconds(20 * HOUR)),
        ("mlops_pending_approvals", SHOP, 2),
        ("mlops_pending_approvals_oldest_timestamp_seconds", SHOP, seconds(5 * HOUR)),
        ("mlops_automation_last_tick_failed", {**SHOP, "kind": "sensor", "name": "shop_files"}, 1),
        ("mlops_automation_running", {**SHOP, "kind": "schedule", "name": "shop_train_schedule"}, 0),
        ("mlops_data_quality_out_of_line", SHOP, 1),
        ("mlops_drift_drifted_columns", {**SHOP, "reference": "training"}, 2),
        ("mlops_drift_largest_weighted_effect", {**SHOP, "reference": "previous"}, 0.125),
        ("mlops_performance", {**SHOP, "kind": "measured", "metric": "roc_auc"}, 0.5),
        ("mlops_performance_low", {**SHOP, "kind": "estimated", "metric": "roc_auc"}, 0.6),
        ("mlops_performance_at_registration", {**SHOP, "kind": "estimated", "metric": "roc_auc"}, 0.81),
        ("mlops_performance_holds", {**SHOP, "kind": "measured", "metric": "roc_auc"}, 0),
        ("mlops_performance_holds", {**SHOP, "kind": "estimated", "metric": "roc_auc"}, None),
        ("mlops_retraining_decision", {**SHOP, "decision": "train"}, 1),
        ("mlops_retraining_decision", {**SHOP, "decision": "keep"}, 0),
        ("mlops_retraining_decision_timestamp_seconds", SHOP, seconds(HOUR)),
        ("mlops_incidents_open", {**SHOP, "severity": "warning"}, 1),
        ("mlops_incidents_open", {**SHOP, "severity": "error"}, 0),
        ("mlops_incidents_open", {"project": "", "severity": "critical"}, 1),
        ("mlops_alerts_undelivered", {"channel": "webhook"}, 1),
        ("mlops_dagster_daemon_running", {}, 1),
        ("mlops_dagster_daemon_healthy", {"daemon": "scheduler"}, 0),
        ("mlops_dagster_daemon_last_heartbeat_timestamp_seconds", {"daemon": "scheduler"}, seconds(HOUR)),
        ("mlops_disk_free_bytes", {}, 250),
    ],
)
def test_a_figure_of_the_status_has_its_metric(name, labels, value):
    assert registry(full_status()).get_sample_value(name, labels) == value


def test_the_text_follows_the_conventions_of_prometheus():
    figures = Figures()
    add_status(figures, full_status())
    checked = promtool("check", "metrics", text=plain_text(figures.families))
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_the_number_of_series_does_not_depend_on_the_number_of_partitions():
    def series(partitions: int) -> int:
        status = replace(full_status(), projects=(full_project(partitions=partitions),))
        return sum(len(metric.samples) for metric in registry(status).collect())

    assert series(12) == series(2)


def test_what_dagster_knows_is_unknown_if_its_instance_cannot_be_read():
    found = registry(full_status(), with_dagster=False)
    names = {sample.name for metric in found.collect() for sample in metric.samples}
    unknown = ("mlops_dagster", "mlops_asset", "mlops_check", "mlops_automation", "mlops_project_health")
    assert not [name for name in names if name.startswith(unknown)]
    assert {"mlops_champion_info", "mlops_performance", "mlops_disk_free_bytes"} < names


def test_other_labels_and_two_samples_of_the_same_labels_are_errors():
    figures = Figures()
    with pytest.raises(ValueError, match="has the labels"):
        figures.add(OVERDUE, True, project="shop")
    figures.add(OVERDUE, True, **PREDICTIONS)
    with pytest.raises(ValueError, match="has two samples"):
        figures.add(OVERDUE, True, **PREDICTIONS)
