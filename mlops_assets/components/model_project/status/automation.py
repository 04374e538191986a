"""Schedules, sensors and their latest ticks, and the daemon that evaluates them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from mlops_assets.compat.dagster import schedule_execution_time_iterator
from mlops_assets.components.model_project.status.declared import (
    DeclaredProject,
    DeclaredSchedule,
    DeclaredSensor,
)
from mlops_assets.core.redaction.redact import redact
from mlops_assets.core.status.project import ScheduleStatus, SensorStatus, TickState, TickStatus
from mlops_assets.core.status.workspace import DaemonStatus, HeartbeatStatus

_DAEMON_SECONDS = 120.0
"""A daemon writes a heartbeat every 30 seconds. Dagster itself tolerates 30 minutes, for busy daemons."""
_LONGEST = 300
_TICK_STATES: Mapping[str, TickState] = {
    "STARTED": "started",
    "SKIPPED": "skipped",
    "SUCCESS": "success",
    "FAILURE": "failure",
}


@dataclass(frozen=True)
class Instigators:
    """Whether schedules and sensors were started or stopped by hand, and their latest ticks, by name."""

    running: Mapping[str, bool]
    ticks: Mapping[str, TickStatus]


def instigators(instance: dg.DagsterInstance, projects: Sequence[DeclaredProject]) -> Instigators:
    """The states and ticks of all schedules and sensors of projects, in two queries."""
    storage = instance.schedule_storage
    wanted = {each.name for project in projects for each in project.schedules}
    wanted |= {each.name for project in projects for each in project.sensors}
    if storage is None or not wanted:
        return Instigators({}, {})
    states = [state for state in storage.all_instigator_state() if state.instigator_name in wanted]
    running = {
        state.instigator_name: state.is_running
        for state in states
        if state.status.value != "DECLARED_IN_CODE"
    }
    name_of = {state.selector_id: state.instigator_name for state in states}
    ticks: dict[str, TickStatus] = {}
    found = storage.get_batch_ticks([*name_of], limit=1) if name_of else {}
    for selector, newest in found.items():
        name = name_of[selector]
        for status in map(_tick, newest):
            if name not in ticks or ticks[name].at < status.at:
                ticks[name] = status
    return Instigators(running, ticks)


def _tick(tick: Any) -> TickStatus:
    error = tick.error.message if tick.error else ""
    return TickStatus(
        datetime.fromtimestamp(tick.timestamp, UTC),
        _TICK_STATES.get(tick.status.value, "started"),
        _one_line(error),
    )


def schedule_status(declared: DeclaredSchedule, found: Instigators, now: datetime) -> ScheduleStatus:
    """A schedule with its next tick by its cron expression."""
    running = found.running.get(declared.name, declared.runs_by_default)
    coming = schedule_execution_time_iterator(now.timestamp(), list(declared.crons), declared.timezone)
    return ScheduleStatus(
        declared.name,
        "; ".join(declared.crons),
        declared.timezone,
        running,
        next(coming, None) if running else None,
        found.ticks.get(declared.name),
    )


def sensor_status(declared: DeclaredSensor, found: Instigators) -> SensorStatus:
    """A sensor with its latest tick."""
    running = found.running.get(declared.name, declared.runs_by_default)
    return SensorStatus(declared.name, running, declared.interval_seconds, found.ticks.get(declared.name))


def daemon_status(instance: dg.DagsterInstance, now: datetime) -> DaemonStatus:
    """The daemons that have ever run, by their heartbeats; one that is too old is not healthy."""
    daemons = []
    for name, heartbeat in sorted(instance.get_daemon_heartbeats().items()):
        at = datetime.fromtimestamp(heartbeat.timestamp, UTC)
        errors = heartbeat.errors or []
        is_alive = (now - at).total_seconds() <= _DAEMON_SECONDS
        error = _one_line(errors[0].message) if errors and is_alive else ""
        daemons.append(HeartbeatStatus(name.lower(), is_alive and not errors, at, error))
    newest = max((daemon.at for daemon in daemons if daemon.at), default=None)
    is_running = newest is not None and (now - newest).total_seconds() <= _DAEMON_SECONDS
    return DaemonStatus(is_running, tuple(daemons))


def _one_line(text: str) -> str:
    return " ".join(redact(text).split())[:_LONGEST]
