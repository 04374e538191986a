"""Rows of DuckDB, streamed into Parquet files and digested as they pass.

Groups of rows are encoded while the next ones are computed: DuckDB computes rows with numbers of their
place in a file in one thread, and would encode them in the same one.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


_FILES = 2
"""Groups go to these files in turns. A file has one encoder, which would be slower than most queries."""


@dataclass(frozen=True)
class Streamed:
    """A written file: its columns with their types, and its rows as they are summed for a digest."""

    columns: dict[str, str]
    hashes: RowHashes


def stream_rows(rows: duckdb.DuckDBPyRelation, paths: Iterator[Path]) -> dict[Path, Streamed]:
    """Write all rows into new files; the relation is read once.

    Parameters
    ----------
    paths
        The paths of new files; one is taken for each file that is written: one for few rows, otherwise two.
        Equal rows in an equal order are written into equal files.

    Raises
    ------
    duckdb.Error
        If the rows can't be computed.
    """
    columns = dict(zip(rows.columns, map(str, rows.types), strict=True))
    hashed = rows.project(f"*, hash({quoted_list(digested_columns(columns))}) as {_HASH}")
    with duckdb_errors():
        reader = hashed.to_arrow_reader(_FETCHED_ROWS)
    settings: dict[str, Any] = {}
    encoders: list[_Encoder] = []
    with ExitStack() as opened:
        for number, group in enumerate(_groups(reader)):
            settings = settings or _settings(group.remove_column(len(columns)))
            if number < _FILES:
                encoders.append(opened.enter_context(_Encoder(next(paths), settings)))
            encoders[number % _FILES].write(group)
    return {encoder.file: Streamed(columns, encoder.hashes) for encoder in encoders}


class _Encoder:
    """Writes groups of rows into a file, each in the background until the next one comes.

    Attributes
    ----------
    hashes
        The rows so far.
    """

    def __init__(self, file: Path, settings: Mapping[str, Any]) -> None:
        self.file, self.hashes = file, RowHashes(0, 0)
        self._writer = pq.ParquetWriter(file, **settings)
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._written: Future[None] | None = None

    def __enter__(self) -> "_Encoder":
        return self

    def __exit__(self, *error: object) -> None:
        with self._writer, self._thread:
            self._wait()

    def write(self, group: pa.Table) -> None:
        """Write rows, with the column of their hashes at last, after those before are written."""
        self._wait()
        self._written = self._thread.submit(self._encode, group)

    def _wait(self) -> None:
        if self._written:
            self._written.result()

    def _encode(self, group: pa.Table) -> None:
        rows, last = group.num_rows, group.num_columns - 1
        if rows:
            self.hashes = RowHashes(self.hashes.rows + rows, self.hashes.total + _sum(group.column(last)))
            self._writer.write_table(group.remove_column(last), row_group_size=rows)


def _settings(first: pa.Table) -> dict[str, Any]:
    """The settings of a writer for rows of which these are the first."""
    few = [name for name in first.column_names if _has_few_values(first.column(name))]
    return {
        "schema": first.schema,
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": few,
        "column_encoding": _encodings(first.schema, few),
        "store_schema": False,
        "store_decimal_as_integer": True,
    }


def _groups(reader: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """The rows in groups of bounded size; an empty one if there are no rows."""
    batches: list[pa.RecordBatch] = []
    size = count = 0
    some = False
    for batch in query_batches(reader):
        batches.append(batch)
        size, count = size + batch.nbytes, count + batch.num_rows
        if count >= GROUP_ROWS or size >= _GROUP_BYTES:
            yield pa.Table.from_batches(batches)
            batches, size, count = [], 0, 0
            some = True
    if batches or not some:
        yield pa.Table.from_batches(batches, reader.schema)


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
