"""Rows of DuckDB, streamed into a Parquet file and digested as they pass.

A group of rows is computed while the group before it is encoded: DuckDB computes rows with numbers of their
place in a file in one thread, and would encode them in the same one.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mlops_assets.core.sql_quoting import quoted_list
from mlops_assets.ml.query_batches import duckdb_errors, query_batches
from mlops_assets.stores.delta.content_digest import RowHashes, digested_columns

GROUP_ROWS = 122_880
_GROUP_BYTES = 64 << 20
"""A row group ends with this size in memory, so that wide rows and long texts need no more of it."""
_FETCHED_ROWS = 2_048
"""A batch of Arrow has at most 2 GiB of text, and these are the fewest rows that DuckDB computes at once."""
_FEW_VALUES = 1_000
"""With more distinct values in its first rows, a column has no dictionary."""
_HASH = "_row_hash"
_TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
_LOW_BITS = (1 << 32) - 1


@dataclass(frozen=True)
class Streamed:
    """A written file: its columns with their types, and its rows as they are summed for a digest."""

    columns: dict[str, str]
    hashes: RowHashes


def stream_rows(rows: duckdb.DuckDBPyRelation, file: Path) -> Streamed:
    """Write all rows into a new file; the relation is read once.

    Raises
    ------
    duckdb.Error
        If the rows can't be computed.
    """
    columns = dict(zip(rows.columns, map(str, rows.types), strict=True))
    hashed = rows.project(f"*, hash({quoted_list(digested_columns(columns))}) as {_HASH}")
    with duckdb_errors():
        reader = hashed.to_arrow_reader(_FETCHED_ROWS)
    groups, end = _groups(reader), reader.schema.empty_table()
    count = total = 0
    with ThreadPoolExecutor(max_workers=1) as ahead:
        group = next(groups, end)
        with _writer(file, group.remove_column(len(columns))) as writer:
            while group.num_rows:
                following = ahead.submit(next, groups, end)
                count += group.num_rows
                total += _sum(group.column(len(columns)))
                writer.write_table(group.remove_column(len(columns)), row_group_size=group.num_rows)
                group = following.result()
    return Streamed(columns, RowHashes(count, total))


def _writer(file: Path, first: pa.Table) -> pq.ParquetWriter:
    """A writer for rows of which these are the first."""
    few = [name for name in first.column_names if _has_few_values(first.column(name))]
    return pq.ParquetWriter(
        file,
        first.schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=few,
        column_encoding=_encodings(first.schema, few),
        store_schema=False,
        store_decimal_as_integer=True,
    )


def _groups(reader: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """The rows in groups of bounded size."""
    batches: list[pa.RecordBatch] = []
    size = count = 0
    for batch in query_batches(reader):
        batches.append(batch)
        size, count = size + batch.nbytes, count + batch.num_rows
        if count >= GROUP_ROWS or size >= _GROUP_BYTES:
            yield pa.Table.from_batches(batches)
            batches, size, count = [], 0, 0
    if batches:
        yield pa.Table.from_batches(batches)


def _has_few_values(column: pa.ChunkedArray) -> bool:
    if pa.types.is_nested(column.type) or pa.types.is_boolean(column.type):
        return False
    return len(pc.unique(column)) <= _FEW_VALUES


def _encodings(schema: pa.Schema, few: Sequence[str]) -> dict[str, str]:
    """The encodings of columns without a dictionary; floating point is plain, which every reader knows."""
    found = {}
    for field in schema:
        kind = field.type
        if field.name in few:
            continue
        if pa.types.is_integer(kind) or pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            found[field.name] = "DELTA_BINARY_PACKED"
        elif any(matches(kind) for matches in _TEXTS):
            found[field.name] = "DELTA_LENGTH_BYTE_ARRAY"
    return found


def _sum(hashes: pa.ChunkedArray) -> int:
    """The exact sum of unsigned 64-bit numbers, in two halves that do not overflow."""
    high = pc.sum(pc.shift_right(hashes, pa.scalar(32, pa.uint64()))).as_py()
    low = pc.sum(pc.bit_wise_and(hashes, pa.scalar(_LOW_BITS, pa.uint64()))).as_py()
    return (high << 32) + low
