"""The warehouse: Delta tables on disk, DuckDB in memory.

Holds: `Warehouse`, which writes a table or one partition of it atomically, and reads any version back.
Add here: what every table needs, such as restoring or vacuuming.
Not here: what a table means (`components/`), and how source files are read (`sources.py`).

DuckDB writes Parquet files next to the table, and one Delta commit makes them the table's content.
The commit is optimistic: several processes may overwrite different partitions at once.
"""

import json
import random
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.schema import Field, PrimitiveType
from deltalake.transaction import AddAction, RemoveAction
from filelock import FileLock

from mlops_assets.digests import text_digest
from mlops_assets.errors import StoreError
from mlops_assets.names import PROVENANCE, view_name
from mlops_assets.sql import literal, quoted, quoted_list

if TYPE_CHECKING:
    import pandas as pd

TableKey = Sequence[str]
"""The key path of the asset that a table belongs to, such as `("california_housing", "raw", "districts")`."""

PARTITION = "_partition"
"""The partition column of a partitioned table."""

BATCH_ROWS = 65_536
_COMMIT_ATTEMPTS = 50
_STALE_STAGING_SECONDS = 24 * 3600


@dataclass(frozen=True)
class TableVersion:
    """One commit of a table."""

    version: int
    written_at: datetime
    rows: int | None
    """Rows of the partition that was written, or of the whole table."""
    digest: str | None
    partition: str | None
    dagster_run_id: str | None
    inputs: dict[str, int]
    """The versions of the tables that it was made of."""


