"""The warehouse: Delta tables on disk, DuckDB in memory."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from mlops_assets.core.names import PARTITION, view_name
from mlops_assets.stores.delta.commit import commit
from mlops_assets.stores.delta.commit_metadata import TableVersion, custom_metadata
from mlops_assets.stores.delta.content_digest import relation_digest
from mlops_assets.stores.delta.data_files import is_partitioned, require_partition_name
from mlops_assets.stores.delta.locks import turn_lock
from mlops_assets.stores.delta.log import partitioning_error
from mlops_assets.stores.delta.restore import content_at
from mlops_assets.stores.delta.schema import rows_schema
from mlops_assets.stores.delta.staging import Staged, stage, staging
from mlops_assets.stores.system.disk_errors import translated_disk_errors
from mlops_assets.stores.warehouse.reader import BATCH_ROWS, TableKey, TableReader

__all__ = [
    "BATCH_ROWS",
    "PARTITION",
    "TableKey",
    "TableVersion",
    "Warehouse",
    "WriteResult",
    "relation_digest",
]


@dataclass(frozen=True)
class WriteResult:
    """What a write did: the version that now holds the content, and whether it is a new one."""

    version: int
    rows: int
    digest: str
    changed: bool
    columns: dict[str, str]
    """The type of each column, as DuckDB names it."""
    table: str
    """The SQL name of the table, such as `california_housing.validated_districts`."""
    uri: str
    """The address of the Delta table."""


class Warehouse(TableReader):
    """Delta tables below one directory, which is made when the first table is written.

    The parameters are those of `TableReader`.
    """

    @contextmanager
    def turn(self, table: TableKey, partition: str | None = None) -> Iterator[None]:
        """Wait for those who compute the same partition, or the same table, and keep others waiting.

        Without it, a run that read its input early and commits late overwrites what a run of newer input
        wrote meanwhile: `write` is atomic, but knows nothing of what was read. Read the input *inside* the
        turn: whoever comes last then computes from the newest input. Other partitions don't wait, and
        neither do readers and writers that take no turn.

        Processes and threads wait alike, for as long as it takes. The operating system ends the turn of a
        process that is killed. Taking the same turn again inside of it is an error, as it would wait for
        itself; who takes several must take them in one order.
        """
        with turn_lock(self.root, table, partition):
            yield

    def write(
        self,
        table: TableKey,
        rows: "duckdb.DuckDBPyRelation | Iterable[duckdb.DuckDBPyRelation]",
        *,
        partition: str | None = None,
        dagster_run_id: str | None = None,
        inputs: Mapping[str, int] | None = None,
    ) -> WriteResult:
        """Replace a table's content, or one partition's, in one commit; skip it when nothing would change.

        The rows stream from DuckDB into Parquet files, each relation exactly once, so it may be one over a
        stream. Readers see the old content until the commit, and a writer that dies leaves it in place.

        Parameters
        ----------
        table
            The key path of the table.
        rows
            One relation, or several with the same columns, each of which becomes a file of its own.
        partition
            The partition to replace; a table is either always or never written by partition.
        dagster_run_id
            The Dagster run that writes; `versions` tells it.
        inputs
            The versions of the tables that the rows were made of; `versions` tells them.

        Raises
        ------
        StoreError
            When the partition can't be one, or a column's type is not to be reconciled with that of other
            partitions. Nothing is committed then.
        """
        name, directory = view_name(tuple(table)), self._directory(table)
        if partition is not None:
            require_partition_name(directory, partition, table=name)
        if self.exists(table) and is_partitioned(self._open(table)) != (partition is not None):
            raise partitioning_error(table, partitioned=partition is None)
        relations = [rows] if isinstance(rows, duckdb.DuckDBPyRelation) else rows
        with (
            translated_disk_errors(f"table {name}", directory),
            staging(directory) as folder,
            self.connect() as connection,
        ):
            files = stage(folder, relations, table=name, partition=partition)
            staged = connection.read_parquet([str(file) for file in files], union_by_name=True)
            count, digest = relation_digest(staged)
            facts = custom_metadata(
                rows=count, digest=digest, partition=partition, dagster_run_id=dagster_run_id, inputs=inputs
            )
            schema = rows_schema(staged, table=name, partitioned=partition is not None)
            content = Staged(files, staged, schema, digest, partition)
            version, changed = commit(self.root, table, content, connection, facts)
            columns = dict(zip(staged.columns, map(str, staged.types), strict=True))
        return WriteResult(version, count, digest, changed, columns, name, directory.as_uri())

    def restore(
        self,
        table: TableKey,
        version: int,
        *,
        partition: str | None = None,
        dagster_run_id: str | None = None,
    ) -> WriteResult:
        """Make what a version held the content again, by one commit over the files that are still there.

        Parameters
        ----------
        version
            One that `versions` tells, or any later one in which the partition was the same.
        partition
            The partition to restore; a table that is written by partition is restored by partition.

        Raises
        ------
        StoreError
            When the version held no such content, or its files are gone.
        """
        with self.connect() as connection:
            name, directory = view_name(tuple(table)), self._directory(table)
            content, source = content_at(directory, self._open(table), version, partition, table=name)
            staged = content.staged(connection, table=name)
            facts = custom_metadata(
                rows=content.rows,
                digest=staged.digest,
                partition=partition,
                dagster_run_id=dagster_run_id,
                inputs=source.inputs,
                restored_from=source.version,
            )
            made, changed = commit(self.root, table, staged, connection, facts)
            columns = dict(zip(staged.rows.columns, map(str, staged.rows.types), strict=True))
        return WriteResult(made, content.rows, staged.digest, changed, columns, name, directory.as_uri())

    def restored_source(self, table: TableKey, version: int, *, partition: str | None = None) -> TableVersion:
        """The version that wrote what `restore` would make current; it raises what that raises."""
        name = view_name(tuple(table))
        return content_at(self._directory(table), self._open(table), version, partition, table=name)[1]
