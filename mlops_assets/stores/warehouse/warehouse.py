"""The warehouse: Delta tables on disk, written and restored with DuckDB."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb

from mlops_assets.core.names import PARTITION, view_name
from mlops_assets.stores.delta.commit import DeclaredPartitions, commit, remove_partitions
from mlops_assets.stores.delta.commit_metadata import TableVersion, custom_metadata
from mlops_assets.stores.delta.content_digest import RowHashes, relation_digest
from mlops_assets.stores.delta.data_files import require_partition_name
from mlops_assets.stores.delta.kept_content import KeptContent
from mlops_assets.stores.delta.locks import turn_lock
from mlops_assets.stores.delta.log import open_table, partitioning_error
from mlops_assets.stores.delta.restore import content_at
from mlops_assets.stores.delta.schema import ConflictingTypesError, rows_schema
from mlops_assets.stores.delta.writing.parquet_stream import Streamed
from mlops_assets.stores.delta.writing.staging import Staged, as_text, stage, staged_content, staging
from mlops_assets.stores.system.disk_errors import translated_disk_errors
from mlops_assets.stores.warehouse.metadata import TableKey
from mlops_assets.stores.warehouse.reader import BATCH_ROWS, TableReader

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
    """The result of a write.

    Attributes
    ----------
    version
        The version with the content.
    rows, digest
        The number of rows and the digest of the content.
    changed
        Whether the version is a new one.
    columns
        The DuckDB type of each column.
    """

    version: int
    rows: int
    digest: str
    changed: bool
    columns: dict[str, str]
    table: str
    """The SQL name of the table, such as `california_housing.validated_districts`."""
    uri: str
    """The address of the Delta table."""
    hashes: RowHashes | None = None
    """The sum of the row hashes, of which the content has the digest; None of a restored version."""


class Warehouse(TableReader):
    """Delta tables below one directory, which is created with the first table.

    The parameters are those of `TableReader`.
    """

    @contextmanager
    def turn(self, table: TableKey, partition: str | None = None) -> Iterator[None]:
        """Hold an exclusive lock for the computation of a partition, or of a table without partitions.

        Without the lock, a run that read its input early and commits late can overwrite the result of a run
        with newer input: `write` is atomic, but does not include the reads. Read the input *inside* the
        lock, so that the last run computes from the newest input. Other partitions are not blocked, nor are
        readers and writers without the lock.

        The lock holds across processes and threads, and waiting has no time limit. The operating system
        releases the lock of a process that is killed. The lock is not reentrant; acquire several locks in
        the same order everywhere.
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
        conflicts_as_text: bool = False,
        declared: DeclaredPartitions | None = None,
        kept: KeptContent | None = None,
    ) -> WriteResult:
        """Replace the content of a table, or of one partition, in one commit; skip it if nothing changes.

        The rows are streamed from DuckDB into Parquet files. Each relation is read exactly once, so it may
        be based on a stream. Readers see the old content until the commit, and a process that is killed
        leaves it unchanged.

        Parameters
        ----------
        table
            The key of the table.
        rows
            One relation, or several with the same columns; each is written to files of its own.
        partition
            The partition to replace; None for a table without partitions.
        dagster_run_id
            The Dagster run, as recorded in `versions`.
        inputs
            The versions of the input tables, as recorded in `versions`.
        conflicts_as_text
            Write a column as text if its type has no common type with other partitions.
        declared
            The partitions that the table may have; others are removed, see `keep_partitions`.
        kept
            Content of the table to which the rows are added, for a table without partitions.

        Raises
        ------
        StoreError
            If the partition name is not valid, a value can't be stored, or the type of a column can't be
            reconciled with that of other partitions. Nothing is committed then.
        """
        name, directory = view_name(tuple(table)), self._directory(table)
        if partition is not None:
            require_partition_name(directory, partition, table=name)
        if self.exists(table) and self.is_partitioned(table) != (partition is not None):
            raise partitioning_error(table, partitioned=partition is None)
        relations = [rows] if isinstance(rows, duckdb.DuckDBPyRelation) else rows
        with (
            translated_disk_errors(f"table {name}", directory),
            staging(directory) as folder,
            self.shared_connection() as connection,
        ):
            linked = kept.link(folder) if kept else {}
            files = stage(
                *(folder, relations, connection), table=name, partition=partition, first=len(linked)
            )
            streamed = [*([kept.streamed] if kept else []), *files.values()]
            commit_files = partial(
                self._commit,
                connection,
                table,
                [*linked, *files],
                streamed,
                linked,
                partition=partition,
                dagster_run_id=dagster_run_id,
                inputs=inputs,
            )
            try:
                written = commit_files()
            except ConflictingTypesError as error:
                if not conflicts_as_text:
                    raise
                as_text(connection, list(files), error.columns)
                written = commit_files()
        if declared is not None:
            self.keep_partitions(table, declared, dagster_run_id=dagster_run_id)
        return written

    def _commit(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: TableKey,
        files: Sequence[Path],
        streamed: Sequence[Streamed],
        recorded: Mapping[Path, str],
        *,
        partition: str | None,
        dagster_run_id: str | None,
        inputs: Mapping[str, int] | None,
    ) -> WriteResult:
        """Commit staged files; nothing is moved if a type conflicts with other partitions."""
        name, directory = view_name(tuple(table)), self._directory(table)
        staged = connection.read_parquet([str(file) for file in files], union_by_name=True)
        hashes, digest = staged_content(staged, streamed)
        metadata = custom_metadata(
            rows=hashes.rows, digest=digest, partition=partition, dagster_run_id=dagster_run_id, inputs=inputs
        )
        schema = rows_schema(staged, table=name, partitioned=partition is not None)
        content = Staged(files, staged, schema, digest, partition, recorded=recorded)
        # Before the files are moved: DuckDB reads them again after a change of its catalog.
        columns = dict(zip(staged.columns, map(str, staged.types), strict=True))
        version, changed = commit(self.root, table, content, connection, metadata)
        return WriteResult(version, hashes.rows, digest, changed, columns, name, _uri(directory), hashes)

    def keep_partitions(
        self, table: TableKey, declared: DeclaredPartitions, *, dagster_run_id: str | None = None
    ) -> list[str]:
        """Remove the partitions that are not declared, in one commit; return them.

        After a change of the periods, the rows of such a partition are also in a declared one, and would
        count twice. Older versions keep them.
        """
        if not self.exists(table) or not self.is_partitioned(table):
            return []
        with translated_disk_errors(f"table {view_name(tuple(table))}", self._directory(table)):
            return remove_partitions(self.root, table, declared, dagster_run_id=dagster_run_id)

    def restore(
        self,
        table: TableKey,
        version: int,
        *,
        partition: str | None = None,
        dagster_run_id: str | None = None,
    ) -> WriteResult:
        """Restore the content of a version, by one commit that refers to its existing files.

        Parameters
        ----------
        version
            A version from `versions`, or any later one in which the partition was the same.
        partition
            The partition to restore; required for a table that is written by partition.

        Raises
        ------
        StoreError
            If the version has no such content, or its files are missing.
        """
        with self.connect() as connection:
            name, directory = view_name(tuple(table)), self._directory(table)
            content, source = content_at(
                directory, open_table(self.root, table), version, partition, table=name
            )
            staged = content.staged(connection, table=name)
            metadata = custom_metadata(
                rows=content.rows,
                digest=staged.digest,
                partition=partition,
                dagster_run_id=dagster_run_id,
                inputs=source.inputs,
                restored_from=source.version,
            )
            made, changed = commit(self.root, table, staged, connection, metadata)
            columns = dict(zip(staged.rows.columns, map(str, staged.rows.types), strict=True))
        return WriteResult(made, content.rows, staged.digest, changed, columns, name, _uri(directory))

    def restored_source(self, table: TableKey, version: int, *, partition: str | None = None) -> TableVersion:
        """The version that wrote the content that `restore` would restore.

        Raises
        ------
        StoreError
            If the version has no such content, or its files are missing.
        """
        name = view_name(tuple(table))
        delta = open_table(self.root, table)
        return content_at(self._directory(table), delta, version, partition, table=name)[1]


def _uri(directory: Path) -> str:
    """The address of a table, whose folder may be relative to the working directory."""
    return directory.absolute().as_uri()
