"""Questions at a terminal, whose default is the answer that is drafted without one."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from mlops_assets.cli.output.console import out

if TYPE_CHECKING:
    from mlops_assets.scaffolding.questions import Ask, Question


def is_interactive() -> bool:
    """Whether a user can be asked: input and output are a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()


@contextmanager
def reading(*, interactive: bool) -> "Iterator[Ask | None]":
    """Show that rows are read, and give the function that asks, if the session is interactive."""
    with out.status("reading") as status:

        def ask(question: "Question") -> str:
            status.stop()
            answer = _answer(question)
            status.start()
            return answer

        yield ask if interactive else None


def ask_path(text: str) -> Path | None:
    """Ask for a path; None if the answer is empty."""
    answer: str = typer.prompt(text, default="", show_default=False)
    return Path(answer.strip()) if answer.strip() else None


def _answer(question: "Question") -> str:
    """Ask until the answer is valid."""
    if question.shown and len(question.shown) < len(question.choices):
        out.print(f"[dim]candidates: {escape(', '.join(question.shown))}[/]", highlight=False)
    choices = f" ({', '.join(question.shown)})" if question.shown == question.choices else ""
    while True:
        answer = typer.prompt(
            f"{question.text}{choices}?", default=question.default or None, prompt_suffix=" "
        )
        answer = str(answer).strip()
        if not (problem := question.error(answer)):
            return answer
        out.print(escape(problem), style="yellow", highlight=False, soft_wrap=True)
