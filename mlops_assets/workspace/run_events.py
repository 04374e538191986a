"""The events of a run, translated from Dagster's event log for any display."""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from types import TracebackType
from typing import Literal, Protocol

import dagster as dg
from dagster import AssetKey, DagsterEventType

from mlops_assets.workspace.dagster_run import STOPPED, step_error, steps_in_the_way

EventName = Literal["running", "done", "skipped", "failed", "log", "check_failed", "note"]
_ENDS: Mapping[DagsterEventType, EventName] = {
    DagsterEventType.STEP_SUCCESS: "done",
    DagsterEventType.STEP_SKIPPED: "skipped",
    DagsterEventType.STEP_FAILURE: "failed",
}


@dataclass(frozen=True)
class RunEvent:
    """An event of a step, or a note about the whole run.

    Attributes
    ----------
    time
        Unix time, in seconds.
    assets
        Names of the step's assets without the project, such as `raw_loans`; empty for a note.
    seconds
        Duration of the step, once it has ended.
    """

    event: EventName
    time: float
    message: str = ""
    level: str = "info"
    step: str = ""
    assets: tuple[str, ...] = ()
    partition: str | None = None
    partitions: int = 1
    """Number of partitions of the run, whose range is `partition` then, such as `2024-01..2024-06`."""
    seconds: float | None = None
    run_id: str | None = None


class Display(Protocol):
    """A context manager that shows events; it shows notes after its exit, too."""

    def __enter__(self) -> object: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

    def show(self, event: RunEvent) -> None: ...


class RunProgress:
    """Passes the events of a project's run to a display, and collects errors.

    Parameters
    ----------
    steps
        The steps that may run, in order, with the assets that each materializes.

    Attributes
    ----------
    errors
        Messages of failed steps, each once.
    stopped
        Whether the run was interrupted.
    """

    def __init__(self, display: Display, steps: Mapping[str, Sequence[AssetKey]]) -> None:
        self._display = display
        self._assets = {name: tuple("/".join(key.path[1:]) for key in keys) for name, keys in steps.items()}
        self._started: dict[str, float] = {}
        self._partition: str | None = None
        self._partitions = 1
        self._warned: dict[str, dict[str, str]] = {}
        self._blocked: list[str] = []
        self._causes: dict[str, tuple[str, ...]] = {}
        self.errors: list[str] = []
        self.stopped = False

    def __enter__(self) -> "RunProgress":
        self._display.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._display.__exit__(kind, error, traceback)

    def begin(self, partition: str | None, *, partitions: int = 1) -> None:
        """Begin another Dagster run: of a partition, or of a range of partitions."""
        self._causes = {}
        self._warned = {}
        self._partition, self._partitions = partition, partitions

    def note(self, message: str) -> None:
        """Show a message that belongs to no step."""
        self._display.show(RunEvent("note", time.time(), message))

    def abandon(self) -> None:
        """Show that the running steps were interrupted, and close the display; the process ends now."""
        for step in self._started:
            self._display.show(
                RunEvent(
                    "failed",
                    time.time(),
                    STOPPED,
                    level="error",
                    step=step,
                    assets=self._assets[step],
                    partition=self._partition,
                    partitions=self._partitions,
                )
            )
        self._display.__exit__(None, None, None)
        self._display.show(RunEvent("note", time.time(), STOPPED, level="error"))

    def on_event(self, entry: dg.EventLogEntry) -> None:
        """Process an entry of the run's event log."""
        step, event = entry.step_key or "", entry.dagster_event
        if step not in self._assets:
            return
        if event is None:
            if blocking := steps_in_the_way(entry.user_message):
                self._skip(entry, blocking)
                return
            self._show(entry, "log", entry.user_message, level=logging.getLevelName(entry.level).lower())
            return
        match event.event_type:
            case DagsterEventType.STEP_START:
                self._started[step] = entry.timestamp
                self._show(entry, "running")
            case DagsterEventType.STEP_FAILURE:
                errors = self._blocked or [step_error(event)]
                self._collect(errors)
                self._end(entry, "failed", "\n".join(errors), level="error")
                self._blocked = []
            case kind if kind in _ENDS:
                self._end(entry, _ENDS[kind])
            case DagsterEventType.ASSET_CHECK_EVALUATION:
                self._on_check(entry, event.asset_check_evaluation_data)

    def _skip(self, entry: dg.EventLogEntry, blocking: Sequence[str]) -> None:
        """Show a step that does not run, with the assets whose failure is the reason."""
        causes = [self._causes.get(step) or self._assets.get(step, (step,)) for step in blocking]
        found = tuple(dict.fromkeys(chain.from_iterable(causes)))
        self._causes[entry.step_key or ""] = found
        self._show(entry, "skipped", f"because of {', '.join(found)}")

    def _on_check(self, entry: dg.EventLogEntry, check: dg.AssetCheckEvaluation) -> None:
        if check.passed:
            return
        if self._partitions > 1 and check.partition and not check.blocking:
            self._warned.setdefault(check.check_name, {})[check.partition] = str(check.description)
            return
        message = f"check {check.check_name}: {check.description}"
        self._show(entry, "check_failed", message, level="error" if check.blocking else "warning")
        if check.blocking:
            of = f" of {self._partition}" if self._partition else ""
            self._blocked.append(f"{check.asset_key.to_user_string()}{of}: {message}")

    def _collect(self, errors: Iterable[str]) -> None:
        """Add each error once, even if many partitions fail with it."""
        for error in errors:
            self.stopped = self.stopped or error == STOPPED
            if error not in self.errors:
                self.errors.append(error)

    def _show_warned(self, entry: dg.EventLogEntry) -> None:
        """Show each check that warns for some partitions of a range once, with the newest of them."""
        for name, found in self._warned.items():
            newest = max(found)
            others = f" {len(found)} of {self._partitions} partitions, at last" if len(found) > 1 else ""
            message = f"check {name}:{others} {newest}: {found[newest]}"
            self._show(entry, "check_failed", message, level="warning")

    def _end(self, entry: dg.EventLogEntry, event: EventName, message: str = "", level: str = "info") -> None:
        self._show_warned(entry)
        started = self._started.pop(entry.step_key or "", None)
        seconds = None if started is None else entry.timestamp - started
        self._show(entry, event, message, level=level, seconds=seconds)

    def _show(
        self,
        entry: dg.EventLogEntry,
        event: EventName,
        message: str = "",
        *,
        level: str = "info",
        seconds: float | None = None,
    ) -> None:
        step = entry.step_key or ""
        self._display.show(
            RunEvent(
                event,
                entry.timestamp,
                message,
                level=level,
                step=step,
                assets=self._assets[step],
                partition=self._partition,
                partitions=self._partitions,
                seconds=seconds,
                run_id=entry.run_id,
            )
        )
