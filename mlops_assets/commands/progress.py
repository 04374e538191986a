"""Live progress of a run: a table on a terminal, else a line for each change.

Holds: `RunProgress`.
Add here: another event of a run that a person should see.
Not here: what is known after a run (`summary.py`).
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg
from dagster import AssetKey, DagsterEventType
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mlops_assets.execution import STOPPED, step_fault

_STYLES = {"waiting": "dim", "running": "yellow", "done": "green", "skipped": "dim", "failed": "bold red"}


@dataclass
class _Step:
    state: str = "waiting"
    started: float | None = None
    seconds: float = 0.0
    partitions: int = 0
    """How many were made."""
    note: str = ""

    def elapsed(self) -> str:
        running = time.time() - self.started if self.started is not None else 0.0
        return f"{self.seconds + running:.1f}" if self.seconds or running else ""


class RunProgress:
    """A project's assets with state and seconds: a live table on a terminal, else a line for each change.

    Parameters
    ----------
    steps
        For each step that may run, in order, the assets that it materializes.
    partitioned
        Whether to show partitions.
    """

    def __init__(
        self, console: Console, steps: Mapping[str, Sequence[AssetKey]], *, partitioned: bool = False
    ) -> None:
        self._console = console
        self._assets = steps
        self._steps = {name: _Step() for name in steps}
        self._partitioned = partitioned
        self._partition: str | None = None
        self._live = Live(get_renderable=self._table, console=console, refresh_per_second=4)
        self.faults: list[str] = []
        self.stopped = False
        self._blocked: list[str] = []

    def __enter__(self) -> "RunProgress":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def begin(self, partition: str | None) -> None:
        """Another run begins, of a partition if it has one."""
        self._partition = partition

    def on_event(self, entry: dg.EventLogEntry) -> None:
        """Take note of one entry of the run's event log."""
        step = self._steps.get(entry.step_key or "")
        event = entry.dagster_event
        if step is None:
            return
        if event is None:
            step.note = entry.user_message
            self._say(entry.step_key, step, entry.user_message)
            return
        match event.event_type:
            case DagsterEventType.STEP_START:
                step.state, step.started = "running", entry.timestamp
                self._say(entry.step_key, step)
            case DagsterEventType.STEP_SUCCESS:
                step.partitions += 1
                self._finish(entry, step, "done")
            case DagsterEventType.STEP_SKIPPED:
                self._finish(entry, step, "skipped")
            case DagsterEventType.STEP_FAILURE:
                self._note_faults(self._blocked or [step_fault(event)])
                self._blocked.clear()
                self._finish(entry, step, "failed")
            case DagsterEventType.ASSET_CHECK_EVALUATION:
                check = event.asset_check_evaluation_data
                if not check.passed:
                    step.note = f"check {check.check_name}: {check.description}"
                    self._say(entry.step_key, step, step.note)
                    if check.blocking:
                        of = f" of {self._partition}" if self._partition else ""
                        self._blocked.append(f"{check.asset_key.to_user_string()}{of}: {step.note}")

    def _note_faults(self, faults: Iterable[str]) -> None:
        """Each fault once, though many partitions may fail by it."""
        for fault in faults:
            self.stopped = self.stopped or fault == STOPPED
            if fault not in self.faults:
                self.faults.append(fault)

    def _finish(self, entry: dg.EventLogEntry, step: _Step, state: str) -> None:
        if step.state != "failed" or state == "failed":  # one partition's failure stays to be seen
            step.state = state
        took = entry.timestamp - step.started if step.started else None
        step.seconds, step.started = step.seconds + (took or 0.0), None
        self._say(entry.step_key, step, f"{state}{f', {took:.1f} s' if took is not None else ''}")

    def _say(self, name: str | None, step: _Step, note: str = "") -> None:
        if not self._console.is_terminal:
            assets = ", ".join(_short(key) for key in self._assets[name or ""])
            of = f"{self._partition} " if self._partition else ""
            self._console.print(
                f"{of}{assets}: {note or step.state}", markup=False, highlight=False, soft_wrap=True
            )

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False)
        table.add_column("asset", no_wrap=True)
        table.add_column("state")
        if self._partitioned:
            table.add_column("partitions", justify="right")
        table.add_column("seconds", justify="right")
        table.add_column("", style="dim", overflow="ellipsis", no_wrap=True, ratio=1)
        for name, step in self._steps.items():
            for key in self._assets[name]:
                count = [str(step.partitions or "")] if self._partitioned else []
                of = f"{self._partition} " if self._partition and step.state == "running" else ""
                state = Text(step.state, style=_STYLES[step.state])
                table.add_row(_short(key), state, *count, step.elapsed(), Text(of + step.note))
        return table


def _short(key: AssetKey) -> str:
    return "/".join(key.path[1:])
