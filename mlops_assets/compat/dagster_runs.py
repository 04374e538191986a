"""Dagster runs in this process: of some assets of a job, many times with different partitions."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.execute_in_process import core_execute_in_process, merge_run_tags


class RepeatedJob:
    """Some assets of a job, for runs in this process.

    `JobDefinition.execute_in_process` takes the subset of the job for each run, a second time to record it,
    and computes the snapshots of both, which takes longer than a step with few rows. Here that is done once.
    """

    def __init__(self, job: dg.JobDefinition, assets: Sequence[dg.AssetKey]) -> None:
        self._job, self._assets = job, frozenset(assets)
        self._executed = job.as_ephemeral_job(
            resource_defs={}, input_values={}, asset_selection=sorted(self._assets)
        )
        self._recorded = self._executed.get_subset(asset_selection=self._assets)
        self._executed.get_subset = self._own_subset  # type: ignore[method-assign,assignment]

    def execute(
        self,
        *,
        run_config: Mapping[str, Any],
        instance: dg.DagsterInstance,
        partition_key: str | None,
        run_id: str,
        tags: Mapping[str, str],
    ) -> dg.ExecuteInProcessResult:
        """Execute a run, which does not raise the errors of its steps."""
        return core_execute_in_process(
            run_config=run_config,
            job=InMemoryJob(self._executed),
            instance=instance,
            output_capturing_enabled=True,
            raise_on_error=False,
            run_tags=merge_run_tags(
                job_def=self._job,
                partition_key=partition_key,
                tags=tags,
                asset_selection=sorted(self._assets),
                instance=instance,
                run_config=run_config,
            ),
            run_id=run_id,
            asset_selection=self._assets,
        )

    def _own_subset(
        self, *, asset_selection: frozenset[dg.AssetKey] | None = None, **others: Any
    ) -> dg.JobDefinition:
        """The job that a run is recorded with."""
        if asset_selection != self._assets or any(others.values()):
            raise ValueError(f"a run of {sorted(self._assets)} can't select {asset_selection}, {others}")
        return self._recorded
