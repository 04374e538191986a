"""The rows of a query as a stream of Arrow batches, with the errors of DuckDB."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def query_batches(reader: "pa.RecordBatchReader") -> "Iterator[pa.RecordBatch]":
    """Yield the batches of a reader that DuckDB has returned.

    Raises
    ------
    duckdb.Error
        When the query fails after its first rows: pyarrow raises `OSError` for it, which callers would take
        for an error of the operating system.
    """
    import duckdb

    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except OSError as error:
            raise duckdb.Error(str(error)) from error
        yield batch