@dataclass(frozen=True)
class WriteResult:
    """What a write did: the version that now holds the content, and whether it is a new one."""

    version: int
    rows: int
    digest: str
    changed: bool


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
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """An in-memory DuckDB that spills below the warehouse and never reaches for the network."""
        spill = self.root / ".spill"
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": self.memory_limit,
            "temp_directory": str(spill),
            "autoinstall_known_extensions": "false",
            "python_enable_replacements": "false",
        }
        with duckdb.connect(config=config) as connection:
            yield connection

    def exists(self, table: TableKey) -> bool:
        return DeltaTable.is_deltatable(str(self._directory(table)))

    def tables(self) -> list[tuple[str, ...]]:
        """The keys of all tables."""
        logs = sorted(self.root.glob("*/**/_delta_log"))
        return [log.parent.relative_to(self.root).parts for log in logs]

    # ---------------------------------------------------------------- writing

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

        The rows stream from DuckDB into Parquet files; readers see the old content until the commit, and
        a writer that dies leaves it in place.

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
        """
        self._refuse_other_layout(table, partition)
        directory = self._directory(table)
        relations = [rows] if isinstance(rows, duckdb.DuckDBPyRelation) else rows
        with self._staging(directory) as staging:
            files: list[Path] = []
            for number, relation in enumerate(relations):
                files.append(staging / f"{number:05}.parquet")
                relation.write_parquet(str(files[-1]), compression="zstd")
            with self.connect() as connection:
                staged = connection.read_parquet([str(file) for file in files])
                count, digest = relation_digest(staged)
                schema = Schema.from_arrow(staged.limit(0).to_arrow_table().schema)
            current = self._current_digest(table, partition)
            if current is not None and current == digest:
                return WriteResult(self._open(table).version(), count, digest, changed=False)
            version = self._commit(
                table,
                files,
                schema,
                partition=partition,
                facts={
                    "mlops.digest": digest,
                    "mlops.rows": str(count),
                    "mlops.partition": partition,
                    "mlops.dagster_run_id": dagster_run_id,
                    "mlops.inputs": json.dumps(dict(inputs or {}), sort_keys=True),
                },
            )
        return WriteResult(version, count, digest, changed=True)

    def _commit(
        self,
        table: TableKey,
        files: Sequence[Path],
        schema: Schema,
        *,
        partition: str | None,
        facts: Mapping[str, str | None],
    ) -> int:
        directory = self._directory(table)
        if partition is not None:
            schema = Schema([*schema.fields, Field(PARTITION, PrimitiveType("string"), nullable=True)])
        actions: list[AddAction | RemoveAction] = [
            self._put(directory, file, str(facts["mlops.digest"]), partition) for file in files
        ]
        properties = CommitProperties(
            custom_metadata={name: value for name, value in facts.items() if value is not None}
        )
        for attempt in range(_COMMIT_ATTEMPTS):
            try:
                # Under the lock, because two first writes of a partition don't conflict for Delta: neither
                # has anything to remove. The retry is for writers that know nothing of the lock.
                with self._lock(directory):
                    delta = self._open_or_create(directory, schema, partition)
                    delta.create_write_transaction(
                        actions,
                        mode="overwrite",
                        schema=schema if partition is None else _widened(delta, schema),
                        partition_by=[PARTITION] if partition is not None else None,
                        partition_filters=_filters(partition),
                        commit_properties=properties,
                    )
            except CommitFailedError:
                time.sleep(random.uniform(0, 0.02 * (attempt + 1)))
                continue
            return int(self._open(table).version())
        raise StoreError(
            f"table {view_name(tuple(table))}: other processes kept committing to it, "
            f"{_COMMIT_ATTEMPTS} attempts failed",
            hint="run it again; if it keeps failing, lower the number of parallel runs in dagster.yaml",
        )

    def _lock(self, directory: Path) -> FileLock:
        locks = self.root / ".locks"
        locks.mkdir(parents=True, exist_ok=True)
        return FileLock(locks / f"{text_digest(str(directory))[:16]}.lock")

    @staticmethod
    def _open_or_create(directory: Path, schema: Schema, partition: str | None) -> DeltaTable:
        if DeltaTable.is_deltatable(str(directory)):
            return DeltaTable(str(directory))
        return DeltaTable.create(
            str(directory),
            schema,
            partition_by=[PARTITION] if partition is not None else None,
            # A model names the table version that it was trained on: versions stay until they are removed.
            configuration={"delta.enableExpiredLogCleanup": "false"},
        )

    @staticmethod
    def _put(directory: Path, file: Path, digest: str, partition: str | None) -> AddAction:
        """Move a staged file to its place. Its name carries the content's digest, for `_current_digest`."""
        folder = f"{PARTITION}={partition}/" if partition is not None else ""
        name = f"{folder}{digest}-{uuid.uuid4().hex[:8]}.parquet"
        target = directory / name
        target.parent.mkdir(exist_ok=True)
        rows = pq.read_metadata(file).num_rows
        file.rename(target)
        return AddAction(
            path=name,
            size=target.stat().st_size,
            partition_values={PARTITION: partition} if partition is not None else {},
            modification_time=int(time.time() * 1000),
            data_change=True,
            stats=json.dumps({"numRecords": rows}),
        )

    @contextmanager
    def _staging(self, directory: Path) -> Iterator[Path]:
        """A folder inside the table's, so that moving a file into place is a rename."""
        area = directory / "_staging"
        if area.is_dir():
            for left in area.iterdir():  # of writers that were killed
                if time.time() - left.stat().st_mtime > _STALE_STAGING_SECONDS:
                    shutil.rmtree(left, ignore_errors=True)
        staging = area / uuid.uuid4().hex
        staging.mkdir(parents=True)
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    # ---------------------------------------------------------------- reading

    def relation(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: TableKey,
        *,
        partition: str | None = None,
        version: int | None = None,
    ) -> duckdb.DuckDBPyRelation:
        """A table, one of its partitions or one of its versions as a lazy DuckDB relation."""
        self._refuse_other_layout(table, partition, reading=True)
        delta = self._open(table, version)
        files = _files(delta, partition)
        if not files:
            return connection.from_arrow(pa.schema(delta.schema().to_arrow()).empty_table())
        return connection.sql(_scan(files, partitioned=bool(delta.metadata().partition_columns)))

    def batches(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: TableKey,
        *,
        partition: str | None = None,
        version: int | None = None,
        rows: int = BATCH_ROWS,
    ) -> pa.RecordBatchReader:
        """The same as a stream of Arrow record batches of at most `rows` rows."""
        return self.relation(connection, table, partition=partition, version=version).to_arrow_reader(rows)

    def frame(
        self, table: TableKey, *, partition: str | None = None, version: int | None = None
    ) -> "pd.DataFrame":
        """The same as a pandas frame, in memory: for tables that are known to fit."""
        with self.connect() as connection:
            return self.relation(connection, table, partition=partition, version=version).df()

    def create_views(
        self, connection: duckdb.DuckDBPyConnection, versions: Mapping[tuple[str, ...], int] | None = None
    ) -> None:
        """Make every table a view `project.layer_table` of the connection."""
        for table in self.tables():
            delta = self._open(table, (versions or {}).get(table))
            if files := _files(delta):
                scan = _scan(files, partitioned=bool(delta.metadata().partition_columns))
                connection.execute(f"create schema if not exists {quoted(table[0])}")
                view = f"{quoted(table[0])}.{quoted('_'.join(table[1:]))}"
                connection.execute(f"create or replace view {view} as {scan}")

    def version(self, table: TableKey) -> int:
        """The newest version's number."""
        return int(self._open(table).version())

    def inputs(self, table: TableKey, version: int) -> dict[str, int]:
        """The versions of the tables that a version was made of."""
        return next((found.inputs for found in self.versions(table) if found.version == version), {})

    def digest(self, table: TableKey, *, partition: str | None = None, version: int | None = None) -> str:
        """The content digest of a table, or of one of its partitions; see `relation_digest`."""
        known = self._current_digest(table, partition, version)
        if known is not None:
            return known
        with self.connect() as connection:
            return relation_digest(self.relation(connection, table, partition=partition, version=version))[1]

    def versions(self, table: TableKey) -> list[TableVersion]:
        """All versions that hold content, newest first, with the Dagster run that wrote each."""
        commits = (commit for commit in self._open(table).history() if "mlops.digest" in commit)
        return [
            TableVersion(
                version=commit["version"],
                written_at=datetime.fromtimestamp(commit["timestamp"] / 1000, UTC),
                rows=int(commit["mlops.rows"]),
                digest=commit["mlops.digest"],
                partition=commit.get("mlops.partition"),
                dagster_run_id=commit.get("mlops.dagster_run_id"),
                inputs=json.loads(commit.get("mlops.inputs", "{}")),
            )
            for commit in commits
        ]

    def _directory(self, table: TableKey) -> Path:
        return self.root.joinpath(*table)

    def _open(self, table: TableKey, version: int | None = None) -> DeltaTable:
        try:
            return DeltaTable(str(self._directory(table)), version=version)
        except TableNotFoundError as error:
            raise StoreError(
                f"there is no table {view_name(tuple(table))} in {self.root}",
                hint=f"materialize {'/'.join(table)} first",
            ) from error
        except DeltaError as error:
            raise StoreError(
                f"table {view_name(tuple(table))} can't be read at version {version}: {error}",
                hint="its versions are in its history; a warehouse that was made anew starts again at 0",
            ) from error

    def _refuse_other_layout(self, table: TableKey, partition: str | None, *, reading: bool = False) -> None:
        """A table is either always or never written by partition, and only one that is has partitions."""
        if partition is not None and (not partition or set(partition) & set("/\\=")):
            raise StoreError(
                f"table {view_name(tuple(table))}: {partition!r} can't name a partition",
                hint="name it with at least one character, and none of / \\ =",
            )
        if not self.exists(table) or (reading and partition is None):
            return
        partitioned = bool(self._open(table).metadata().partition_columns)
        if partitioned != (partition is not None):
            raise StoreError(
                f"table {view_name(tuple(table))} is {'' if partitioned else 'not '}written by partition",
                hint="remove its folder from the warehouse and materialize it again, if that was changed",
            )

    def _current_digest(
        self, table: TableKey, partition: str | None, version: int | None = None
    ) -> str | None:
        """The digest that the names of the current files carry; None when some other writer made them."""
        if not self.exists(table):
            return None
        files = _files(self._open(table, version), partition)
        stems = [Path(file).stem.split("-")[0] for file in files]
        return stems[0] if len(set(stems)) == 1 and len(stems[0]) == 32 else None


