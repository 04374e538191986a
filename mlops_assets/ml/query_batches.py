"""The rows of a query as a stream of Arrow batches, with the errors of DuckDB."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def query_batches(reader: "pa.RecordBatchReader") -> "Iterator[pa.RecordBatch]":
    """Yield the batches of a reader that DuckDB has returned.

    Raises
    ------
    duckdb.Error
        When the query fails after its first rows; see `duckdb_errors`.
    """
    while True:
        with duckdb_errors():
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                return
        yield batch


@contextmanager
def duckdb_errors() -> Iterator[None]:
    """Raise an error of DuckDB as such, and of its kind.

    pyarrow raises `OSError` with the same text for it, which callers would take for an error of the operating
    system.
    """
    import duckdb

    try:
        yield
    except OSError as error:
        name = f"{str(error).partition(' Error: ')[0].replace(' ', '')}Exception".lower()
        kinds = {name.lower(): kind for name, kind in vars(duckdb).items()}
        raise kinds.get(name, duckdb.Error)(str(error)) from error
