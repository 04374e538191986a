"""Reading tables of the warehouse at any version, and their metadata."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from mlops_assets.core.errors import StoreError
from mlops_assets.ml.wide_queries import plan_wide
from mlops_assets.stores.delta.content_digest import named_digest, relation_digest
from mlops_assets.stores.delta.data_files import DataFile, by_partition, scan
from mlops_assets.stores.delta.log import open_table, partitioning_error, require_data_files
from mlops_assets.stores.duckdb.connection import confine, connect
from mlops_assets.stores.duckdb.shared_database import shared_connection
from mlops_assets.stores.warehouse.metadata import TableKey, TableMetadata
from mlops_assets.stores.warehouse.opened_files import record, translated_damage
from mlops_assets.stores.warehouse.views import create_views

if TYPE_CHECKING:
    import pandas as pd

    from mlops_assets.stores.duckdb.read_only_files import ReadOnlyFiles

BATCH_ROWS = 65_536


class TableReader(TableMetadata):
    """Reads the tables below one directory.

    Parameters
    ----------
    root
        The directory.
    memory_limit
        The memory limit of a DuckDB connection, such as `1GiB`; it spills to disk above it.
    """

    def __init__(self, root: Path | str, *, memory_limit: str = "1GiB") -> None:
        super().__init__(root)
        self.memory_limit = memory_limit

    @contextmanager
    def connect(self, *, threads: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open an in-memory DuckDB that spills below the warehouse and uses no network.

        Parameters
        ----------
        threads
            The number of threads, by default that of the cores. With one thread, sums of floating-point
            numbers are reproducible.
        """
        with (
            connect(self.root, memory_limit=self.memory_limit, threads=threads) as connection,
            translated_damage(connection),
        ):
            yield connection

    @contextmanager
    def shared_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to a DuckDB that all steps of this process share; see `shared_connection`."""
        with (
            shared_connection(self.root, memory_limit=self.memory_limit) as connection,
            translated_damage(connection),
        ):
            yield connection

    def confine(
        self,
        connection: duckdb.DuckDBPyConnection,
        relations: Iterable[duckdb.DuckDBPyRelation],
        *,
        output: TableKey | None = None,
    ) -> None:
        """Deny a connection all access but to the files of relations and of an output table, for good.

        The first line against the SQL of a project is the check of its text, this is the second.
        """
        confine(connection, relations, folders=[self._directory(output)] if output else [])

    def relation(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: TableKey,
        *,
        partition: str | None = None,
        partitions: Collection[str] | None = None,
        version: int | None = None,
    ) -> duckdb.DuckDBPyRelation:
        """A table, some of its partitions, or one of its versions, as a lazy DuckDB relation.

        A version that another program has written is an error here, but not in `create_views`.

        Only the files of the requested partitions are opened, and the relation has the columns of these
        files. A partitioned table has the additional column `_partition`. Partitions that do not exist have
        no rows; if none exists, the relation is empty and has all columns of the table.

        Raises
        ------
        StoreError
            If the table or version does not exist, the table has no partitions but some are requested, or a
            data file is missing.
        """
        if isinstance(partitions, str) or (partition is not None and partitions is not None):
            raise ValueError("give one partition, or a collection of partitions")
        wanted = partitions if partition is None else [partition]
        opened = self._open(table, version)
        if wanted is not None and not opened.partitioned:
            raise partitioning_error(table, partitioned=False)
        files = opened.files if wanted is None else opened.of_partitions(wanted)
        require_data_files(self._directory(table), table, opened.version, files)
        record(connection, table, opened.version, files)
        if not files:
            schema = open_table(self.root, table, opened.version).schema()
            return connection.from_arrow(pa.schema(schema.to_arrow()).empty_table())
        found = connection.sql(scan(files, partitioned=opened.partitioned))
        plan_wide(connection, len(found.columns))
        return found

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
        """A table as a stream of Arrow record batches of at most `rows` rows; see `relation`."""
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
        """A table as a pandas frame in memory; see `relation`."""
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
        files: "ReadOnlyFiles | None" = None,
    ) -> list[str]:
        """Create a view `project.layer_table` of every table, and return the files of the views.

        Parameters
        ----------
        versions
            The versions of tables; by default the newest.
        on_error
            Called with the error of each table that can't be read, which has no view then. By default the
            first error is raised.
        files
            The file system of the connection through which the views read, so that they can't be written.
        """
        return create_views(connection, self.root, self.tables(), versions or {}, on_error, files)

    def relation_of(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: TableKey,
        files: Sequence[DataFile],
        *,
        version: int,
    ) -> duckdb.DuckDBPyRelation:
        """Some files of a version of a table without partitions, as a lazy DuckDB relation."""
        require_data_files(self._directory(table), table, version, files)
        record(connection, table, version, files)
        return connection.sql(scan(files, partitioned=False))

    def partitions(self, table: TableKey, *, version: int | None = None) -> dict[str, str]:
        """The content digest of each partition, sorted by partition; empty if the table does not exist.

        Partitions without rows are included. Only the log of the table is read, unless another program wrote
        the files of a partition.
        """
        if version is None and not self.exists(table):
            return {}
        opened = self._open(table, version)
        if not opened.partitioned:
            raise partitioning_error(table, partitioned=False)
        return {
            partition: named_digest(paths) or self.digest(table, partition=partition, version=opened.version)
            for partition, paths in by_partition(opened.files).items()
        }

    def digest(self, table: TableKey, *, partition: str | None = None, version: int | None = None) -> str:
        """The content digest of a table, or of one of its partitions; see `relation_digest`."""
        opened = self._open(table, version)
        files = opened.files if partition is None else opened.of_partitions([partition])
        known = named_digest([file.path for file in files])
        if known is not None:
            return known
        with self.connect() as connection:
            rows = self.relation(connection, table, partition=partition, version=opened.version)
            return relation_digest(rows)[1]

    def has_content(
        self, table: TableKey, digest: str, *, version: int, partition: str | None = None
    ) -> bool:
        """Whether a version has a content, or had it before rows of forgotten entities were removed."""
        return digest == self.digest(table, partition=partition, version=version) or any(
            removal["digest"] == digest for removal in self.forgotten(table, version, partition=partition)
        )
