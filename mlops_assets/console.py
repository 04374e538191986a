"""What the `mlops` command shows: live progress, and the summary of a run.

Holds: the progress of a run, the summary of a project.
Add here: another thing that a command prints.
Not here: what the commands do (`runs.py`).
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster import AssetKey, DagsterEventType, DagsterInstance
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from mlops_assets import names

_STYLES = {"waiting": "dim", "running": "yellow", "done": "green", "skipped": "dim", "failed": "bold red"}


@dataclass
class _Step:
    state: str = "waiting"
    started: float | None = None
    seconds: float | None = None
    note: str = ""

    def elapsed(self) -> str:
        if self.seconds is None and self.started is None:
            return ""
        return f"{self.seconds if self.seconds is not None else time.time() - (self.started or 0):.1f}"


class RunProgress:
    """A run's assets with state and seconds: a live table on a terminal, else a line for each change.

    Parameters
    ----------
    steps
        For each step of the run, in order, the assets that it materializes.
    """

    def __init__(self, console: Console, steps: Mapping[str, Sequence[AssetKey]]) -> None:
        self._console = console
        self._assets = steps
        self._steps = {name: _Step() for name in steps}
        self._live = Live(get_renderable=self._table, console=console, refresh_per_second=4)
        self.faults: list[str] = []
        self._blocked: list[str] = []

    def __enter__(self) -> "RunProgress":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

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
                self._finish(entry, step, "done")
            case DagsterEventType.STEP_SKIPPED:
                self._finish(entry, step, "skipped")
            case DagsterEventType.STEP_FAILURE:
                self.faults.extend(self._blocked or [_fault(event)])
                self._blocked.clear()
                self._finish(entry, step, "failed")
            case DagsterEventType.ASSET_CHECK_EVALUATION:
                check = event.asset_check_evaluation_data
                if not check.passed:
                    step.note = f"check {check.check_name}: {check.description}"
                    self._say(entry.step_key, step, step.note)
                    if check.blocking:
                        self._blocked.append(f"{check.asset_key.to_user_string()}: {step.note}")

    def _finish(self, entry: dg.EventLogEntry, step: _Step, state: str) -> None:
        step.state = state
        step.seconds = entry.timestamp - step.started if step.started else None
        self._say(entry.step_key, step)

    def _say(self, name: str | None, step: _Step, note: str = "") -> None:
        if not self._console.is_terminal:
            assets = ", ".join(_short(key) for key in self._assets[name or ""])
            told = note or f"{step.state}{f', {step.elapsed()} s' if step.seconds is not None else ''}"
            self._console.print(f"{assets}: {told}", markup=False, highlight=False, soft_wrap=True)

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False)
        table.add_column("asset", no_wrap=True)
        table.add_column("state")
        table.add_column("seconds", justify="right")
        table.add_column("", style="dim", overflow="ellipsis", no_wrap=True, ratio=1)
        for name, step in self._steps.items():
            for key in self._assets[name]:
                state = Text(step.state, style=_STYLES[step.state])
                table.add_row(_short(key), state, step.elapsed(), Text(step.note))
        return table


def print_summary(
    console: Console, project: str, instance: DagsterInstance, keys: Iterable[AssetKey], uis: str
) -> None:
    """What is known of a project after a run: rows, search, metrics, version, report, and where to look."""
    metadata = {key: _metadata(instance, key) for key in keys}
    lines = [*_summary_lines(project, metadata), ("look", uis)]
    width = max(len(name) for name, _ in lines)
    console.print()
    for name, value in lines:  # not a table: a path must stay in one piece, to be clicked or copied
        console.print(Text(f"{name:<{width}}  ", style="dim") + Text(value, style="not dim"), soft_wrap=True)


def _summary_lines(project: str, metadata: Mapping[AssetKey, Mapping[str, Any]]) -> Iterable[tuple[str, str]]:
    rows = {
        (key.path[1], key.path[2]): found["dagster/row_count"]
        for key, found in metadata.items()
        if len(key.path) == 3 and found
    }
    for table in sorted({table for _, table in rows}):
        layers = ((names.RAW, "in"), (names.VALIDATED, "validated"), (names.QUARANTINE, "quarantined"))
        counts = [f"{rows[layer, table]:,} {word}" for layer, word in layers if (layer, table) in rows]
        yield f"rows of {table}", ", ".join(counts)
    search, report, registered, champion = (
        metadata.get(AssetKey(names.project_asset(project, name)), {})
        for name in (names.TUNED_MODEL, names.EVALUATION_REPORT, names.REGISTERED_MODEL, names.CHAMPION)
    )
    if search:
        metric = next(name for name in search if name.startswith("cv_"))
        yield (
            "best trial",
            f"{search['family']}, {metric.removeprefix('cv_')} {search[metric]:.4g} over the folds, of "
            f"{search['trials_finished']} trials",
        )
    if report:
        yield "holdout", report["verdict"]
        scores = (
            f"{name.removeprefix('test_')} {report[name]:.4g}" for name in report if name.startswith("test_")
        )
        yield "metrics", ", ".join(scores)
    if registered:
        yield "registered", f"{registered['model_uri']}"
    if champion:
        yield names.CHAMPION, f"{champion['alias']} is version {champion['version']}: {champion['decision']}"
    elif registered:
        yield names.CHAMPION, "none; the new version does not beat its baselines"
    if report:
        yield "report", str(report["report"])


def fail(console: Console, message: str, hint: str | None = None) -> None:
    """One red sentence, and a hint."""
    console.print(f"[bold red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)
    if hint:
        console.print(f"[dim]hint:[/] {escape(hint)}", highlight=False, soft_wrap=True)


def _fault(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    error = data.error
    while error and error.cause:
        error = error.cause
    if error and error.cls_name == "DagsterExecutionInterruptedError":
        return "stopped; run it again to go on"
    return error.message.strip() if error else "the step failed and told no reason"


def _metadata(instance: DagsterInstance, key: AssetKey) -> dict[str, Any]:
    event = instance.get_latest_materialization_event(key)
    if event is None or event.asset_materialization is None:
        return {}
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def _short(key: AssetKey) -> str:
    return "/".join(key.path[1:])
