"""If this fails, Dagster changed how it executes a run in the process; `RepeatedJob` relies on it."""

from unittest.mock import patch

import dagster as dg
import pytest
from dagster._core.snap.job_snapshot import JobSnap

from mlops_assets.compat.dagster import make_new_run_id
from mlops_assets.compat.dagster_runs import RepeatedJob

DAYS = dg.StaticPartitionsDefinition(["a", "b", "c"])


@dg.asset(partitions_def=DAYS, check_specs=[dg.AssetCheckSpec("short", asset="rows", partitions_def=DAYS)])
def rows(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    if context.partition_key == "b":
        raise dg.Failure("unreadable")
    check = dg.AssetCheckResult(check_name="short", passed=True)
    return dg.MaterializeResult(check_results=[check])


@dg.asset(partitions_def=DAYS, deps=[rows])
def features() -> None: ...


@dg.asset(partitions_def=DAYS, deps=[features])
def predictions() -> None: ...


def test_each_run_has_its_partition_and_its_own_result_and_the_job_is_described_once():
    job = dg.Definitions(assets=[rows, features, predictions]).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        plain = job.execute_in_process(
            instance=instance, asset_selection=[rows.key, features.key], partition_key="a"
        )
        repeated = RepeatedJob(job, [features.key, rows.key])
        with patch.object(JobSnap, "from_job_def", wraps=JobSnap.from_job_def) as described:
            results, counted = {}, []
            for partition in ("a", "b", "c"):
                results[partition] = repeated.execute(
                    run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                    instance=instance,
                    partition_key=partition,
                    run_id=make_new_run_id(),
                    tags={"of": partition},
                )
                counted.append(described.call_count)
        assert counted[0] == counted[1] == counted[2]
        assert {partition: one.success for partition, one in results.items()} == {
            "a": True,
            "b": False,
            "c": True,
        }
        before, after = (instance.get_run_by_id(one.run_id) for one in (plain, results["c"]))
        assert before
        assert after
        assert after.tags == {**before.tags, "dagster/partition": "c", "of": "c"}
        assert after.asset_selection == before.asset_selection == {rows.key, features.key}
        assert after.job_snapshot_id == before.job_snapshot_id
        assert after.execution_plan_snapshot_id == before.execution_plan_snapshot_id
        assert [one.event_type_value for one in results["c"].all_events] == [
            one.event_type_value for one in plain.all_events
        ]
        made = instance.fetch_materializations(features.key, limit=9).records
        assert [record.partition_key for record in made] == ["c", "a", "a"]
        with pytest.raises(ValueError, match="can't select"):
            repeated._executed.get_subset(asset_selection=frozenset({rows.key}))
