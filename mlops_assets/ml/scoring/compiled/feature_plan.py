"""`features.sql` as a prepared statement, whose plan is kept, for one row at a time.

DuckDB plans a query in a millisecond and runs it on one row in a tenth of that. Its Python client plans at
each execution; through ADBC, a prepared statement keeps its plan. ADBC binds one row only.
"""

from collections.abc import Sequence
from contextlib import closing
from threading import Lock
from typing import Any

import adbc_driver_duckdb
import duckdb
import pyarrow as pa
from adbc_driver_manager import AdbcConnection, AdbcStatement, Error

from mlops_assets.core.errors import MlopsError
from mlops_assets.core.names import ROW_ID
from mlops_assets.core.sql_quoting import UTC_SESSION, quoted
from mlops_assets.ml.contracts.columns import Column, SqlType
from mlops_assets.ml.features.feature_query import FeatureQuery
from mlops_assets.ml.model.tabular_model import sandbox
from mlops_assets.ml.scoring.compiled.not_compiled import NotCompiledError

_SESSION = (
    UTC_SESSION,
    "set threads = 1",
    "set enable_external_access = false",
    "set lock_configuration = true",
)
"""As in `tabular_model.sandbox`: the query reads only its input row."""
_ARROW: dict[SqlType, pa.DataType] = {
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"),
    "DATE": pa.date32(),
    "VARCHAR": pa.string(),
}


class FeaturePlan:
    """The features of a typed row.

    Parameters
    ----------
    columns
        The columns of a typed row.
    features
        The columns of the result, in order.

    Raises
    ------
    NotCompiledError
        When the query can't be prepared for a single row.
    """

    def __init__(
        self, query: FeatureQuery, table: str, columns: Sequence[Column], features: Sequence[str]
    ) -> None:
        self._types = [_ARROW[column.sql_type] for column in columns]
        self._names = [column.name for column in columns]
        self._lock = Lock()  # a statement runs once at a time
        try:
            text = _text(query, table, columns, features)
            self._connection = AdbcConnection(adbc_driver_duckdb.connect(":memory:"))
            for setting in _SESSION:
                with closing(AdbcStatement(self._connection)) as statement:
                    statement.set_sql_query(setting)
                    statement.execute_update()
            self._statement = AdbcStatement(self._connection)
            self._statement.set_sql_query(text)
            self._statement.prepare()
        except (duckdb.Error, Error, MlopsError) as error:
            raise NotCompiledError(f"features.sql can't be prepared: {type(error).__name__}") from error

    def compute(self, values: Sequence[Any]) -> list[Any] | None:
        """The features of a row, missing ones as None; None for a row that the reference must compute.

        Numbers are floats, texts `str`, and times `datetime` in UTC without a zone.
        """
        arrays = [pa.array([value], kind) for value, kind in zip(values, self._types, strict=True)]
        row = pa.RecordBatch.from_arrays(arrays, names=self._names)
        try:
            with self._lock:
                self._statement.bind(row)
                handle, _ = self._statement.execute_query()
                found = pa.RecordBatchReader.from_stream(handle).read_all()
        except (Error, pa.ArrowException, OSError):  # the reference finds the error again, and reports it
            return None
        if found.num_rows != 1:
            return None
        key, *features = [column[0].as_py() for column in found.itercolumns()]
        return features if key == 0 else None


def _text(query: FeatureQuery, table: str, columns: Sequence[Column], features: Sequence[str]) -> str:
    """The query over one row of parameters."""
    with sandbox() as connection:
        typed = ", ".join(f"null::{column.sql_type} as {quoted(column.name)}" for column in columns)
        empty = connection.sql(f"select {typed}, 0::bigint as {ROW_ID} limit 0")
        text = query.text(connection, {table: empty})
    row = ", ".join(
        f"${place}::{column.sql_type} as {quoted(column.name)}"
        for place, column in enumerate(columns, start=1)
    )
    selected = ", ".join(quoted(name) for name in (ROW_ID, *features))
    return f"with {quoted(table)} as (select {row}, 0::bigint as {ROW_ID}) select {selected} from ({text})"
