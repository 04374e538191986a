"""A Delta table's data files: which are current, which partition each belongs to, how DuckDB reads them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pyarrow.parquet as pq
from deltalake import DeltaTable

from mlops_assets.core.errors import StoreError
from mlops_assets.core.names import PARTITION
from mlops_assets.core.sql_quoting import literal


@dataclass(frozen=True, order=True)
class DataFile:
    """One Parquet file of a table's version."""

    path: str
    """Absolute if the warehouse's directory is."""
    partition: str | None
    rows: int | None = None
    """None when another writer did not say."""


def require_partition_name(directory: Path, partition: str, *, table: str) -> None:
    """A partition's name becomes a folder's, from which DuckDB reads it: some names would not come back."""
    if not partition or set(partition) & set("/\\=*?[") or unquote(partition) != partition:
        raise StoreError(
            f"table {table}: {partition!r} can't name a partition",
            hint="name it with at least one character, none of / \\ = * ? [ and nothing encoded such as %20",
        )
    if "=" in str(directory.absolute()):
        raise StoreError(
            f"table {table}: its folder {directory} has '=' in its path, where DuckDB sees a partition, too",
            hint="put the state directory elsewhere; MLOPS_STATE_DIR names it",
        )


def is_partitioned(delta: DeltaTable) -> bool:
    return bool(delta.metadata().partition_columns)


def data_files(
    directory: Path, delta: DeltaTable, partitions: Collection[str] | None = None
) -> list[DataFile]:
    """The files of the table's version, or of some of its partitions, sorted by path; none is opened."""
    added = delta.get_add_actions(flatten=True)
    paths = added["path"].to_pylist()
    values = added[f"partition.{PARTITION}"].to_pylist() if is_partitioned(delta) else [None] * len(paths)
    rows = added["num_records"].to_pylist()
    wanted = None if partitions is None else set(partitions)
    return sorted(
        DataFile(str(directory / unquote(path)), value, count)
        for path, value, count in zip(paths, values, rows, strict=True)
        if wanted is None or value in wanted
    )


def by_partition(files: Sequence[DataFile]) -> dict[str, list[str]]:
    """Paths of the files of each partition, sorted by partition."""
    found: dict[str, list[str]] = {}
    for file in files:
        found.setdefault(str(file.partition), []).append(file.path)
    return dict(sorted(found.items()))


def rows_by_partition(files: Sequence[DataFile]) -> dict[str | None, int]:
    """How many rows each partition has; a file is opened only where its writer did not say."""
    counts: dict[str | None, int] = {}
    for file in files:
        rows = pq.read_metadata(file.path).num_rows if file.rows is None else file.rows
        counts[file.partition] = counts.get(file.partition, 0) + rows
    return counts


def scan(files: Sequence[DataFile], *, partitioned: bool) -> str:
    """The SQL query over the files; columns that only some have are null in the rows of the others."""
    names = ", ".join(literal(file.path) for file in files)
    hive = f"hive_partitioning = {str(partitioned).lower()}"
    if partitioned:
        hive += f", hive_types = {{{literal(PARTITION)}: 'VARCHAR'}}"
    return f"from read_parquet([{names}], union_by_name = true, {hive})"
