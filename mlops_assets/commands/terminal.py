"""What every command shares: where it prints, the options that all have, and how it fails.

Holds: the two consoles, common arguments, and the plain form of an error.
Add here: an option that several commands have.
Not here: what a command shows of its results.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from mlops_assets.errors import MlopsError

out, err = Console(), Console(stderr=True)

ProjectArgument = Annotated[
    str, typer.Argument(help="The project: the name of its folder.", show_default=False)
]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show Dagster's whole log, and tracebacks.")]

WHERE_TO_LOOK = "`make ui`, or `mlops ui`: Dagster at http://127.0.0.1:3000, MLflow at http://127.0.0.1:5000"


def end_with(faults: Sequence[str]) -> None:
    """Tell what failed, and exit with 1 if anything did."""
    for fault in faults:
        fail(err, fault)
    if faults:
        raise typer.Exit(1)


@contextmanager
def plain_errors(debug: bool) -> Iterator[None]:
    """Print a foreseeable error as one sentence and a hint, and exit with 1."""
    try:
        yield
    except MlopsError as error:
        if debug:
            err.print_exception()
        fail(err, error.message, error.hint)
        raise typer.Exit(1) from None


def fail(console: Console, message: str, hint: str | None = None) -> None:
    """One red sentence, and a hint."""
    console.print(f"[bold red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)
    if hint:
        console.print(f"[dim]hint:[/] {escape(hint)}", highlight=False, soft_wrap=True)
