"""What every command shares: where it prints, the options that all have, and how it fails."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mlops_assets.core.credentials import without_credentials
from mlops_assets.core.errors import MlopsError

_WIDEST = 100_000
out, err = Console(), Console(stderr=True)

ProjectArgument = Annotated[
    str, typer.Argument(help="The project: the name of its folder.", show_default=False)
]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show Dagster's whole log, and tracebacks.")]
LogJsonOption = Annotated[
    bool,
    typer.Option(
        "--log-json", help="Print each event as a JSON object on a line of stdout, and nothing else."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, alone on stdout.")]

WHERE_TO_LOOK = "`make ui`, or `mlops ui`: Dagster at http://127.0.0.1:3000, MLflow at http://127.0.0.1:5000"


def print_table(console: Console, table: Table) -> None:
    """A table as wide as the terminal, and elsewhere as wide as it is: nothing is lost in a file."""
    wide = console if console.is_terminal else Console(file=console.file, width=_WIDEST)
    wide.print(table)


def exit_on_errors(faults: Sequence[str]) -> None:
    """Tell what failed, and exit with 1 if anything did."""
    for fault in faults:
        fail(err, fault)
    if faults:
        raise typer.Exit(1)


@contextmanager
def plain_errors(debug: bool) -> Iterator[None]:
    """Print an error as one sentence and a hint, and exit with 1; its traceback only when asked for."""
    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except BrokenPipeError:  # of `mlops … | head`: whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    except Exception as error:
        if debug:
            err.print_exception()
        fail(err, *_told(error))
        raise typer.Exit(1) from None


def _told(error: Exception) -> tuple[str, str | None]:
    """What happened and the way out; of an error that nobody foresaw, its own words."""
    if isinstance(error, MlopsError):
        return error.message, error.hint
    reason = without_credentials(" ".join(str(error).split()))
    return (
        f"unexpected {type(error).__name__}{f': {reason}' if reason else ''}",
        "--debug shows where it happened",
    )


def print_waiting(why: str) -> None:
    """Say for whom we wait."""
    out.print(f"[dim]waiting:[/] {escape(why)}", highlight=False, soft_wrap=True)


def fail(console: Console, message: str, hint: str | None = None) -> None:
    """One red sentence, and a hint."""
    console.print(f"[bold red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)
    if hint:
        console.print(f"[dim]hint:[/] {escape(hint)}", highlight=False, soft_wrap=True)