def relation_digest(relation: duckdb.DuckDBPyRelation) -> tuple[int, str]:
    """Count the rows and digest their content; neither their order nor the columns' order matters.

    The digest sums DuckDB's 64-bit row hashes in 128 bits, so that equal rows add up and don't cancel.
    Provenance columns are left out: the same rows from a renamed file are the same data.
    DuckDB may change its hash, so its version is part of the digest.

    Returns
    -------
    rows, digest
        The number of rows and 32 hexadecimal digits.
    """
    columns = sorted(
        (name, str(kind))
        for name, kind in zip(relation.columns, relation.types, strict=True)
        if name not in PROVENANCE
    )
    names = quoted_list(name for name, _ in columns)
    rows, total = relation.aggregate(
        f"count(*) as n, coalesce(sum(hash({names})::hugeint), 0)::varchar as total"
    ).fetchall()[0]
    return rows, text_digest(duckdb.__version__, repr(columns), str(rows), total)[:32]


def _filters(partition: str | None) -> list[tuple[str, str, str]] | None:
    return [(PARTITION, "=", partition)] if partition is not None else None


def _widened(delta: DeltaTable, schema: Schema) -> Schema:
    """A partition's schema, and what only other partitions have: readers of the table see all columns."""
    ours = {field.name for field in schema.fields}
    return Schema([*(field for field in delta.schema().fields if field.name not in ours), *schema.fields])


def _files(delta: DeltaTable, partition: str | None = None) -> list[str]:
    """Paths of a table's current files; delta-rs gives them as the paths of URIs."""
    return sorted(unquote(uri) for uri in delta.file_uris(file_pruning_predicate=_filters(partition)))


def _scan(files: Sequence[str], *, partitioned: bool) -> str:
    names = ", ".join(literal(file) for file in files)
    options = f", hive_types = {{'{PARTITION}': 'VARCHAR'}}, union_by_name = true" if partitioned else ""
    return f"from read_parquet([{names}], hive_partitioning = {str(partitioned).lower()}{options})"
