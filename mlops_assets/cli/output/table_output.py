"""Values of tables for machines and for people."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import typer

_LONGEST_CELL = 60


def plain(value: Any) -> Any:
    """A value as JSON has it: dates in ISO 8601, what is no number null, bytes in hexadecimal digits."""
    match value:
        case None | bool() | int() | str():
            return value
        case float() | Decimal():
            return float(value) if math.isfinite(value) else None
        case datetime() | date() | time():
            return value.isoformat()
        case bytes():
            return value.hex()
        case Mapping():
            return {str(name): plain(item) for name, item in value.items()}
        case list() | tuple() | set():
            return [plain(item) for item in value]
    return str(value)


def cell(value: Any) -> str:
    """A value on one line, its end left out when long."""
    text = "null" if value is None else str(value)
    text = " ".join(text.split()) if "\n" in text else text
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"


def print_json(value: Any) -> None:
    """A result alone on stdout, as one JSON document."""
    typer.echo(json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False))


def print_json_list(columns: Sequence[str], fetch: Callable[[], Sequence[tuple[Any, ...]]]) -> None:
    """Rows as a list of objects, a batch at a time: nothing that grows with the rows is held.

    Parameters
    ----------
    fetch
        Gives the next rows; none when there are no more.
    """
    separator = "\n"
    typer.echo("[", nl=False)
    for row in _rows(fetch):
        item = dict(zip(columns, map(plain, row), strict=True))
        typer.echo(separator + json.dumps(item, ensure_ascii=False, allow_nan=False), nl=False)
        separator = ",\n"
    typer.echo("\n]")


def _rows(fetch: Callable[[], Sequence[tuple[Any, ...]]]) -> Iterator[tuple[Any, ...]]:
    while rows := fetch():
        yield from rows
