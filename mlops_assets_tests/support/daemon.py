"""Dagster's daemon for tests: ticks on request, and executes the requested runs in this process."""

import json
import sqlite3
import warnings
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._serdes import deserialize_value, serialize_value

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class Daemon:
    """Sensors, automation and schedules of some definitions, one tick at a time.

    Attributes
    ----------
    cursors
        Committed cursor of each sensor, by name.
    launched
        Sensor and run key of the launched runs: Dagster launches none twice.
    """

    defs: dg.Definitions
    instance: dg.DagsterInstance
    resources: Mapping[str, Any]
    cursors: dict[str, str | None] = field(default_factory=dict)
    launched: set[tuple[str, str | None]] = field(default_factory=set)
    automation_cursor: Any = None

    def remember(self, other: "Daemon") -> None:
        """Continue from the committed cursors of another daemon."""
        self.cursors, self.launched = dict(other.cursors), set(other.launched)
        self.automation_cursor = other.automation_cursor

    def to_text(self) -> str:
        """What it remembers, as Dagster's daemon serializes it."""
        automation = serialize_value(self.automation_cursor) if self.automation_cursor else None
        return json.dumps([self.cursors, sorted(self.launched, key=str), automation])

    def remember_text(self, text: str) -> None:
        """Continue from what `to_text` of another daemon returned."""
        self.cursors, launched, automation = json.loads(text)
        self.launched = {(sensor, key) for sensor, key in launched}
        self.automation_cursor = deserialize_value(automation) if automation else None

    def run(self, *assets: str, partition: str | None = None, **config: Any) -> dg.ExecuteInProcessResult:
        """Materialize assets manually, such as `shop/raw_purchases`; by default all."""
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
        """The run requests of one tick of a sensor; nothing is executed.

        Parameters
        ----------
        commit
            Whether the cursor of the tick is committed; False simulates a daemon that is killed before.
        """
        tick = self.tick(sensor)
        if commit:
            self.cursors[sensor] = tick.cursor
        return list(tick.run_requests or [])

    def tick(self, sensor: str) -> Any:
        """The result of one tick of a sensor, without committing or executing anything."""
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursors.get(sensor),
            sensor_name=sensor,
            definitions=self.defs,
            resources=self.resources,
        ) as context:
            return self.defs.get_repository_def().get_sensor_def(sensor).evaluate_tick(context)

    def look(self, sensor: str) -> list[str | None]:
        """One tick of a sensor and its runs; returns the partitions of the executed runs."""
        return self.launch(sensor, self.ask(sensor))

    def launch(self, sensor: str, requests: Iterable[dg.RunRequest]) -> list[str | None]:
        """Execute run requests, except those whose run key was launched before."""
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
        """One tick of automation and its runs; returns the requested partitions of each asset."""
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
        graph = self.defs.resolve_asset_graph()
        for partition in sorted({one for ones in asked.values() for one in ones}, key=str):
            together: dict[dg.PartitionsDefinition | None, list[str]] = {}
            for key in (key for key, ones in asked.items() if partition in ones):
                together.setdefault(graph.get(dg.AssetKey.from_user_string(key)).partitions_def, []).append(
                    key
                )
            for (
                keys
            ) in together.values():  # as Dagster's daemon does: one run has one definition of partitions
                self.run(*keys, partition=partition)
        return asked

    def settle(self, most: int = 8) -> dict[str, list[str | None]]:
        """Ticks of automation until one requests nothing; returns all partitions that were executed."""
        ran: dict[str, list[str | None]] = {}
        for _ in range(most):
            asked = self.follow()
            if not asked:
                return ran
            for key, partitions in asked.items():
                ran[key] = sorted([*ran.get(key, []), *partitions], key=str)
        raise AssertionError(f"automation does not come to rest: {ran}")

    def schedule(self, name: str, at: Any) -> Any:
        """The result of one tick of a schedule; nothing is executed."""
        with dg.build_schedule_context(
            scheduled_execution_time=at,
            repository_def=self.defs.get_repository_def(),
            resources=self.resources,
        ) as context:
            # Dagster builds this context for persistent instances only.
            context._instance_ref, context._instance = object(), self.instance
            return self.defs.get_repository_def().get_schedule_def(name).evaluate_tick(context)


def failure_message(result: dg.ExecuteInProcessResult) -> str:
    """Error message of the first failed step."""
    failed = next(event for event in result.all_events if event.is_step_failure)
    data = failed.step_failure_data
    return data.user_failure_data.description if data.user_failure_data else data.error.to_string()


def checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """Check evaluations of a run, by check name."""
    return {found.check_name: found for found in result.get_asset_check_evaluations()}


_STORAGES = ("run_storage", "event_log_storage")


def save_instance(known: dg.DagsterInstance, folder: Path) -> None:
    """Write the runs and events of an ephemeral instance to databases."""
    for name in _STORAGES:
        with closing(sqlite3.connect(folder / name)) as file:
            _connection(known, name).backup(file)


def load_instance(folder: Path, to: dg.DagsterInstance) -> None:
    """Read what `save_instance` wrote into another, empty instance."""
    for name in _STORAGES:
        with closing(sqlite3.connect(folder / name)) as file:
            file.backup(_connection(to, name))


def _connection(instance: dg.DagsterInstance, storage: str) -> Any:
    """The connection to a storage of an ephemeral instance, which is in memory."""
    held = getattr(instance, storage)._held_conn
    held.rollback()
    return held.connection.driver_connection
