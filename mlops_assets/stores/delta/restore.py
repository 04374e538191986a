"""What a version of a table held, found again so that it can be made current."""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
from deltalake import DeltaTable

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.delta.commit_metadata import TableVersion, all_versions
from mlops_assets.stores.delta.content_digest import named_digest, relation_digest
from mlops_assets.stores.delta.data_files import DataFile, data_files, is_partitioned
from mlops_assets.stores.delta.schema import rows_schema
from mlops_assets.stores.delta.staging import Staged


@dataclass(frozen=True)
class OldContent:
    """Files that held a table, or one of its partitions."""

    files: tuple[DataFile, ...]
    partition: str | None

    @property
    def rows(self) -> int:
        return sum(
            pq.read_metadata(file.path).num_rows if file.rows is None else file.rows for file in self.files
        )

    def staged(self, connection: duckdb.DuckDBPyConnection, *, table: str) -> Staged:
        """The same as a commit wants it; nothing is moved, and no row is read that has a digest."""
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
    """What a table held at a version, and the version that wrote it.

    Parameters
    ----------
    delta
        The table at its newest version.
    table
        Its name, for messages.

    Raises
    ------
    StoreError
        When the version holds no such content, or when files of it are gone.
    """
    written = all_versions(delta)
    if is_partitioned(delta) != (partition is not None):
        raise StoreError(
            _partition_fault(table, written, version, partition), hint=_partition_hint(partition)
        )
    known = [found for found in written if found.partition == partition]
    source = next((found for found in known if found.version <= version), None)
    if source is None or version > delta.version():
        of = f" of partition {partition}" if partition is not None else ""
        there = ", ".join(str(found.version) for found in known[:20]) or "none"
        raise StoreError(
            f"table {table} has no version {version}{of}", hint=f"its versions{of} are {there}, newest first"
        )
    then = DeltaTable(str(directory), version=source.version)
    files = data_files(directory, then, None if partition is None else [partition])
    if gone := [file.path for file in files if not Path(file.path).is_file()]:
        raise StoreError(
            f"table {table}: version {source.version} can't be restored: {len(gone)} of its {len(files)} "
            f"files are gone, such as {gone[0]}",
            hint="choose another version, or materialize it from its source",
        )
    return OldContent(tuple(files), partition), source


def _partition_fault(table: str, written: list[TableVersion], version: int, partition: str | None) -> str:
    if partition is not None:
        return f"table {table} has no partitions, and {partition} was asked for"
    wrote = next((found.partition for found in written if found.version == version), None)
    return f"table {table} is restored by partition" + (f": version {version} wrote {wrote}" if wrote else "")


def _partition_hint(partition: str | None) -> str:
    return "leave --partition out" if partition is not None else "say which with --partition"
