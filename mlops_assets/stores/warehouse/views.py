"""Views of tables in DuckDB, one for each table: `project.layer_table`."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from mlops_assets.core.errors import StoreError
from mlops_assets.core.names import view_name
from mlops_assets.core.sql_quoting import quoted
from mlops_assets.stores.delta.data_files import data_files, is_partitioned, scan
from mlops_assets.stores.delta.log import open_table, require_data_files

if TYPE_CHECKING:
    from mlops_assets.stores.duckdb.read_only_files import ReadOnlyFiles


def create_views(
    connection: duckdb.DuckDBPyConnection,
    root: Path,
    tables: Iterable[tuple[str, ...]],
    versions: Mapping[tuple[str, ...], int],
    on_error: Callable[[StoreError], None] | None,
    files: "ReadOnlyFiles | None",
) -> list[str]:
    """Create the views of the tables below a directory; see `TableReader.create_views`."""
    opened: list[str] = []
    for table in tables:
        try:
            opened += _create_view(connection, root, table, versions.get(table), files)
        except StoreError as error:
            if on_error is None:
                raise
            on_error(error)
    return opened


def _create_view(
    connection: duckdb.DuckDBPyConnection,
    root: Path,
    table: tuple[str, ...],
    version: int | None,
    read_only: "ReadOnlyFiles | None",
) -> list[str]:
    directory, delta = root.joinpath(*table), open_table(root, table, version)
    files = data_files(directory, delta)
    if not files:
        return []
    require_data_files(directory, table, delta.version(), files)
    if read_only is not None:
        read_only.allow(str(Path(file.path).absolute()) for file in files)
        files = [replace(file, path=f"{read_only.protocol}://{Path(file.path).absolute()}") for file in files]
    view = f"{quoted(table[0])}.{quoted('_'.join(table[1:]))}"
    query = scan(files, partitioned=is_partitioned(delta))
    connection.execute(f"create schema if not exists {quoted(table[0])}")
    try:
        connection.execute(f"create or replace view {view} as {query}")
    except duckdb.Error as error:  # DuckDB reads the schema of each file
        raise StoreError(
            f"table {view_name(table)} can't be read: {str(error).splitlines()[0]}",
            hint="restore its files from a backup, or materialize it again; see docs/operations.md",
        ) from error
    return [file.path for file in files]
