"""The rows of a Postgres `COPY … TO STDOUT (FORMAT csv)`, streamed into a Parquet file."""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

MAX_ROW_BYTES = 16 * 1024 * 1024


class RowTooLongError(ValueError):
    """A row is longer than `MAX_ROW_BYTES`."""


def write_rows(copy: Any, schema: pa.Schema, writer: pq.ParquetWriter) -> None:
    """Write the rows of a COPY, with every column as text.

    Parameters
    ----------
    copy
        A psycopg `Copy` in progress.

    Raises
    ------
    RowTooLongError
        If a row is longer than `MAX_ROW_BYTES`.
    pyarrow.ArrowInvalid
        If the rows can't be parsed.
    """
    stream = CopyStream(copy)
    if stream.is_empty:
        return
    # Not the names of the schema, which may contain duplicates; those are reported later, with the column.
    numbered = [str(number) for number in range(len(schema))]
    try:
        reader = csv.open_csv(
            stream,
            csv.ReadOptions(block_size=MAX_ROW_BYTES, column_names=numbered, use_threads=False),
            csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            csv.ConvertOptions(
                column_types=dict.fromkeys(numbered, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        for batch in reader:
            writer.write_batch(pa.record_batch(batch.columns, schema=schema))
    except pa.ArrowInvalid as error:
        if "straddl" in str(error):  # "straddling object straddles two block boundaries"
            raise RowTooLongError from error
        raise


class CopyStream:
    """The bytes of a COPY as a file object for Arrow."""

    closed = False

    def __init__(self, copy: Any) -> None:
        self._copy, self._ahead = copy, bytes(copy.read())

    @property
    def is_empty(self) -> bool:
        return not self._ahead

    def read(self, size: int = -1) -> bytes:
        parts, length = [self._ahead], len(self._ahead)
        while size < 0 or length < size:
            part = bytes(self._copy.read())
            if not part:
                break
            parts.append(part)
            length += len(part)
        whole = b"".join(parts)
        size = length if size < 0 else size
        self._ahead = whole[size:]
        return whole[:size]

    def close(self) -> None:
        """Do nothing: the cursor ends the COPY."""
