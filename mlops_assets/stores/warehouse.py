"""The warehouse: Delta tables on disk, DuckDB in memory.

Holds: `Warehouse`, which writes a table or one partition of it atomically, and reads any version back.
Add here: what every table needs, such as restoring or vacuuming.
Not here: what a table means (`components/`), how source files are read (`sources.py`), and how a table is
kept: its staging (`staging.py`), commits (`commits.py`), history (`history.py`), locks (`table_locks.py`),
log (`table_log.py`) and data files (`table_files.py`), their columns (`columns.py`) and content
(`content.py`); and how DuckDB is set up (`engine.py`).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

from mlops_assets.errors import StoreError
from mlops_assets.names import PARTITION, view_name
from mlops_assets.sql import quoted
from mlops_assets.stores.columns import rows_schema
from mlops_assets.stores.commits import commit
from mlops_assets.stores.content import named_digest, relation_digest
from mlops_assets.stores.disk import disk_faults_told
from mlops_assets.stores.engine import connect
from mlops_assets.stores.history import TableVersion, all_versions, commit_facts, one_version
from mlops_assets.stores.restoring import content_at
from mlops_assets.stores.staging import Staged, stage, staging
from mlops_assets.stores.table_files import (
    by_partition,
    data_files,
    is_partitioned,
    refuse_partition_name,
    rows_by_partition,
    scan,
)
from mlops_assets.stores.table_locks import turn_lock
from mlops_assets.stores.table_log import is_table, open_table, other_layout, refuse_lost_files

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "BATCH_ROWS",
    "PARTITION",
    "TableKey",
    "TableVersion",
    "Warehouse",
    "WriteResult",
    "relation_digest",
]

TableKey = Sequence[str]
"""The key path of the asset that a table belongs to, such as `("california_housing", "raw", "districts")`."""

BATCH_ROWS = 65_536


@dataclass(frozen=True)
class WriteResult:
    """What a write did: the version that now holds the content, and whether it is a new one."""

    version: int
    rows: int
    digest: str
    changed: bool
    columns: dict[str, str]
    """The type of each column, as DuckDB names it."""


class Warehouse:
    """Delta tables below one directory.

    Parameters
    ----------
    root
        The directory; it is made when the first table is written.
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
        """The key of a project's table by its name: `validated/orders`, or `validated_orders` as in SQL.

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

    # ---------------------------------------------------------------- writing

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
            refuse_partition_name(directory, partition, table=name)
        if self.exists(table) and is_partitioned(self._open(table)) != (partition is not None):
            raise other_layout(table, partitioned=partition is None)
        relations = [rows] if isinstance(rows, duckdb.DuckDBPyRelation) else rows
        with (
            disk_faults_told(f"table {name}", directory),
            staging(directory) as folder,
            self.connect() as connection,
        ):
            files = stage(folder, relations, table=name, partition=partition)
            staged = connection.read_parquet([str(file) for file in files], union_by_name=True)
            count, digest = relation_digest(staged)
            facts = commit_facts(
                rows=count, digest=digest, partition=partition, dagster_run_id=dagster_run_id, inputs=inputs
            )
            schema = rows_schema(staged, table=name, partitioned=partition is not None)
            content = Staged(files, staged, schema, digest, partition)
            version, changed = commit(self.root, table, content, connection, facts)
            columns = dict(zip(staged.columns, map(str, staged.types), strict=True))
        return WriteResult(version, count, digest, changed, columns)

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
            name = view_name(tuple(table))
            content, source = content_at(
                self._directory(table), self._open(table), version, partition, table=name
            )
            staged = content.staged(connection, table=name)
            facts = commit_facts(
                rows=content.rows,
                digest=staged.digest,
                partition=partition,
                dagster_run_id=dagster_run_id,
                inputs=source.inputs,
                restored_from=source.version,
            )
            made, changed = commit(self.root, table, staged, connection, facts)
            columns = dict(zip(staged.rows.columns, map(str, staged.rows.types), strict=True))
        return WriteResult(made, content.rows, staged.digest, changed, columns)

    def restored_source(self, table: TableKey, version: int, *, partition: str | None = None) -> TableVersion:
        """The version that wrote what `restore` would make current; it raises what that raises."""
        name = view_name(tuple(table))
        return content_at(self._directory(table), self._open(table), version, partition, table=name)[1]

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
            raise other_layout(table, partitioned=False)
        files = data_files(self._directory(table), delta, wanted)
        refuse_lost_files(self._directory(table), table, delta.version(), files)
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
        self, connection: duckdb.DuckDBPyConnection, versions: Mapping[tuple[str, ...], int] | None = None
    ) -> list[str]:
        """Make every table a view `project.layer_table` of the connection; returns the files behind them."""
        opened: list[str] = []
        for table in self.tables():
            delta = self._open(table, (versions or {}).get(table))
            if files := data_files(self._directory(table), delta):
                opened.extend(file.path for file in files)
                refuse_lost_files(self._directory(table), table, delta.version(), files)
                connection.execute(f"create schema if not exists {quoted(table[0])}")
                view = f"{quoted(table[0])}.{quoted('_'.join(table[1:]))}"
                query = scan(files, partitioned=is_partitioned(delta))
                connection.execute(f"create or replace view {view} as {query}")
        return opened

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
            raise other_layout(table, partitioned=False)
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
