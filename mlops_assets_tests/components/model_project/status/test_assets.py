from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from mlops_assets.compat.dagster import make_new_run_id
from mlops_assets.components.model_project.status.assets import asset_statuses
from mlops_assets.components.model_project.status.declared import declared_projects

pytestmark = pytest.mark.filterwarnings("ignore::dagster.PreviewWarning")

MONTHS = dg.MonthlyPartitionsDefinition("2024-01", end_date="2024-07", fmt="%Y-%m")
FEATURES, CHAMPION = dg.AssetKey(["shop", "features"]), dg.AssetKey(["shop", "champion"])
POLICY = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=24), warn_window=timedelta(hours=20))


@dg.multi_asset(
    specs=[dg.AssetSpec(FEATURES, group_name="shop", tags={"project": "shop"}, partitions_def=MONTHS)],
    check_specs=[
        dg.AssetCheckSpec("no_drift", asset=FEATURES, partitions_def=MONTHS),
        dg.AssetCheckSpec("rows", asset=FEATURES, partitions_def=MONTHS, blocking=True),
    ],
)
def features(context):
    raise dg.Failure("no rows")


@dg.asset(key=CHAMPION, group_name="shop", tags={"project": "shop"}, freshness_policy=POLICY)
def champion(): ...


[SHOP] = declared_projects(dg.Definitions(assets=[features, champion])).values()


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def materialize(instance, key, partition=None, rows=None):
    metadata = {} if rows is None else {"dagster/row_count": rows}
    instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=partition, metadata=metadata))


def evaluate(instance, name, partition, *, passed, severity=dg.AssetCheckSeverity.WARN):
    """A result as of a run: Dagster stores one result of a partition for each run, and one without a run."""
    evaluation = dg.AssetCheckEvaluation(
        asset_key=FEATURES,
        check_name=name,
        passed=passed,
        metadata={},
        severity=severity,
        description="2 of 7 columns",
        partition=partition,
    )
    event = dg.DagsterEvent(
        dg.DagsterEventType.ASSET_CHECK_EVALUATION.value, job_name="", event_specific_data=evaluation
    )
    instance.report_dagster_event(event, run_id=make_new_run_id())


def collect(instance, after=timedelta()):
    found = asset_statuses(instance, SHOP.assets, datetime.now(UTC) + after)
    return found[FEATURES], found[CHAMPION]


def test_assets_of_an_instance_without_events_are_missing(instance):
    features, champion = collect(instance)
    assert (features.health, features.partitions.declared, features.partitions.materialized) == (
        "missing",
        6,
        0,
    )
    assert [check.state for check in features.checks] == ["not_run", "not_run"]
    assert (champion.health, champion.freshness.state) == ("missing", "unknown")


def test_partitions_are_counted_without_those_that_are_not_declared(instance):
    for month in ("2024-01", "2024-03", "2023-01"):
        materialize(instance, FEATURES, month, rows=7)
    features, _ = collect(instance)
    assert (features.health, features.rows) == ("healthy", 7)
    assert (features.partitions.materialized, features.partitions.newest) == (2, "2024-03")


def test_a_warning_of_the_newest_partition_is_one_of_the_asset(instance):
    materialize(instance, FEATURES, "2024-01")
    evaluate(instance, "no_drift", "2024-02", passed=False)
    evaluate(instance, "no_drift", "2024-01", passed=True)
    features, _ = collect(instance)
    assert (features.health, features.reason) == ("warning", "checks warn: no_drift")
    [drift, _] = sorted(features.checks, key=lambda check: check.name)
    assert (drift.state, drift.partition, drift.description) == ("warned", "2024-02", "2 of 7 columns")
    assert drift.failed_partitions == ("2024-02",)


def test_a_warning_of_an_older_partition_is_history(instance):
    materialize(instance, FEATURES, "2024-01")
    evaluate(instance, "no_drift", "2024-01", passed=False)
    evaluate(instance, "no_drift", "2024-02", passed=True)
    features, _ = collect(instance)
    assert (features.health, features.reason) == ("healthy", "")


def test_a_result_is_replaced_by_a_later_one_of_its_partition(instance):
    materialize(instance, FEATURES, "2024-01")
    evaluate(instance, "no_drift", "2024-01", passed=False)
    evaluate(instance, "no_drift", "2024-01", passed=True)
    features, _ = collect(instance)
    assert features.health == "healthy"


def test_blocked_data_fails_the_asset_while_it_is_the_newest(instance):
    materialize(instance, FEATURES, "2024-01")
    evaluate(instance, "rows", "2024-01", passed=False, severity=dg.AssetCheckSeverity.ERROR)
    assert collect(instance)[0].health == "failed"
    evaluate(instance, "rows", "2024-02", passed=True)
    features, _ = collect(instance)
    assert (features.health, features.reason) == ("warning", "blocked partitions: 2024-01")


def test_a_failed_run_fails_the_asset_until_it_is_materialized(instance):
    result = dg.materialize([features], partition_key="2024-02", instance=instance, raise_on_error=False)
    found, _ = collect(instance)
    assert (found.health, found.partitions.failed) == ("failed", ("2024-02",))
    assert found.reason == f"the last run of 2024-02 failed (run {result.run_id[:8]})"
    assert (found.run.state, found.run.partition) == ("failure", "2024-02")
    assert 0 <= found.run.seconds < 60
    materialize(instance, FEATURES, "2024-03")
    found, _ = collect(instance)
    assert (found.health, found.reason) == ("warning", "runs of older partitions failed: 2024-02")
    materialize(instance, FEATURES, "2024-02")
    assert collect(instance)[0].health == "healthy"


@pytest.mark.parametrize(
    ("hours", "health", "state"),
    [(19, "healthy", "fresh"), (21, "warning", "due soon"), (25, "overdue", "overdue")],
)
def test_freshness_follows_from_the_last_materialization_without_the_daemon(instance, hours, health, state):
    materialize(instance, CHAMPION)
    _, champion = collect(instance, timedelta(hours=hours))
    assert (champion.health, champion.freshness.state, champion.freshness.policy) == (
        health,
        state,
        "every 24 h",
    )
    assert champion.freshness.due_at == champion.materialized_at + timedelta(hours=24)
