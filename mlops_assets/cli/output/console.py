"""The console, the options and the error handling that all commands share."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.markup import escape
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table

from mlops_assets.core.errors import MlopsError
from mlops_assets.core.redaction.logs import redact_log_records
from mlops_assets.core.redaction.redact import redact
from mlops_assets.core.text.visible_text import visible

if TYPE_CHECKING:
    from rich.traceback import Traceback

_WIDEST = 100_000


@dataclass(frozen=True)
class _Visible:
    """A renderable whose text can't control the terminal; its styles can."""

    shown: ConsoleRenderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self.shown, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


class _VisibleText(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Visible(one) for one in renderables]


def visible_console(**options: Any) -> Console:
    """Return a console that shows control characters of names and values, instead of sending them."""
    console = Console(**options)
    console.push_render_hook(_VisibleText())
    return console


out, err = visible_console(), visible_console(stderr=True)

ProjectArgument = Annotated[
    str, typer.Argument(help="Name of the project, which is the name of its folder.", show_default=False)
]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show Dagster's log and tracebacks.")]
LogJsonOption = Annotated[
    bool,
    typer.Option("--log-json", help="Print events as JSON lines to stdout; all other output goes to stderr."),
]
DataOption = Annotated[
    Path | None,
    typer.Option("--data", help="File or folder to read the table from, instead of the declared source."),
]
TrialsOption = Annotated[
    int | None,
    typer.Option("--trials", min=1, help="Number of trials of the search; by default as declared."),
]
UntilOption = Annotated[
    str | None,
    typer.Option("--until", metavar="ASSET", help="Last asset to materialize, such as `features`."),
]
PartitionsOption = Annotated[
    str | None,
    typer.Option(
        "--partitions",
        metavar="2024-06..2025-06",
        help="The same for a range of partitions, inclusive.",
    ),
]
HostOption = Annotated[
    str,
    typer.Option("--host", help="Interface to listen on; `0.0.0.0` for all requires `--allow-host`."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]

UI_ADDRESSES = "run `mlops ui` for Dagster at http://127.0.0.1:3000 and MLflow at http://127.0.0.1:5000"


def print_table(console: Console, table: Table) -> None:
    """Print a table; in a terminal that is too narrow, each row as a block with a line for each column."""
    if not console.is_terminal:
        visible_console(file=console.file, width=_WIDEST).print(table)
    elif Measurement.get(console, console.options.update(max_width=_WIDEST), table).minimum <= console.width:
        console.print(table)
    else:
        for place, block in enumerate(_blocks(table)):
            console.print(*([""] if place else []), block, sep="\n")


def _blocks(table: Table) -> Iterator[Table]:
    """Yield a table of two columns for each row: the titles, and the values, which are wrapped."""
    columns = [list(column.cells) for column in table.columns]
    for place, row in enumerate(table.rows):
        block = Table.grid(padding=(0, 2, 0, 0))
        block.add_column(no_wrap=True, style="dim")
        block.add_column(overflow="fold")
        for column, cells in zip(table.columns, columns, strict=True):
            if cells[place] != "":
                block.add_row(column.header, cells[place], style=row.style)
        yield block


def exit_on_errors(errors: Sequence[str]) -> None:
    """Print errors, and exit with 1 if there are any."""
    for error in errors:
        print_error(err, error)
    if errors:
        raise typer.Exit(1)


@contextmanager
def plain_errors(debug: bool) -> Iterator[None]:
    """Print an exception as a message and a hint, and exit with 1; with `debug`, its traceback, too.

    From now on, log records of this process are redacted, as messages and tracebacks are.
    """
    redact_log_records()
    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except BrokenPipeError:  # the reader of the pipe has closed it, as in `mlops … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    except Exception as error:
        if debug:
            err.print(_redacted_traceback(error))
        print_error(err, *_describe(error))
        raise typer.Exit(1) from None


def _redacted_traceback(error: Exception) -> "Traceback":
    from rich.traceback import Traceback

    trace = Traceback.extract(type(error), error, error.__traceback__)
    for stack in trace.stacks:
        stack.exc_value = redact(stack.exc_value)
        stack.notes = [redact(note) for note in stack.notes]
        if stack.syntax_error:
            stack.syntax_error.msg = redact(stack.syntax_error.msg)
    return Traceback(trace)


def _describe(error: Exception) -> tuple[str, str | None]:
    """Return message and hint of an exception; of an unexpected one, its type and text."""
    if isinstance(error, MlopsError):
        return error.message, error.hint
    reason = " ".join(redact(str(error)).split())
    return (
        f"unexpected {type(error).__name__}{f': {reason}' if reason else ''}",
        "run it again with --debug for the traceback",
    )


def print_waiting(reason: str) -> None:
    """Print why the command is waiting."""
    out.print(f"[dim]waiting:[/] {escape(reason)}", highlight=False, soft_wrap=True)


def print_line(text: str, console: Console = out) -> None:
    """Print a line as it is, without markup and without wrapping."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def print_error(console: Console, message: str, hint: str | None = None) -> None:
    """Print an error and its hint."""
    console.print(f"[bold red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)
    if hint:
        console.print(f"[dim]hint:[/] {escape(hint)}", highlight=False, soft_wrap=True)
