"""What the `mlops` command shows: live progress, and the summary of a run.

Holds: the progress of a run, the summary of a project.
Add here: another thing that a command prints.
Not here: what the commands do (`runs.py`).
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster import AssetKey, DagsterEventType, DagsterInstance
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from mlops_assets import names
from mlops_assets.materializations import latest_materializations

if TYPE_CHECKING:
    from pathlib import Path

    from dagster._core.event_api import EventLogRecord

    from mlops_assets.ml.backtest import Backtest

_Made = Mapping[str | None, "EventLogRecord"]
_STOPPED = "stopped; run it again to go on"
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
                self._note_faults(self._blocked or [_fault(event)])
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
            self.stopped = self.stopped or fault == _STOPPED
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


def print_summary(
    console: Console, project: str, instance: DagsterInstance, keys: Iterable[AssetKey], uis: str
) -> None:
    """What is known of a project after a run: rows, search, metrics, version, report, and where to look."""
    made = {key: latest_materializations(instance, key) for key in keys}
    lines = [*_summary_lines(project, made), ("look", uis)]
    width = max(len(name) for name, _ in lines)
    console.print()
    for name, value in lines:
        console.print(Text(f"{name:<{width}}  ", style="dim") + Text(value, style="not dim"), soft_wrap=True)


def _summary_lines(project: str, made: Mapping[AssetKey, _Made]) -> Iterable[tuple[str, str]]:
    yield from _row_lines(made)
    search, report, registered, champion = (
        _newest(made.get(AssetKey(names.project_asset(project, name)), {}))
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
        cutoff = f", of cut-off {registered['cutoff']}" if "cutoff" in registered else ""
        yield "registered", f"{registered['model_uri']}{cutoff}"
    if champion:
        yield names.CHAMPION, f"{champion['alias']} is version {champion['version']}: {champion['decision']}"
    elif registered:
        yield names.CHAMPION, "none; the new version does not beat its baselines"
    yield from _prediction_lines(made.get(AssetKey(names.project_asset(project, names.PREDICTIONS)), {}))
    if report:
        yield "report", str(report["report"])


def _row_lines(made: Mapping[AssetKey, _Made]) -> Iterable[tuple[str, str]]:
    """The rows of each table in each layer, over all partitions."""
    tables = {key: found for key, found in made.items() if len(key.path) == 3 and found}
    rows = {
        (key.path[1], key.path[2]): sum(_metadata(record)["dagster/row_count"] for record in found.values())
        for key, found in tables.items()
    }
    layers = ((names.RAW, "in"), (names.VALIDATED, "validated"), (names.QUARANTINE, "quarantined"))
    for table in sorted({table for _, table in rows}):
        counts = [f"{rows[layer, table]:,} {word}" for layer, word in layers if (layer, table) in rows]
        partitions = max(len(found) for key, found in tables.items() if key.path[2] == table)
        of = f", in {partitions} partitions" if any(None not in found for found in tables.values()) else ""
        yield f"rows of {table}", ", ".join(counts) + of


def _prediction_lines(found: _Made) -> Iterable[tuple[str, str]]:
    partitions = sorted(partition for partition in found if partition)
    if not partitions:
        return
    newest = _metadata(found[partitions[-1]])
    mean = next((f", {name.replace('_', ' ')} {newest[name]:.3g}" for name in newest if "mean" in name), "")
    yield (
        names.PREDICTIONS,
        f"{partitions[0]} to {partitions[-1]}; of {partitions[-1]} {newest['dagster/row_count']:,} rows by "
        f"version {newest[names.MODEL_VERSION]}{mean}",
    )


def print_backtest(console: Console, backtest: "Backtest", page: "Path") -> None:
    """A line for each cut-off, and all of them together."""
    table = Table(box=None, pad_edge=False)
    for title in ("cut-off", "tested", "trained to", "family"):
        table.add_column(title, no_wrap=True)
    for title in ("rows", backtest.metric, "95 % interval", "baseline"):
        table.add_column(title, justify="right", no_wrap=True)
    for score in backtest.scores:
        style = "" if backtest.beats_baseline(score) else "yellow"
        table.add_row(
            *(score.cutoff, score.tested_on, score.trained_on.rpartition(" ")[2], score.family),
            *(f"{score.test_rows:,}", f"{score.score:.4g}", f"{score.low:.3g} to {score.high:.3g}"),
            f"{score.baseline:.4g}",
            style=style,
        )
    console.print()
    console.print(table)
    together = (
        f"mean {backtest.metric} {backtest.mean:.4g}, of the best baselines {backtest.mean_baseline:.4g}; "
        f"{backtest.beaten} of {len(backtest.scores)} models beat theirs; nothing was registered"
    )
    console.print(together, highlight=False, soft_wrap=True)
    console.print(f"page  {page}", highlight=False, soft_wrap=True)


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
        return _STOPPED
    return error.message.strip() if error else "the step failed and told no reason"


def _newest(found: _Made) -> dict[str, Any]:
    """Metadata of the last materialization of any partition."""
    if not found:
        return {}
    return _metadata(max(found.values(), key=lambda record: record.storage_id))


def _metadata(record: "EventLogRecord") -> dict[str, Any]:
    made = record.asset_materialization
    return {name: value.value for name, value in made.metadata.items()} if made else {}


def _short(key: AssetKey) -> str:
    return "/".join(key.path[1:])
