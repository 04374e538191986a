"""Values and rows of queries, as tables and as JSON."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from mlops_assets.cli.output.console import err, print_table
from mlops_assets.core.sql_quoting import NUMBERS
from mlops_assets.core.text.visible_text import visible, visible_json

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.stores.warehouse.query_views import ReadOnlyTables


_LONGEST_CELL = 60
_GAP = 2


def plain(value: Any) -> Any:
    """Return a value that JSON can encode: dates in ISO 8601, NaN as null, bytes as hexadecimal digits."""
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
    """Return a value as text on one line, truncated to 60 characters."""
    text = "null" if value is None else str(value)
    text = visible(" ".join(text.split()) if "\n" in text else text)
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"


def print_json(value: Any) -> None:
    """Print a result as one JSON document."""
    typer.echo(visible_json(json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)))


def print_json_list(columns: Sequence[str], fetch: Callable[[], Sequence[tuple[Any, ...]]]) -> None:
    """Print rows as a JSON list of objects, one batch at a time, in constant memory.

    Parameters
    ----------
    fetch
        Returns the next batch of rows; empty at the end.
    """
    separator = "\n"
    typer.echo("[", nl=False)
    for row in _rows(fetch):
        item = dict(zip(columns, map(plain, row), strict=True))
        document = json.dumps(item, ensure_ascii=False, allow_nan=False)
        typer.echo(separator + visible_json(document), nl=False)
        separator = ",\n"
    typer.echo("\n]")


def _rows(fetch: Callable[[], Sequence[tuple[Any, ...]]]) -> Iterator[tuple[Any, ...]]:
    while rows := fetch():
        yield from rows


def print_rows(console: Console, tables: "ReadOnlyTables", query: str, limit: int | None) -> None:
    """Print the first rows of a query as a table, and the number of the other rows and columns.

    Parameters
    ----------
    limit
        Maximum number of rows; None for all.
    """
    with tables.run(query) as found, err.status("running; Ctrl-C cancels the query"):
        shown = (found if limit is None else found.limit(limit + 1)).fetchall()
        rest = 0
        if limit is not None and len(shown) > limit:
            rest = found.count("*").fetchall()[0][0] - limit
    table, hidden = _table(found, shown[:limit], console.width if console.is_terminal else None)
    print_table(console, table)
    notes = [f"{rest:,} more rows"] if rest > 0 else []
    notes += [f"{len(hidden)} more columns: {escape(', '.join(hidden))}"] if hidden else []
    if notes or not shown:
        console.print(f"[dim]{'; '.join(notes) or 'no rows'}[/]", highlight=False, soft_wrap=True)


def _table(
    found: "duckdb.DuckDBPyRelation", rows: list[tuple[Any, ...]], width: int | None
) -> tuple[Table, list[str]]:
    """Return a table with the columns that fit into the width, and the names of the others."""
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    columns = list(zip(found.columns, found.types, strict=True))
    used, fitting = 0, 0
    for place, (name, _) in enumerate(columns):
        used += _GAP + max([len(cell(name)), *(len(cell(row[place])) for row in rows)])
        if width is not None and used > width and fitting:
            break
        fitting += 1
    for name, kind in columns[:fitting]:
        number = kind.id in NUMBERS
        table.add_column(Text(cell(name)), justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell(value), "dim" if value is None else "") for value in row[:fitting]))
    return table, [name for name, _ in columns[fitting:]]
