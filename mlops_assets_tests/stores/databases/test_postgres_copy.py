"""Rows of a COPY: the stream for Arrow, and the limit of a row's length. No server is needed."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_assets.stores.databases.postgres_copy import (
    MAX_ROW_BYTES,
    CopyStream,
    RowTooLongError,
    write_rows,
)

SCHEMA = pa.schema([("a", pa.string()), ("a", pa.string())])


class Copy:
    """A COPY that sends its data in the given parts."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = iter(parts)

    def read(self) -> memoryview:
        return memoryview(next(self._parts, b""))


def written(path: Path, *parts: bytes) -> list[tuple[str | None, ...]]:
    with pq.ParquetWriter(path, SCHEMA) as writer:
        write_rows(Copy(*parts), SCHEMA, writer)
    table = pq.ParquetFile(path).read()
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def test_null_and_empty_text_are_distinct_and_names_may_be_duplicates(tmp_path: Path):
    rows = written(tmp_path / "rows.parquet", b'1,\n"",', b'"x\ny"\n')
    assert rows == [("1", None), ("", "x\ny")]


def test_a_copy_without_rows_writes_none(tmp_path: Path):
    assert written(tmp_path / "rows.parquet") == []


def test_a_row_longer_than_the_limit_is_an_error(tmp_path: Path):
    long = b"x" * MAX_ROW_BYTES
    with pytest.raises(RowTooLongError):
        written(tmp_path / "rows.parquet", b"1,2\n", long, long, b",2\n")


def test_a_row_with_too_many_fields_is_an_error_of_arrow(tmp_path: Path):
    with pytest.raises(pa.ArrowInvalid, match="Expected 2 columns, got 3"):
        written(tmp_path / "rows.parquet", b"1,2\n1,2,3\n")


@pytest.mark.parametrize("size", [1, 3, 4, 100])
def test_a_stream_returns_exactly_the_requested_bytes(size: int):
    stream = CopyStream(Copy(b"ab", b"cdef", b"g"))
    found = []
    while part := stream.read(size):
        found.append(part)
    assert b"".join(found) == b"abcdefg"
    assert {len(part) for part in found[:-1]} <= {size}
    assert CopyStream(Copy(b"ab", b"c")).read() == b"abc"
    assert CopyStream(Copy()).is_empty
