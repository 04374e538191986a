"""Displays of a run's events: lines, a live table, or JSON lines."""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

from dagster import AssetKey
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from mlops_assets.cli.output.console import visible_console
from mlops_assets.core.errors import MlopsError
from mlops_assets.core.redaction.redact import redact
from mlops_assets.core.text.visible_text import visible, visible_json
from mlops_assets.workspace.run_events import Display, RunEvent

_STYLES = {"waiting": "dim", "running": "yellow", "done": "green", "skipped": "dim", "failed": "bold red"}


def display_of(
    console: Console,
    project: str,
    steps: Mapping[str, Sequence[AssetKey]],
    *,
    partitioned: bool,
    log: TextIO | None,
) -> Display:
    """Return JSON lines for a log, a live table for a terminal, else lines."""
    if log is not None:
        return JsonLines(log, project)
    if not console.is_terminal:
        return Lines(console)
    return LiveTable(_beside_captured_output(console), steps, partitioned=partitioned)


def _beside_captured_output(console: Console) -> Console:
    """Return a console for the terminal of another one, also while Dagster captures the output of a step.

    Dagster then redirects the file descriptor of stdout to a file, which is no terminal, and a live display
    is not updated.
    """
    try:
        terminal = os.fdopen(os.dup(console.file.fileno()), "w", encoding=console.encoding)
    except OSError:  # not a file of the operating system
        return console
    return visible_console(file=terminal, force_terminal=True, no_color=console.no_color)


@contextmanager
def machine_log(wanted: bool) -> Iterator[TextIO | None]:
    """Yield stdout for JSON lines if requested, and redirect all other output to stderr."""
    if not wanted:
        yield None
        return
    log = sys.stdout
    with redirect_stdout(sys.stderr):
        yield log


class Lines:
    """Prints a line for each event."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        return

    def show(self, event: RunEvent) -> None:
        if event.event == "note":
            _print_note(self._console, event)
            return
        of = f"{event.partition} " if event.partition else ""
        self._console.print(
            f"{of}{', '.join(event.assets)}: {_text(event)}", markup=False, highlight=False, soft_wrap=True
        )


class JsonLines:
    """Prints a JSON object for each event, and for an exception that aborts the run."""

    def __init__(self, stream: TextIO, project: str) -> None:
        self._stream, self._project = stream, project

    def __enter__(self) -> "JsonLines":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            message = error.message if isinstance(error, MlopsError) else f"{type(error).__name__}: {error}"
            self.show(RunEvent("failed", time.time(), redact(message), level="error"))

    def show(self, event: RunEvent) -> None:
        line = {
            "time": datetime.fromtimestamp(event.time, UTC).isoformat(),
            "level": event.level,
            "project": self._project,
            "assets": list(event.assets),
            "partition": event.partition,
            "event": event.event,
            "message": event.message,
            "seconds": None if event.seconds is None else round(event.seconds, 3),
            "run_id": event.run_id,
        }
        print(visible_json(json.dumps(line, ensure_ascii=False)), file=self._stream, flush=True)


@dataclass
class _Step:
    state: str = "waiting"
    started: float | None = None
    seconds: float = 0.0
    partitions: int = 0
    """Number of materialized partitions."""
    note: str = ""

    def elapsed(self) -> str:
        running = time.time() - self.started if self.started is not None else 0.0
        return f"{self.seconds + running:.1f}" if self.seconds or running else ""


class LiveTable:
    """A table of the project's assets with state and seconds, updated in place.

    Parameters
    ----------
    partitioned
        Show the number of materialized partitions.
    """

    def __init__(
        self, console: Console, steps: Mapping[str, Sequence[AssetKey]], *, partitioned: bool = False
    ) -> None:
        self._console = console
        self._assets = {name: ["/".join(key.path[1:]) for key in keys] for name, keys in steps.items()}
        self._steps = {name: _Step() for name in steps}
        self._partitioned = partitioned
        self._partition: str | None = None
        self._live = Live(get_renderable=self._table, console=console, refresh_per_second=4)

    def __enter__(self) -> "LiveTable":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, event: RunEvent) -> None:
        if event.event == "note":
            _print_note(self._console, event)
            return
        step, self._partition = self._steps[event.step], event.partition
        match event.event:
            case "running":
                step.state, step.started = "running", event.time
            case "done" | "skipped" | "failed":
                step.partitions += event.partitions * (event.event == "done")
                if (
                    step.state != "failed" or event.event == "failed"
                ):  # later partitions keep a failure visible
                    step.state = event.event
                if event.event == "skipped":
                    step.note = event.message
                step.seconds, step.started = step.seconds + (event.seconds or 0.0), None
            case _:
                step.note = event.message

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False)
        table.add_column("asset", no_wrap=True)
        table.add_column("state")
        if self._partitioned:
            table.add_column("partitions", justify="right")
        table.add_column("seconds", justify="right")
        table.add_column("", style="dim", overflow="fold", ratio=1)
        for name, step in self._steps.items():
            for asset in self._assets[name]:
                count = [str(step.partitions or "")] if self._partitioned else []
                of = f"{self._partition} " if self._partition and step.state == "running" else ""
                state = Text(step.state, style=_STYLES[step.state])
                table.add_row(asset, state, *count, step.elapsed(), Text(visible(of + step.note)))
        return table


def _text(event: RunEvent) -> str:
    if event.event in ("log", "check_failed"):
        return event.message
    if event.event == "skipped" and event.message:
        return f"skipped, {event.message}"
    return f"{event.event}{f', {event.seconds:.1f} s' if event.seconds is not None else ''}"


def _print_note(console: Console, event: RunEvent) -> None:
    console.print(f"[dim]note:[/] {escape(event.message)}", highlight=False, soft_wrap=True)
