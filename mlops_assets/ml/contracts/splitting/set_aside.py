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
_VALUES = "values"
_PIECES = 64
"""What was recorded in so many calls is written together."""
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
        self._held: list[pa.ChunkedArray] | None = [] if values else None
        self._held_bytes = 0
        self._name = f"set_aside_{next(_NUMBERS)}"
        self._pieces: list[pa.Table] = []
        self._piece_bytes = 0
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
        chunks = [chunk for values in self._held for chunk in values.chunks]
        rows = pa.table({_VALUES: pa.concat_arrays(chunks)})
        return connection.from_arrow(rows).project(f"unnest({quoted(_VALUES)})").order(PLACE)

    def _record(
        self,
        files: pa.ChunkedArray,
        numbers: pa.ChunkedArray,
        suspects: pa.ChunkedArray,
        values: pa.ChunkedArray,
    ) -> pa.Array:
        found = pa.table([files, numbers, suspects, values], names=[*_SCHEMA.names, _VALUES])
        with self._lock:  # DuckDB calls it from several threads
            self._pieces.append(found if self._held is not None else found.select(_SCHEMA.names))
            self._piece_bytes += self._pieces[-1].nbytes
            self.rows += len(found)
            self.suspects += pc.sum(suspects).as_py() or 0
            if len(self._pieces) >= _PIECES or self._piece_bytes >= _HELD_BYTES // 4:
                self._write()
        return pa.repeat(pa.scalar(False), len(found))

    def _write(self) -> None:
        """Write the places of what was recorded, and hold its values."""
        if not self._pieces:
            return
        # Each piece has the buffers of a whole vector of DuckDB, however few rows it has.
        found = pa.concat_tables(self._pieces, promote_options="default").combine_chunks()
        self._pieces, self._piece_bytes = [], 0
        self._writer.write_table(found.select(_SCHEMA.names).cast(_SCHEMA))
        if self._held is not None:
            self._held.append(found.column(_VALUES))
            self._held_bytes += found.nbytes
            if self._held_bytes > _HELD_BYTES:
                self._held = None
