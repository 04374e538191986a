"""The commit of spool files to the table: each file exactly once, without rows of forgotten entities."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from mlops_assets.core.errors import StoreError
from mlops_assets.core.sql_quoting import UTC_SESSION, quoted
from mlops_assets.stores.forgetting.project_rows import types_of
from mlops_assets.stores.forgetting.records import ForgottenEntities
from mlops_assets.stores.prediction_log.log_table import LogTable
from mlops_assets.stores.prediction_log.spool import Spool, SpoolFile
from mlops_assets.stores.system.disk_errors import translated_disk_errors
from mlops_assets.stores.warehouse.warehouse import Warehouse

_LOG = logging.getLogger(__name__)
_COMMIT_BYTES = 64 * 1024**2
"""Files of about this size are committed at once, which bounds the memory."""


def collect_spool(table: LogTable, spool: Spool, project: str, types: Mapping[str, str]) -> int:
    """Commit the files of a spool, and remove them; return the number of rows.

    The commit names the last file of each writer. After an interruption between commit and removal, the
    next collection removes the files without committing them again.

    Parameters
    ----------
    types
        See `identity_types`.

    Raises
    ------
    StoreError
        If rows can't be committed; their files stay.
    """
    rows = 0
    with translated_disk_errors(table.name, table.directory):
        if not (files := spool.files()):
            return 0
        for batch in _batches(files):
            with table.lock():
                rows += _commit(table, spool, project, batch, types)
    return rows


def identity_types(warehouse: Path, project: str, identity: Sequence[str]) -> dict[str, str]:
    """The types that columns of an entity have in the tables of a project, if they are no texts there."""
    found = types_of(Warehouse(warehouse), project, identity) if identity else ()
    return {name: kind for name, kind in zip(identity, found, strict=True) if kind != "VARCHAR"}


def _commit(
    table: LogTable, spool: Spool, project: str, files: Sequence[SpoolFile], types: Mapping[str, str]
) -> int:
    done = {writer: table.committed(writer) for writer in {file.writer for file in files}}
    new = [file for file in files if file.number > done[file.writer] and file.path.exists()]
    tables: list[pa.Table] = []
    numbers: dict[str, int] = {}
    for file in new:
        try:
            tables.append(spool.read(file.path))
        except StoreError as error:
            _LOG.error("%s; it is kept as %s", error.message, spool.set_aside(file))
        numbers[file.writer] = max(file.number, numbers.get(file.writer, 0))
    kept = [part for part in _kept(table, project, tables, types) if part.num_rows]
    committed = table.append(kept, numbers) if kept else 0
    spool.remove(files)
    return committed


def _kept(
    table: LogTable, project: str, tables: Sequence[pa.Table], types: Mapping[str, str]
) -> Iterator[pa.Table]:
    """Rows with typed columns of identity, without those of forgotten entities."""
    forgotten = ForgottenEntities(table.warehouse, project)
    has_forgotten = bool(forgotten.records())
    for rows in tables:
        columns = {name: kind for name, kind in types.items() if _is_text(rows, name)}
        if not columns and not has_forgotten:
            yield rows
            continue
        with duckdb.connect() as connection:
            connection.execute(UTC_SESSION)
            [kept] = forgotten.without_forgotten([connection.from_arrow(rows)])
            castable = [
                f"try_cast({quoted(name)} as {kind}) as {quoted(name)}"
                for name, kind in columns.items()
                if _is_castable(kept, name, kind)
            ]
            yield (kept.project(f"* replace ({', '.join(castable)})") if castable else kept).to_arrow_table()


def _is_castable(rows: duckdb.DuckDBPyRelation, name: str, kind: str) -> bool:
    value = quoted(name)
    return not len(rows.filter(f"{value} is not null and try_cast({value} as {kind}) is null"))


def _is_text(rows: pa.Table, name: str) -> bool:
    return name in rows.schema.names and pa.types.is_string(rows.schema.field(name).type)


def _batches(files: Sequence[SpoolFile]) -> Iterator[list[SpoolFile]]:
    """Files in their order, in groups of a limited size."""
    batch: list[SpoolFile] = []
    size = 0
    for file in files:
        try:
            length = file.path.stat().st_size
        except FileNotFoundError:  # another collector was faster
            continue
        if batch and size + length > _COMMIT_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += length
    if batch:
        yield batch
