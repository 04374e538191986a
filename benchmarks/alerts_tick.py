"""Time of a tick of the sensor of alerts: 20 assets with 3 checks each and 60 partitions.

    python -m benchmarks.alerts_tick

Writes the records of a project of this size to an instance in memory, then evaluates them as the
sensor does: the first tick reads everything, later ones what has changed.
"""

import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import dagster as dg
from dagster import DagsterInstance

from mlops_assets.compat.dagster import make_new_run_id
from mlops_assets.components.model_project.monitoring.alerts.checks import failed_checks
from mlops_assets.components.model_project.monitoring.alerts.evaluation import Automation, Evaluation
from mlops_assets.components.model_project.monitoring.alerts.operation import daemons, disk, ticks
from mlops_assets.components.model_project.monitoring.alerts.runs import failed_runs
from mlops_assets.components.model_project.settings.monitoring.alerts import AlertSettings
from mlops_assets.stores.alerts.alert import KINDS

ASSETS, CHECKS, PARTITIONS, TICKS = 20, 3, 60, 20


def definitions(partitions: dg.PartitionsDefinition) -> dg.Definitions:
    """A project with assets and checks, none of which does anything."""

    def asset(number: int) -> dg.AssetsDefinition:
        specs = [
            dg.AssetCheckSpec(
                f"check_{one}", asset=dg.AssetKey(["churn", f"asset_{number}"]), partitions_def=partitions
            )
            for one in range(CHECKS)
        ]

        @dg.asset(
            key=["churn", f"asset_{number}"], group_name="churn", partitions_def=partitions, check_specs=specs
        )
        def made() -> dg.MaterializeResult:
            return dg.MaterializeResult()

        return made

    return dg.Definitions(assets=[asset(number) for number in range(ASSETS)])


def record(instance: DagsterInstance, key: dg.AssetCheckKey, partition: str, *, passed: bool) -> None:
    """Record the evaluation of a check, as a run does."""
    evaluation = dg.AssetCheckEvaluation(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        description="3 of 12 columns",
        partition=partition,
    )
    event = dg.DagsterEvent("ASSET_CHECK_EVALUATION", "a job", event_specific_data=cast(Any, evaluation))
    instance.report_dagster_event(event, run_id=make_new_run_id())


def main() -> None:
    """Print the times of the first tick, of ticks without changes and of one with changes."""
    partitions = dg.MonthlyPartitionsDefinition("2020-01", end_date="2025-01", fmt="%Y-%m")
    keys = partitions.get_partition_keys()
    assert len(keys) == PARTITIONS
    graph = definitions(partitions).resolve_asset_graph()
    with tempfile.TemporaryDirectory() as folder, DagsterInstance.ephemeral() as instance:
        checks = sorted(graph.asset_check_keys)
        for partition in keys:
            for key in checks:
                record(instance, key, partition, passed=hash((key.name, partition)) % 7 > 0)

        def tick() -> float:
            started = time.perf_counter()
            project: Any = SimpleNamespace(name="churn", sensitive=frozenset())
            evaluation = Evaluation(
                project=project,
                settings=AlertSettings(),
                automation=Automation({}, frozenset()),
                instance=instance,
                graph=graph,
                state=Path(folder),
                now=datetime.now(UTC),
            )
            found = [
                one
                for collect in (failed_runs, failed_checks, ticks, daemons, disk)
                for one in collect(evaluation)
            ]
            evaluation.store.reconcile(
                "churn", found, set(KINDS), lambda *_: [], now=evaluation.now, positions=evaluation.positions
            )
            return time.perf_counter() - started

        first = tick()
        later = [tick() for _ in range(TICKS)]
        for key in checks:
            record(instance, key, keys[-1], passed=True)
        changed = tick()
    print(f"first tick: {first:.2f} s")
    print(f"without changes: {statistics.median(later):.3f} s")
    print(f"{len(checks)} new results: {changed:.3f} s")


if __name__ == "__main__":
    main()
