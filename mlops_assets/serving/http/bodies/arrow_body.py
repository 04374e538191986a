"""Arrow bodies: one IPC stream or file, of which only scalar columns without compression are read."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from mlops_assets.serving.http.bodies.arrow_messages import has_compression
from mlops_assets.serving.http.bodies.request_rows import ArrowRows
from mlops_assets.serving.http.errors import RequestError, too_many_rows

STREAM, FILE = "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"
_FILE_MAGIC = b"ARROW1\0\0"
_MOST_REPETITION = 8
"""How many times the size of the body its texts may have, where an index can repeat a text."""
_LEAST_LIMIT = 1 << 20
_VIEW_BYTES = 16
_SCALARS = (
    *(kinds.is_null, kinds.is_boolean, kinds.is_integer, kinds.is_floating, kinds.is_decimal128),
    *(kinds.is_string, kinds.is_large_string, kinds.is_string_view, kinds.is_timestamp, kinds.is_date),
)


def rows_of_arrow(body: bytes, *, known: frozenset[str], limit: int) -> ArrowRows:
    """The rows of an IPC stream or file.

    A file is read as the stream that it contains, without its footer, which could refer to any place.

    Parameters
    ----------
    known
        The columns that are read; others are ignored, whatever their type.
    limit
        Maximum number of rows.

    Raises
    ------
    RequestError
        When it is damaged or compressed, or a column has a type that is not scalar.
    """
    try:
        stream = memoryview(body)[len(_FILE_MAGIC) :] if body.startswith(_FILE_MAGIC) else memoryview(body)
        if has_compression(stream):
            raise RequestError(
                "the Arrow body is compressed", hint="write it without compression of its buffers", status=415
            )
        with pa.ipc.open_stream(pa.py_buffer(stream)) as reader:
            names = [name for name in reader.schema.names if name in known]
            _check_columns(reader.schema, names)
            table = reader.read_all().select(names)
        if table.num_rows > limit:  # before any memory is taken for them
            raise too_many_rows(table.num_rows, limit)
        table.validate(full=True)
        batch = _one_batch(table, max(_LEAST_LIMIT, _MOST_REPETITION * len(body)))
    except RequestError:
        raise
    except (
        pa.ArrowException,
        OSError,
        ValueError,
        KeyError,
        IndexError,
        OverflowError,
        MemoryError,
    ) as error:
        raise RequestError(
            f"the body is not a valid Arrow IPC stream or file: {type(error).__name__}",
            hint="write it with pyarrow.ipc.new_stream or pyarrow.ipc.new_file",
        ) from None
    return ArrowRows(batch)


def _check_columns(schema: pa.Schema, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise RequestError(f"the body has the column {name[:60]!r} twice", hint="remove one of them")
        kind = schema.field(name).type
        if kinds.is_dictionary(kind):
            kind = kind.value_type
        if not any(is_kind(kind) for is_kind in _SCALARS):
            raise RequestError(
                f"column {name!r} has the type {kind}",
                hint="send numbers, booleans, texts, dates or timestamps",
            )


def _one_batch(table: pa.Table, limit: int) -> pa.RecordBatch:
    """A table as one batch; dictionaries are decoded if that takes at most `limit` bytes."""
    columns: list[pa.Array] = []
    for column in table.columns:
        kind = column.type
        if kinds.is_dictionary(kind) or kinds.is_string_view(kind):
            if sum(map(_text_bytes, column.chunks)) > limit:
                raise RequestError(
                    "the texts of the body are too long when its dictionaries are decoded",
                    hint="send fewer rows in a request",
                    status=413,
                )
            value = kind.value_type if kinds.is_dictionary(kind) else pa.string()
            column = column.cast(pa.string() if kinds.is_string_view(value) else value)
        elif kinds.is_float16(kind):  # DuckDB does not read it
            column = column.cast(pa.float32())
        columns.append(column.combine_chunks())
    schema = pa.schema([(name, one.type) for name, one in zip(table.column_names, columns, strict=True)])
    if not columns:
        raise RequestError(
            "the body has no column of the model", hint="see GET /v1/projects/…/model", status=422
        )
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _text_bytes(chunk: pa.Array) -> int:
    """The size of the decoded texts of a chunk."""
    if kinds.is_string_view(chunk.type):
        views = np.frombuffer(chunk.buffers()[1], np.int32)  # each begins with the length of its text
        return int(views[:: _VIEW_BYTES // 4][chunk.offset :][: len(chunk)].sum(dtype=np.int64))
    if not kinds.is_dictionary(chunk.type):
        return pc.sum(pc.binary_length(chunk)).as_py() or 0
    if not (kinds.is_string(chunk.dictionary.type) or kinds.is_large_string(chunk.dictionary.type)):
        return 0
    return pc.sum(pc.binary_length(chunk.dictionary).take(chunk.indices)).as_py() or 0
