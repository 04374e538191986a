"""Arrow bodies: scalar columns of streams and files, in bounded memory."""

import struct
from decimal import Decimal

import pyarrow as pa
import pytest

from mlops_assets.serving.http.bodies.arrow_body import rows_of_arrow
from mlops_assets.serving.http.errors import RequestError

KNOWN = frozenset({"a", "b"})


def body(*columns: pa.Array, is_file: bool = False, compression: str | None = None, parts: int = 1) -> bytes:
    batch = pa.record_batch(list(columns), names=list("abcdef"[: len(columns)]))
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with (pa.ipc.new_file if is_file else pa.ipc.new_stream)(sink, batch.schema, options=options) as writer:
        for _ in range(parts):
            writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def read(data: bytes, limit: int = 1_000) -> pa.RecordBatch:
    return rows_of_arrow(data, known=KNOWN, limit=limit).batch


@pytest.mark.parametrize("is_file", [False, True], ids=["stream", "file"])
def test_streams_and_files_are_one_batch_of_the_known_columns(is_file: bool):
    data = body(pa.array([1, None]), pa.array(["x", "y"]), pa.array([[1], []]), is_file=is_file, parts=2)
    assert read(data).to_pydict() == {"a": [1, None, 1, None], "b": ["x", "y", "x", "y"]}


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (pa.array(["x", None, "x"]).dictionary_encode(), ["x", None, "x"]),
        (pa.array([7, 8, 7]).dictionary_encode(), [7, 8, 7]),
        (pa.array(["x" * 30, None], pa.string_view()), ["x" * 30, None]),
        (pa.array([1.5, None], pa.float16()), [1.5, None]),
        (pa.array([Decimal("1.50")]), [Decimal("1.50")]),
        (pa.nulls(2), [None, None]),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_scalar_types_are_read(column: pa.Array, values: list):
    assert read(body(column)).column("a").to_pylist() == values


@pytest.mark.parametrize("is_file", [False, True], ids=["stream", "file"])
@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_compressed_buffers_are_refused_before_they_are_unpacked(compression: str, is_file: bool):
    column = pa.array([0] * 1_000)
    with pytest.raises(RequestError, match="compressed") as caught:
        read(body(column, compression=compression, is_file=is_file))
    assert caught.value.status == 415
    with pytest.raises(RequestError, match="compressed"):
        read(body(pa.array(["x"] * 500).dictionary_encode(), compression=compression))


def test_a_text_that_indices_repeat_is_refused_when_it_is_too_long():
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * 900, pa.int32()), pa.array(["x" * 1_000_000]))
    with pytest.raises(RequestError, match="too long") as caught:
        read(body(repeated))
    assert caught.value.status == 413


def test_rows_without_bytes_are_counted_before_they_take_memory():
    written, claimed = struct.pack("<q", 777), struct.pack("<q", 10**12)
    forged = body(pa.nulls(777)).replace(written, claimed)
    with pytest.raises(RequestError, match="1,000,000,000,000 rows, more than the maximum of 1,000"):
        read(forged)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "not a valid Arrow IPC"),
        (b"ARROW1\0\0", "not a valid Arrow IPC"),
        (b"\xff\xff\xff\xff\x10\0\0\0" + b"\xff" * 16, "not a valid Arrow IPC"),
        (body(pa.array([1, 2]))[:-40], "not a valid Arrow IPC"),
        (body(pa.array([[1]])), "column 'a' has the type list<item: int64>"),
        (body(pa.array([b"x"])), "column 'a' has the type binary"),
    ],
    ids=range(6),
)
def test_damaged_and_nested_bodies_are_one_error(data: bytes, problem: str):
    with pytest.raises(RequestError, match=problem):
        read(data)
