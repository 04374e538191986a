"""`mlops sql`: queries over all tables."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_assets.cli.output.console import DebugOption, JsonOption, err, out, plain_errors
from mlops_assets.cli.output.table_output import print_json_list, print_rows
from mlops_assets.core.errors import DataError, StoreError
from mlops_assets.stores.system.state_directory import StateDirectory, find_project_root

if TYPE_CHECKING:
    from mlops_assets.stores.warehouse.query_views import ReadOnlyTables

_BATCH = 1_000


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
        with read_only(Warehouse(state.warehouse), on_error=_tell_left_out) as tables:
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


def _tell_left_out(error: StoreError) -> None:
    err.print(f"left out: {error}", style="yellow", markup=False, highlight=False, soft_wrap=True)


def _shown_rows(asked: int | None) -> int | None:
    if asked is None:
        return 40 if out.is_terminal else None
    return asked


def _print_json(tables: "ReadOnlyTables", query: str) -> None:
    with tables.run(query) as found:
        result = tables.connection.execute(query)  # streams, which a relation's rows don't
        print_json_list(found.columns, lambda: result.fetchmany(_BATCH))
