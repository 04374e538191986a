"""`mlops sql`: read-only queries of all tables."""

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
            metavar="[SELECT …]",
            help="The query; by default read from stdin or from a prompt.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
    rows: Annotated[
        int | None,
        typer.Option(min=0, help="Maximum number of rows to print; by default 40 on a terminal, else all."),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(min=0, metavar="SECONDS", help="Stop a query after this time.", show_default="no limit"),
    ] = None,
    memory: Annotated[
        str, typer.Option(metavar="SIZE", help="Memory of a query; beyond it, rows spill to temporary files.")
    ] = "1GiB",
    spill: Annotated[
        str, typer.Option(metavar="SIZE", help="Size of temporary files; beyond it, a query fails.")
    ] = "10GiB",
    debug: DebugOption = False,
) -> None:
    """Query all tables with DuckDB, read-only; without a query, open a prompt.

    Each table is a view, such as california_housing.validated_districts; `show all tables` lists all views.

    Example: mlops sql "select count(*) from california_housing.validated_districts"
    """
    with plain_errors(debug):
        from mlops_assets.stores.warehouse.query_views import read_only, require_size
        from mlops_assets.stores.warehouse.warehouse import Warehouse

        state = StateDirectory.of(find_project_root()).require_layout()
        state.create()
        with read_only(
            Warehouse(state.warehouse, memory_limit=require_size(memory)),
            on_error=_print_skipped,
            timeout_seconds=timeout,
            spill_limit=spill,
        ) as tables:
            if query is None and sys.stdin.isatty():
                from mlops_assets.cli.output.sql_prompt import Prompt, history_file

                Prompt(tables, _shown_rows(rows), history_file(state.root)).loop()
                return
            queries = tables.queries(sys.stdin.read() if query is None else query)
            if not queries:
                raise DataError("there is no query", hint='pass one, such as: mlops sql "show all tables"')
            if as_json and len(queries) > 1:
                raise DataError("--json accepts one query only", hint="run the queries one by one")
            for each in queries:
                if as_json:
                    _print_json(tables, each)
                else:
                    print_rows(out, tables, each, _shown_rows(rows))


def _print_skipped(error: StoreError) -> None:
    err.print(f"skipped: {error}", style="yellow", markup=False, highlight=False, soft_wrap=True)


def _shown_rows(requested: int | None) -> int | None:
    if requested is None:
        return 40 if out.is_terminal else None
    return requested


def _print_json(tables: "ReadOnlyTables", query: str) -> None:
    with tables.run(query) as found:
        result = tables.connection.execute(query)  # streams, unlike the rows of a relation
        print_json_list(found.columns, lambda: result.fetchmany(_BATCH))
