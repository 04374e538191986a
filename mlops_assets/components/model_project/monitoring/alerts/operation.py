"""The operation of Dagster: ticks that fail or are missing, daemons that stand still, and the disk."""

import shutil
from collections.abc import Iterator

from mlops_assets.compat.dagster_instigators import (
    InstigatorState,
    InstigatorTick,
    InstigatorType,
    TickStatus,
)
from mlops_assets.components.model_project.monitoring.alerts.evaluation import WITHHELD, Evaluation
from mlops_assets.core.byte_size import format_bytes
from mlops_assets.stores.alerts.alert import Condition

_GIGABYTE = 1e9
_LATE_SECONDS = 600.0
_LATE_TICKS = 10
_DEFAULT_INTERVAL = 30
_HOLD_SECONDS = 300.0
"""After a start, sensors and daemons need a while until their first tick and heartbeat."""
_HEARTBEAT_SECONDS = 300.0
_SENSOR_DAEMON = "SENSOR"
_DISK = "disk:"


def ticks(evaluation: Evaluation) -> Iterator[Condition]:
    """Yield a condition for each sensor and schedule whose last tick failed, and each sensor without ticks.

    Sensors without ticks are looked at while the daemon runs: otherwise all of them have none.
    """
    running = _daemon_runs(evaluation)
    for state, last in _last_ticks(evaluation):
        name = state.instigator_name
        what = "schedule" if state.instigator_type == InstigatorType.SCHEDULE else "sensor"
        if last.status == TickStatus.FAILURE:
            yield Condition(
                key=f"tick:{name}",
                kind="sensor",
                severity=evaluation.severity("sensor"),
                title=f"{what} {name} fails",
                detail=_error(evaluation, last),
            )
        interval = evaluation.automation.intervals[name] or _DEFAULT_INTERVAL
        late = evaluation.now.timestamp() - (last.end_timestamp or last.timestamp)
        if running and what == "sensor" and late > max(_LATE_SECONDS, _LATE_TICKS * interval):
            yield Condition(
                key=f"no_tick:{name}",
                kind="sensor",
                severity=evaluation.severity("sensor"),
                title=f"sensor {name} is not evaluated",
                detail=f"its last tick was {late / 60:,.0f} minutes ago, and it is switched on",
                hold_seconds=_HOLD_SECONDS,
            )


def _last_ticks(evaluation: Evaluation) -> Iterator[tuple[InstigatorState, InstigatorTick]]:
    """Yield the last completed tick of each sensor and schedule that is switched on.

    A code location that was renamed leaves states under the same names: the one with the latest tick counts.
    """
    if evaluation.instance.schedule_storage is None:  # an instance in memory
        return
    found: dict[str, tuple[InstigatorState, InstigatorTick]] = {}
    for state in evaluation.instance.all_instigator_state():
        name = state.instigator_name
        if name not in evaluation.automation.intervals or not state.is_running:
            continue
        recent = evaluation.instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=2)
        last = next((tick for tick in recent if tick.status != TickStatus.STARTED), None)
        if last and (name not in found or last.timestamp > found[name][1].timestamp):
            found[name] = (state, last)
    yield from (found[name] for name in sorted(found))


def _error(evaluation: Evaluation, tick: InstigatorTick) -> str:
    error = tick.error
    while error and error.cause:
        error = error.cause
    if error is None:
        return ""
    # Expected errors of sensors are failures without values.
    hidden = evaluation.project.sensitive and error.cls_name != "Failure"
    return f"{error.cls_name}: {WITHHELD}" if hidden else error.message.strip()


def daemons(evaluation: Evaluation) -> Iterator[Condition]:
    """Yield a condition for each part of Dagster's daemon that stands still while its sensors are evaluated.

    A daemon that does not run at all evaluates no alerts, so it can't be reported from here.
    """
    if not _daemon_runs(evaluation):
        return
    heartbeats = evaluation.instance.get_daemon_heartbeats()
    for kind in evaluation.instance.get_required_daemon_types():
        last = heartbeats[kind].timestamp if kind in heartbeats else None
        if last is None or evaluation.now.timestamp() - last > _HEARTBEAT_SECONDS:
            yield Condition(
                key=f"daemon:{kind}",
                kind="daemon",
                severity=evaluation.severity("daemon"),
                title=f"Dagster's daemon {kind} stands still",
                detail="it has never reported" if last is None else "it reports no heartbeat; see its log",
                hold_seconds=_HOLD_SECONDS,
                shared=True,
            )


def _daemon_runs(evaluation: Evaluation) -> bool:
    heartbeat = evaluation.instance.get_daemon_heartbeats().get(_SENSOR_DAEMON)
    return heartbeat is not None and evaluation.now.timestamp() - heartbeat.timestamp < _HEARTBEAT_SECONDS


def disk(evaluation: Evaluation) -> Iterator[Condition]:
    """Yield a condition if less than the declared space is free for the state directory.

    An open incident of another project has a limit of its own, which its key contains.
    """
    usage = shutil.disk_usage(evaluation.state)
    own = evaluation.settings.disk_free_gigabytes
    incidents = evaluation.store.open_incidents(evaluation.project.name)
    others = {float(one.key.removeprefix(_DISK)) for one in incidents if one.key.startswith(_DISK)}
    for limit in sorted({own, *others}):
        if usage.free < limit * _GIGABYTE:
            yield Condition(
                key=f"{_DISK}{limit!r}",
                kind="disk",
                severity=evaluation.severity("disk"),
                title="the disk of the state directory is nearly full",
                detail=f"{format_bytes(usage.free)} of {format_bytes(usage.total)} are free; the limit is "
                f"{limit:g} GB",
                shared=True,
            )
