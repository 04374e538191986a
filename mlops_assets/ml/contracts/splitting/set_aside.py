"""Rows that a query over all rows sets aside: they are recorded while the other rows stream on."""

from collections.abc import Mapping
from contextlib import nullcontext, suppress
from itertools import count
from pathlib import Path
from threading import Lock
from types import TracebackType

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from duckdb.func import FunctionNullHandling, PythonUDFType

from mlops_assets.core.names import SOURCE_FILE, SOURCE_ROW
from mlops_assets.core.sql_quoting import quoted

SUSPECT = "_suspect"
PLACE = f"{SOURCE_FILE}, {SOURCE_ROW}"
_SCHEMA = pa.schema([(SOURCE_FILE, pa.string()), (SOURCE_ROW, pa.int64()), (SUSPECT, pa.bool_())])
_WRITTEN_ROWS = 65_536
_HELD_BYTES = 64 << 20
_NUMBERS = count()


class SetAside:
    """Collects the places of the rows that a query sets aside in a file, and few rows themselves in memory.

    In SQL, the rows of one scan can't go to two targets. A function with a side effect is the second target:
    it is evaluated only for the rows to set aside, in batches, and for each of them once.

    Parameters
    ----------
    connection
        The connection that runs the query.
    file
        A Parquet file to write: place of the row, and `_suspect`.
    values
        The columns of `held`: an expression of the query and its type.

    Attributes
    ----------
    rows, suspects
        The number of rows in the file, and of those that are suspects.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        file: Path,
        values: Mapping[str, tuple[str, str]],
    ) -> None:
        self.rows = self.suspects = 0
        self._values = values
        self._held: list[pa.Array] | None = [] if values else None
        self._held_bytes = 0
        self._name = f"set_aside_{next(_NUMBERS)}"
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._lock = Lock()
        self._connection = connection
        self._writer = pq.ParquetWriter(file, _SCHEMA)
        fields = ", ".join(f"{quoted(name)} {kind}" for name, (_, kind) in values.items())
        connection.create_function(
            self._name,
            self._record,
            ["VARCHAR", "BIGINT", "BOOLEAN", f"struct({fields})" if fields else "BOOLEAN"],
            "BOOLEAN",
            type=PythonUDFType.ARROW,
            null_handling=FunctionNullHandling.SPECIAL,
            side_effects=True,
        )

    def __enter__(self) -> "SetAside":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Complete the file, and remove the function, which a shared database would keep."""
        if error is None:
            self._write()
        self._writer.close()
        with suppress(duckdb.Error) if error else nullcontext():  # of a connection that was closed since
            self._connection.remove_function(self._name)

    def unless(self, condition: str) -> str:
        """A filter that sets the rows aside for which a condition holds, and keeps all others.

        Parameters
        ----------
        condition
            An expression over rows with their provenance and `_suspect`; never null.
        """
        values = ", ".join(f"{quoted(name)} := {value}" for name, (value, _) in self._values.items())
        row = f"struct_pack({values})" if values else "null::boolean"
        return f"case when {condition} then {self._name}({PLACE}, {SUSPECT}, {row}) else true end"

    def held(self, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation | None:
        """The values of the rows, in the order of their places; None if they are too large to be held."""
        if self._held is None:
            return None
        rows = pa.table({"value": pa.concat_arrays(self._held)})
        return connection.from_arrow(rows).project("unnest(value)").order(PLACE)

    def _record(
        self,
        files: pa.ChunkedArray,
        numbers: pa.ChunkedArray,
        suspects: pa.ChunkedArray,
        rows: pa.ChunkedArray,
    ) -> pa.Array:
        found = pa.table([files, numbers, suspects], schema=_SCHEMA)
        with self._lock:  # DuckDB calls it from several threads
            self._waiting.append(found)
            self._waiting_rows += len(found)
            self.rows += len(found)
            self.suspects += pc.sum(suspects).as_py() or 0
            if self._waiting_rows >= _WRITTEN_ROWS:
                self._write()
            self._hold(rows)
        return pa.repeat(pa.scalar(False), len(found))

    def _hold(self, rows: pa.ChunkedArray) -> None:
        if self._held is not None:
            self._held += rows.chunks
            self._held_bytes += rows.nbytes
            if self._held_bytes > _HELD_BYTES:
                self._held = None

    def _write(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting).combine_chunks())
        self._waiting, self._waiting_rows = [], 0
