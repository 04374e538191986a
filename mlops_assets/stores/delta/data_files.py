"""The data files of a Delta table: current files, their partitions, and the SQL that reads them."""

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from mlops_assets.core.errors import StoreError
from mlops_assets.core.names import PARTITION
from mlops_assets.core.sql_quoting import literal

if TYPE_CHECKING:  # a status that finds its files in the log imports neither delta-rs nor Arrow
    from deltalake import DeltaTable

_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
"""DuckDB, Spark and Delta read a folder with this name as null."""
_LONGEST_NAME = 255


@dataclass(frozen=True, order=True)
class DataFile:
    """A Parquet file of a version of a table."""

    path: str
    """Absolute if the warehouse's root is."""
    partition: str | None
    rows: int | None = None
    """None if another program wrote the file without this number."""
    size: int | None = None
    """The size in bytes when the file was written."""


def require_partition_name(directory: Path, partition: str, *, table: str) -> None:
    """Check that a partition name survives as a folder name, from which DuckDB reads the partition.

    Raises
    ------
    StoreError
        If DuckDB would read another name, or the name can't be one of a folder.
    """
    if problem := _partition_problem(partition):
        raise StoreError(
            f"table {table}: {partition!r} is not a valid partition name: it {problem}",
            hint="use at least one character, none of / \\ = * ? [, no line end or other control character, "
            "and no encoding such as %20",
        )
    if "=" in str(directory.absolute()):
        raise StoreError(
            f"table {table}: the path of its folder {directory} contains '=', which DuckDB reads as a "
            "partition",
            hint="set MLOPS_STATE_DIR to a path without '='",
        )


def _partition_problem(partition: str) -> str | None:
    """Why DuckDB would not read a name of a partition from its folder; None if it would."""
    if not partition:
        return "is empty"
    if found := sorted(set(partition) & set("/\\=*?[")):
        return f"contains {found[0]}"
    if any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in partition):
        return "contains a line end, another control character, or half of a surrogate pair"
    if unquote(partition) != partition:
        return f"is an encoding of {unquote(partition)!r}"
    if partition == _NULL_PARTITION:
        return "stands for null"
    if len(f"{PARTITION}={partition}".encode()) > _LONGEST_NAME:
        return f"is longer than a folder name of {_LONGEST_NAME} bytes permits"
    return None


def is_partitioned(delta: "DeltaTable") -> bool:
    """Whether a table is written by partition."""
    return bool(delta.metadata().partition_columns)


def data_files(
    directory: Path, delta: "DeltaTable", partitions: Collection[str] | None = None
) -> list[DataFile]:
    """The files of a version, or of some of its partitions, sorted by path; no file is opened."""
    added = delta.get_add_actions(flatten=True)
    paths = added["path"].to_pylist()
    values = added[f"partition.{PARTITION}"].to_pylist() if is_partitioned(delta) else [None] * len(paths)
    rows, sizes = added["num_records"].to_pylist(), added["size_bytes"].to_pylist()
    wanted = None if partitions is None else set(partitions)
    return sorted(
        DataFile(str(directory / unquote(path)), value, count, size)
        for path, value, count, size in zip(paths, values, rows, sizes, strict=True)
        if wanted is None or value in wanted
    )


def by_partition(files: Sequence[DataFile]) -> dict[str, list[str]]:
    """The paths of the files of each partition, sorted by partition."""
    found: dict[str, list[str]] = {}
    for file in files:
        found.setdefault(str(file.partition), []).append(file.path)
    return dict(sorted(found.items()))


def rows_by_partition(files: Sequence[DataFile]) -> dict[str | None, int]:
    """The number of rows of each partition; a file is opened only if the log has no number of rows."""
    counts: dict[str | None, int] = {}
    for file in files:
        rows = _rows_in(file) if file.rows is None else file.rows
        counts[file.partition] = counts.get(file.partition, 0) + rows
    return counts


def _rows_in(file: DataFile) -> int:
    from pyarrow.parquet import read_metadata

    return int(read_metadata(file.path).num_rows)


def scan(files: Sequence[DataFile], *, partitioned: bool, with_names: bool = False) -> str:
    """The SQL query that reads files; columns that a file lacks are null in its rows.

    Parameters
    ----------
    with_names
        Add the column `filename`; see `project_of_file`.
    """
    names = ", ".join(literal(file.path) for file in files)
    options = f"hive_partitioning = {str(partitioned).lower()}"
    if partitioned:
        options += f", hive_types = {{{literal(PARTITION)}: 'VARCHAR'}}"
    if with_names:
        options += ", filename = true"
    return f"from read_parquet([{names}], union_by_name = true, {options})"


def project_of_file(root: Path) -> str:
    """The SQL expression of the project of a row's file, which is the first folder below the tables' root."""
    return f"split_part(substr(filename, {len(str(root)) + 2}), '/', 1)"
