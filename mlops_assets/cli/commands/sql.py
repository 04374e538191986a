"""`mlops sql`: queries over all tables."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mlops_assets.cli.output.console import DebugOption, JsonOption, err, out, plain_errors, print_table
from mlops_assets.cli.output.table_output import cell, print_json_list
from mlops_assets.core.errors import DataError, StoreError
from mlops_assets.core.sql_quoting import NUMBERS
from mlops_assets.stores.system.state_directory import StateDirectory, find_project_root

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.stores.warehouse.query_views import ReadOnlyTables

_BATCH = 1_000
_GAP = 2


def sql(
    query: Annotated[
        str | None,
        typer.Argument(
            metavar="[SELECT …]", help="The query; without it, stdin or a prompt.", show_default=False
        ),
    ] = None,
    as_json: JsonOption = False,
    rows: Annotated[
        int | None,
        typer.Option(min=0, help="Show so many rows; 40 on a terminal and all elsewhere by default."),
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Query all tables with DuckDB, read-only; without a query, at a prompt.

    A table is a view such as california_housing.validated_districts; `show all tables` lists them.

    Example: mlops sql "select count(*) from california_housing.validated_districts"
    """
    with plain_errors(debug):
        from mlops_assets.stores.warehouse.query_views import read_only
        from mlops_assets.stores.warehouse.warehouse import Warehouse

        state = StateDirectory.of(find_project_root())
        with read_only(Warehouse(state.warehouse), on_fault=_tell_left_out) as tables:
            if query is None and sys.stdin.isatty():
                from mlops_assets.cli.output.sql_prompt import Prompt

                Prompt(tables, _shown_rows(rows), state.root / "sql_history").loop()
                return
            queries = tables.queries(sys.stdin.read() if query is None else query)
            if not queries:
                raise DataError("there is no query", hint='such as: mlops sql "show all tables"')
            if as_json and len(queries) > 1:
                raise DataError("--json takes one query", hint="run them one by one")
            for one in queries:
                if as_json:
                    _print_json(tables, one)
                else:
                    print_rows(out, tables, one, _shown_rows(rows))


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


def _tell_left_out(error: StoreError) -> None:
    err.print(f"left out: {error}", style="yellow", markup=False, highlight=False, soft_wrap=True)


def _shown_rows(asked: int | None) -> int | None:
    if asked is None:
        return 40 if out.is_terminal else None
    return asked


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


def _print_json(tables: "ReadOnlyTables", query: str) -> None:
    with tables.run(query) as found:
        result = tables.connection.execute(query)  # streams, which a relation's rows don't
        print_json_list(found.columns, lambda: result.fetchmany(_BATCH))
