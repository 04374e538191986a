"""The content of an older version of a table, as files that a commit can restore."""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
from deltalake import DeltaTable

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.delta.commit_metadata import TableVersion, all_versions
from mlops_assets.stores.delta.content_digest import named_digest, relation_digest
from mlops_assets.stores.delta.damage import find_damage
from mlops_assets.stores.delta.data_files import DataFile, data_files, is_partitioned
from mlops_assets.stores.delta.schema import rows_schema
from mlops_assets.stores.delta.writing.staging import Staged


@dataclass(frozen=True)
class OldContent:
    """The files of a table, or of one of its partitions, at an older version."""

    files: tuple[DataFile, ...]
    partition: str | None

    @property
    def rows(self) -> int:
        """The number of rows."""
        return sum(
            pq.read_metadata(file.path).num_rows if file.rows is None else file.rows for file in self.files
        )

    def staged(self, connection: duckdb.DuckDBPyConnection, *, table: str) -> Staged:
        """The content for a commit; no file is moved, and rows are read only if no digest is known."""
        paths = [Path(file.path) for file in self.files]
        rows = connection.read_parquet(
            [str(path) for path in paths], union_by_name=True, hive_partitioning=False
        )
        schema = rows_schema(rows, table=table, partitioned=self.partition is not None)
        digest = named_digest([file.path for file in self.files]) or relation_digest(rows)[1]
        return Staged(paths, rows, schema, digest, self.partition, in_place=True)


def content_at(
    directory: Path, delta: DeltaTable, version: int, partition: str | None, *, table: str
) -> tuple[OldContent, TableVersion]:
    """The content of a table at a version, and the version that wrote it.

    Parameters
    ----------
    delta
        The table at its newest version.
    table
        The table's name, for messages.

    Raises
    ------
    StoreError
        If the version has no such content, or files of it are missing.
    """
    written = all_versions(delta)
    if is_partitioned(delta) != (partition is not None):
        raise StoreError(
            _partition_error(table, written, version, partition), hint=_partition_hint(partition)
        )
    known = [found for found in written if found.partition == partition]
    source = next((found for found in known if found.version <= version), None)
    if source is None or version > delta.version():
        of = f" of partition {partition}" if partition is not None else ""
        available = ", ".join(str(found.version) for found in known[:20]) or "none"
        raise StoreError(
            f"table {table} has no version {version}{of}",
            hint=f"the versions{of} are {available}, newest first",
        )
    then = DeltaTable(str(directory), version=source.version)
    files = data_files(directory, then, None if partition is None else [partition])
    if damaged := list(find_damage(files, content=True)):
        raise StoreError(
            f"table {table}: version {source.version} can't be restored: {len(damaged)} of its "
            f"{len(files)} files are damaged: {damaged[0]}",
            hint="choose another version, or materialize the table from its source",
        )
    return OldContent(tuple(files), partition), source


def _partition_error(table: str, written: list[TableVersion], version: int, partition: str | None) -> str:
    if partition is not None:
        return f"table {table} has no partitions, but partition {partition} was requested"
    wrote = next((found.partition for found in written if found.version == version), None)
    return f"table {table} must be restored by partition" + (
        f": version {version} wrote {wrote}" if wrote else ""
    )


def _partition_hint(partition: str | None) -> str:
    return "omit --partition" if partition is not None else "select one with --partition"
