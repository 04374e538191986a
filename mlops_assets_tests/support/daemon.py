"""Dagster's daemon for the tests: it ticks when it is told to, and runs what was asked for in this
process.
"""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class Daemon:
    """Sensors, automation and schedules of some definitions, one tick at a time.

    Attributes
    ----------
    cursors
        Of each sensor by its name: what Dagster would have committed.
    launched
        The run keys that were launched, by the sensor that asked: Dagster launches none twice.
    """

    defs: dg.Definitions
    instance: dg.DagsterInstance
    resources: Mapping[str, Any]
    cursors: dict[str, str | None] = field(default_factory=dict)
    launched: set[tuple[str, str | None]] = field(default_factory=set)
    automation_cursor: Any = None

    def remember(self, other: "Daemon") -> None:
        """Go on from what another daemon had committed."""
        self.cursors, self.launched = dict(other.cursors), set(other.launched)
        self.automation_cursor = other.automation_cursor

    def run(self, *assets: str, partition: str | None = None, **config: Any) -> dg.ExecuteInProcessResult:
        """Materialize assets by hand, such as `shop/raw_purchases`; all of them when none is named."""
        job = self.defs.resolve_implicit_global_asset_job_def()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)
            return job.execute_in_process(
                instance=self.instance,
                asset_selection=[dg.AssetKey(asset.split("/")) for asset in assets] or None,
                partition_key=partition,
                raise_on_error=False,
                run_config={**_QUIET, **config},
            )

    def ask(self, sensor: str, *, commit: bool = True) -> list[dg.RunRequest]:
        """What one tick of a sensor asks for; nothing is run.

        Parameters
        ----------
        commit
            Whether the daemon lives until the tick's cursor is committed.
        """
        tick = self.tick(sensor)
        if commit:
            self.cursors[sensor] = tick.cursor
        return list(tick.run_requests or [])

    def tick(self, sensor: str) -> Any:
        """One tick of a sensor as Dagster sees it, without its consequences."""
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursors.get(sensor),
            sensor_name=sensor,
            definitions=self.defs,
            resources=self.resources,
        ) as context:
            return self.defs.get_repository_def().get_sensor_def(sensor).evaluate_tick(context)

    def look(self, sensor: str) -> list[str | None]:
        """One tick of a sensor, and the runs that follow; returns the partitions of those that were run."""
        return self.launch(sensor, self.ask(sensor))

    def launch(self, sensor: str, requests: Iterable[dg.RunRequest]) -> list[str | None]:
        """Run what was asked for, unless its run key was launched before."""
        ran = []
        for request in requests:
            if (sensor, request.run_key) in self.launched:
                continue
            self.launched.add((sensor, request.run_key))
            if request.asset_selection:
                chosen = [key.to_user_string() for key in request.asset_selection]
                self.run(*chosen, partition=request.partition_key)
            else:
                self._run_job(request, self.defs.get_repository_def().get_sensor_def(sensor).job_name)
            ran.append(request.partition_key)
        return ran

    def _run_job(self, request: dg.RunRequest, job: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)
            self.defs.resolve_job_def(request.job_name or job).execute_in_process(
                instance=self.instance,
                partition_key=request.partition_key,
                raise_on_error=False,
                run_config=_QUIET,
            )

    def follow(self) -> dict[str, list[str | None]]:
        """One tick of automation, and the runs that follow; returns the partitions of each asset."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)
            found = dg.evaluate_automation_conditions(
                defs=self.defs, instance=self.instance, cursor=self.automation_cursor
            )
        self.automation_cursor = found.cursor
        asked: dict[str, list[str | None]] = {}
        for key in sorted(self.defs.resolve_asset_graph().get_all_asset_keys()):
            if partitions := found.get_requested_partitions(key):
                asked[key.to_user_string()] = sorted(partitions, key=str)
        for partition in sorted({one for ones in asked.values() for one in ones}, key=str):
            self.run(*(key for key, ones in asked.items() if partition in ones), partition=partition)
        return asked

    def settle(self, most: int = 8) -> dict[str, list[str | None]]:
        """Automation's ticks until one asks for nothing; returns all that was run, as often as it was."""
        ran: dict[str, list[str | None]] = {}
        for _ in range(most):
            asked = self.follow()
            if not asked:
                return ran
            for key, partitions in asked.items():
                ran[key] = sorted([*ran.get(key, []), *partitions], key=str)
        raise AssertionError(f"automation asks for ever: {ran}")

    def schedule(self, name: str, at: Any) -> Any:
        """One tick of a schedule at a moment; nothing is run."""
        with dg.build_schedule_context(
            scheduled_execution_time=at,
            repository_def=self.defs.get_repository_def(),
            resources=self.resources,
        ) as context:
            # Dagster builds such a context over a persistent instance alone.
            context._instance_ref, context._instance = object(), self.instance
            return self.defs.get_repository_def().get_schedule_def(name).evaluate_tick(context)


def fault(result: dg.ExecuteInProcessResult) -> str:
    """What the first failed step told."""
    failed = next(event for event in result.all_events if event.is_step_failure)
    data = failed.step_failure_data
    return data.user_failure_data.description if data.user_failure_data else data.error.to_string()


def checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """The evaluations of a run by the names of their checks."""
    return {found.check_name: found for found in result.get_asset_check_evaluations()}


def copied(known: dg.DagsterInstance, to: dg.DagsterInstance) -> dg.DagsterInstance:
    """Give an empty ephemeral instance all that another one knows."""
    storages = ("run_storage", "event_log_storage")
    for source, target in ((getattr(known, name), getattr(to, name)) for name in storages):
        target._held_conn.rollback()
        databases = [storage._held_conn.connection.driver_connection for storage in (source, target)]
        databases[0].backup(databases[1])
    return to
