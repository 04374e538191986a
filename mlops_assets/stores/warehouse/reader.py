"""Reading the warehouse: any version of any table, and what is known of it."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

from mlops_assets.core.errors import StoreError
from mlops_assets.core.names import view_name
from mlops_assets.core.sql_quoting import quoted
from mlops_assets.stores.delta.commit_metadata import TableVersion, all_versions, one_version
from mlops_assets.stores.delta.content_digest import named_digest, relation_digest
from mlops_assets.stores.delta.data_files import (
    by_partition,
    data_files,
    is_partitioned,
    rows_by_partition,
    scan,
)
from mlops_assets.stores.delta.duckdb_connection import connect
from mlops_assets.stores.delta.log import is_table, open_table, partitioning_error, require_data_files

if TYPE_CHECKING:
    import pandas as pd

TableKey = Sequence[str]
"""The key path of the asset that a table belongs to, such as `("california_housing", "raw_districts")`."""

BATCH_ROWS = 65_536


class TableReader:
    """The tables below one directory, to be read.

    Parameters
    ----------
    root
        The directory.
    memory_limit
        What one DuckDB connection may hold in memory before it spills to disk, as DuckDB spells it.
    """

    def __init__(self, root: Path | str, *, memory_limit: str = "1GiB") -> None:
        self.root = Path(root)
        self.memory_limit = memory_limit

    @contextmanager
    def connect(self, *, threads: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """An in-memory DuckDB that spills below the warehouse and never reaches for the network.

        Parameters
        ----------
        threads
            With one, sums of floating-point numbers are the same at every run; by default all cores.
        """
        with connect(self.root, memory_limit=self.memory_limit, threads=threads) as connection:
            yield connection

    def exists(self, table: TableKey) -> bool:
        return is_table(self.root, table)

    def is_partitioned(self, table: TableKey) -> bool:
        """Whether the table is written by partition."""
        return is_partitioned(self._open(table))

    def tables(self) -> list[tuple[str, ...]]:
        """The keys of all tables."""
        logs = sorted(self.root.glob("*/**/_delta_log"))
        return [log.parent.relative_to(self.root).parts for log in logs]

    def find(self, project: str, name: str) -> tuple[str, ...]:
        """The key of a project's table by its name, as SQL views have it: `validated_orders`.

        Raises
        ------
        StoreError
            When there is none; the message lists those that there are.
        """
        there = [table for table in self.tables() if table[0] == project]
        for table in there:
            if name in ("/".join(table[1:]), "_".join(table[1:])):
                return table
        known = ", ".join("/".join(table[1:]) for table in there)
        raise StoreError(
            f"{project} has no table {name}",
            hint=f"it has {known}" if known else f"nothing of it has been made in {self.root}",
        )

    # ---------------------------------------------------------------- reading

    def relation(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: TableKey,
        *,
        partition: str | None = None,
        partitions: Collection[str] | None = None,
        version: int | None = None,
    ) -> duckdb.DuckDBPyRelation:
        """A table, some of its partitions or one of its versions as a lazy DuckDB relation.

        Only the files of the partitions that were asked for are opened, and only their columns are there;
        a partitioned table has the column `_partition`, too. Partitions that don't exist have no rows;
        if there are none at all, the relation is empty and has all of the table's columns.
        """
        if isinstance(partitions, str) or (partition is not None and partitions is not None):
            raise ValueError("give one partition, or a collection of partitions")
        wanted = partitions if partition is None else [partition]
        delta = self._open(table, version)
        if wanted is not None and not is_partitioned(delta):
            raise partitioning_error(table, partitioned=False)
        files = data_files(self._directory(table), delta, wanted)
        require_data_files(self._directory(table), table, delta.version(), files)
        if not files:
            return connection.from_arrow(pa.schema(delta.schema().to_arrow()).empty_table())
        return connection.sql(scan(files, partitioned=is_partitioned(delta)))

    def batches(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: TableKey,
        *,
        partition: str | None = None,
        partitions: Collection[str] | None = None,
        version: int | None = None,
        rows: int = BATCH_ROWS,
    ) -> pa.RecordBatchReader:
        """The same as a stream of Arrow record batches of at most `rows` rows."""
        relation = self.relation(
            connection, table, partition=partition, partitions=partitions, version=version
        )
        return relation.to_arrow_reader(rows)

    def frame(
        self,
        table: TableKey,
        *,
        partition: str | None = None,
        partitions: Collection[str] | None = None,
        version: int | None = None,
    ) -> "pd.DataFrame":
        """The same as a pandas frame, in memory: for tables that are known to fit."""
        with self.connect() as connection:
            return self.relation(
                connection, table, partition=partition, partitions=partitions, version=version
            ).df()

    def create_views(
        self,
        connection: duckdb.DuckDBPyConnection,
        versions: Mapping[tuple[str, ...], int] | None = None,
        *,
        on_error: Callable[[StoreError], None] | None = None,
    ) -> list[str]:
        """Make every table a view `project.layer_table` of the connection; returns the files behind them.

        Parameters
        ----------
        on_error
            Told of each table that can't be read, which is left out; without it, the first one is raised.
        """
        opened: list[str] = []
        for table in self.tables():
            try:
                opened += self._create_view(connection, table, (versions or {}).get(table))
            except StoreError as error:
                if on_error is None:
                    raise
                on_error(error)
        return opened

    def _create_view(
        self, connection: duckdb.DuckDBPyConnection, table: tuple[str, ...], version: int | None
    ) -> list[str]:
        directory, delta = self._directory(table), self._open(table, version)
        files = data_files(directory, delta)
        if not files:
            return []
        require_data_files(directory, table, delta.version(), files)
        view = f"{quoted(table[0])}.{quoted('_'.join(table[1:]))}"
        query = scan(files, partitioned=is_partitioned(delta))
        connection.execute(f"create schema if not exists {quoted(table[0])}")
        try:
            connection.execute(f"create or replace view {view} as {query}")
        except duckdb.Error as error:  # which reads the head of each file
            raise StoreError(
                f"table {view_name(table)} can't be read: {str(error).splitlines()[0]}",
                hint="bring it back, or make the table again; docs/operations.md",
            ) from error
        return [file.path for file in files]

    # ---------------------------------------------------------------- telling

    def partitions(self, table: TableKey, *, version: int | None = None) -> dict[str, str]:
        """The content digest of each partition, sorted by partition; empty when there is no such table.

        A partition that was written without rows is there. Nothing but the table's log is read, unless
        another writer made a partition's files.
        """
        if version is None and not self.exists(table):
            return {}
        delta = self._open(table, version)
        if not is_partitioned(delta):
            raise partitioning_error(table, partitioned=False)
        found = by_partition(data_files(self._directory(table), delta))
        return {
            partition: named_digest(paths) or self.digest(table, partition=partition, version=delta.version())
            for partition, paths in found.items()
        }

    def row_counts(self, table: TableKey, *, version: int | None = None) -> dict[str | None, int]:
        """How many rows each partition has; those of a table without partitions under None."""
        return rows_by_partition(data_files(self._directory(table), self._open(table, version)))

    def missing_files(self, table: TableKey) -> list[str]:
        """Data files of the newest version that are not where they should be."""
        files = data_files(self._directory(table), self._open(table))
        return [file.path for file in files if not Path(file.path).is_file()]

    def version(self, table: TableKey) -> int:
        """The newest version's number."""
        return int(self._open(table).version())

    def inputs(self, table: TableKey, version: int) -> dict[str, int]:
        """The versions of the tables that a version was made of.

        For a table that is written by partition: those of the one partition that the version replaced.
        """
        found = one_version(self._directory(table), version)
        if found is None:
            self._open(table, version)  # tells what is not there
        return found.inputs if found is not None else {}

    def digest(self, table: TableKey, *, partition: str | None = None, version: int | None = None) -> str:
        """The content digest of a table, or of one of its partitions; see `relation_digest`."""
        delta = self._open(table, version)
        wanted = None if partition is None else [partition]
        known = named_digest([file.path for file in data_files(self._directory(table), delta, wanted)])
        if known is not None:
            return known
        with self.connect() as connection:
            rows = self.relation(connection, table, partition=partition, version=delta.version())
            return relation_digest(rows)[1]

    def versions(self, table: TableKey) -> list[TableVersion]:
        """All versions that hold content, newest first, with the Dagster run that wrote each."""
        return all_versions(self._open(table))

    def _directory(self, table: TableKey) -> Path:
        return self.root.joinpath(*table)

    def _open(self, table: TableKey, version: int | None = None) -> DeltaTable:
        return open_table(self.root, table, version)
