"""Values of tables for machines and for people."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mlops_assets.cli.output.console import err, print_table
from mlops_assets.core.sql_quoting import NUMBERS

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.ml.comparison.row_diff import RowDiff
    from mlops_assets.stores.warehouse.query_views import ReadOnlyTables


_LONGEST_CELL = 60
_GAP = 2


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


def print_rows(console: Console, tables: "ReadOnlyTables", query: str, limit: int | None) -> None:
    """The first rows of a query as a table, and how many more there are.

    Parameters
    ----------
    limit
        How many rows to show; None for all.
    """
    with tables.run(query) as found, err.status("running; Ctrl-C stops it"):
        shown = (found if limit is None else found.limit(limit + 1)).fetchall()
        rest = 0
        if limit is not None and len(shown) > limit:
            rest = found.count("*").fetchall()[0][0] - limit
    table, left_out = _table(found, shown[:limit], console.width if console.is_terminal else None)
    print_table(console, table)
    told = [f"{rest:,} more rows"] if rest > 0 else []
    told += [f"{len(left_out)} more columns: {', '.join(left_out)}"] if left_out else []
    if told or not shown:
        console.print(f"[dim]{'; '.join(told) or 'no rows'}[/]", highlight=False, soft_wrap=True)


def _table(
    found: "duckdb.DuckDBPyRelation", rows: list[tuple[Any, ...]], width: int | None
) -> tuple[Table, list[str]]:
    """The rows, of as many columns as fit, and the names of the others."""
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


def row_lines(rows: "RowDiff") -> list[str]:
    """What came, went and changed, and in which columns, a sentence a line."""
    by = f"by {', '.join(rows.identity)}" if rows.identity else "as whole rows: nothing tells them apart"
    changed = f", {rows.changed:,} changed" if rows.identity else ""
    lines = [
        f"{rows.rows_before:,} rows before, {rows.rows_after:,} after: {rows.added:,} came, "
        f"{rows.removed:,} went{changed} ({by})"
    ]
    if rows.changed_columns:
        told = ", ".join(f"{name} in {count:,}" for name, count in rows.changed_columns.items())
        lines.append(f"changed columns: {told}")
    if rows.new_columns:
        lines.append(f"new columns: {', '.join(rows.new_columns)}")
    if rows.gone_columns:
        lines.append(f"columns that are gone: {', '.join(rows.gone_columns)}")
    return lines
