"""`features.sql` for typed rows: a prepared statement whose plan is kept, and a connection for many rows.

DuckDB plans a query in a millisecond and runs it on one row in a tenth of that. Its Python client plans at
each execution; through ADBC, a prepared statement keeps its plan. ADBC binds one row only.
"""

from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any, NamedTuple, Protocol

import adbc_driver_duckdb
import duckdb
import numpy as np
import pyarrow as pa
from adbc_driver_manager import AdbcConnection, AdbcStatement, Error
from numpy.typing import NDArray

from mlops_assets.core.errors import MlopsError
from mlops_assets.core.names import ROW_ID
from mlops_assets.core.sql_quoting import UTC_SESSION, quoted, quoted_list
from mlops_assets.ml.contracts.columns import Column, SqlType
from mlops_assets.ml.features.feature_query import FeatureQuery
from mlops_assets.ml.model.tabular_model import SANDBOX, TabularModel, sandbox
from mlops_assets.ml.scoring.compiled.not_compiled import NotCompiledError
from mlops_assets.ml.scoring.compiled.sql_expressions import Compute, compile_query

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


class FeatureColumns(NamedTuple):
    """The features of rows by column.

    Attributes
    ----------
    columns
        In the order of the features; missing values are None, and NaN in arrays of doubles.
    places
        The places of these rows; None for all. The reference must compute the others.
    """

    columns: Sequence[Sequence[Any] | NDArray]
    places: NDArray | None = None


class FeatureStep(Protocol):
    """The features of typed values."""

    def __call__(self, values: Sequence[Any]) -> Sequence[Any] | None:
        """The features of a row, missing ones as None; None for a row that the reference must compute.

        Numbers are floats, texts `str`, and times `datetime` in UTC without a zone.
        """

    def of_columns(self, values: Sequence[NDArray]) -> FeatureColumns | None:
        """The features of rows, from values as `TypedRows.read_columns` returns them; None as above."""


def compile_features(model: TabularModel, columns: Sequence[Column]) -> FeatureStep:
    """The features of a model.

    Parameters
    ----------
    columns
        The columns of a typed row.

    Raises
    ------
    NotCompiledError
        When its query can't be prepared for a single row, or a feature has a type that is not compiled.
    """
    spec = model.spec
    if spec.table is not None:
        query = FeatureQuery(model.features_sql, (spec.target,), f"model of {spec.project}")
        return FeaturePlan(query, spec.table, columns, spec.features)
    names = [column.name for column in columns]
    if any(column.sql_type in ("BIGINT", "BOOLEAN", "DATE") for column in columns):
        raise NotCompiledError("features of another type than numbers, texts and timestamps")
    return _GivenFeatures(tuple(names.index(name) for name in spec.features))


@dataclass(frozen=True)
class _GivenFeatures:
    """Rows that consist of features, at these places."""

    places: tuple[int, ...]

    def __call__(self, values: Sequence[Any]) -> Sequence[Any]:
        return [values[place] for place in self.places]

    def of_columns(self, values: Sequence[NDArray]) -> FeatureColumns:
        return FeatureColumns([values[place] for place in self.places])


class FeaturePlan:
    """The features of typed rows by `features.sql`.

    Parameters
    ----------
    columns
        The columns of a typed row.
    features
        The columns of the result, in order.

    Attributes
    ----------
    expressions
        The query as functions in Python, which are tried first; None if it has no such form.

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
            text = _query_text(query, table, columns)
            selected = quoted_list((ROW_ID, *features))
            self._many = f"select {selected} from ({text}) order by {ROW_ID}"
            self._table = table
            self._connection = AdbcConnection(adbc_driver_duckdb.connect(":memory:"))
            for setting in _SESSION:
                with closing(AdbcStatement(self._connection)) as statement:
                    statement.set_sql_query(setting)
                    statement.execute_update()
            self._statement = AdbcStatement(self._connection)
            row = _row_sql(columns)
            self._statement.set_sql_query(f"with {quoted(table)} as ({row}) select {selected} from ({text})")
            self._statement.prepare()
        except (duckdb.Error, Error, MlopsError) as error:
            raise NotCompiledError(f"features.sql can't be prepared: {type(error).__name__}") from error
        self.expressions: Compute | None = None
        with suppress(NotCompiledError):
            self.expressions = compile_query(query.sql, table, columns, features)

    def __call__(self, values: Sequence[Any]) -> list[Any] | None:
        if self.expressions is not None and (known := self.expressions(values)) is not None:
            return known
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

    def of_columns(self, values: Sequence[NDArray]) -> FeatureColumns | None:
        if self.expressions is None:
            found = self.compute_many(values)
            return None if found is None else FeatureColumns([_values(column) for column in found.columns])
        rows = zip(*map(_plain, values), strict=True)
        computed = [self(row) for row in rows]
        known = [features for features in computed if features is not None]
        if not known:
            return None
        is_known = np.array([features is not None for features in computed])
        return FeatureColumns([*zip(*known, strict=True)], np.flatnonzero(is_known))

    def compute_many(self, values: Sequence[NDArray]) -> pa.Table | None:
        """The features of rows by DuckDB; None for rows that the reference must compute."""
        count = len(values[0])
        arrays = [
            pa.array(column, kind, from_pandas=True)  # NaN is null
            for column, kind in zip(values, self._types, strict=True)
        ]
        arrays.append(pa.array(np.arange(count)))
        typed = pa.Table.from_arrays(arrays, names=[*self._names, ROW_ID])
        try:
            with self._lock:
                self._session.register(self._table, typed)
                found = self._session.sql(self._many).to_arrow_table()
                self._session.unregister(self._table)
        except duckdb.Error:
            return None
        if not np.array_equal(found.column(ROW_ID).to_numpy(), np.arange(count)):
            return None
        return found.drop_columns([ROW_ID])

    @cached_property
    def _session(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(config=SANDBOX)
        connection.execute(UTC_SESSION)
        connection.execute("set threads = 1")
        return connection


def _plain(values: NDArray) -> list[Any]:
    """Typed values of a column with None for missing ones."""
    plain: list[Any] = values.tolist()
    return [None if value != value else value for value in plain] if values.dtype.kind == "f" else plain


def _values(column: pa.ChunkedArray) -> Sequence[Any] | NDArray:
    """Features as plain values; doubles as an array."""
    is_double = pa.types.is_float64(column.type)
    return np.asarray(column.to_numpy()) if is_double else column.to_pylist()


def _query_text(query: FeatureQuery, table: str, columns: Sequence[Column]) -> str:
    """The query for the key and the typed features, over a table of typed columns."""
    with sandbox() as connection:
        typed = ", ".join(f"null::{column.sql_type} as {quoted(column.name)}" for column in columns)
        empty = connection.sql(f"select {typed}, 0::bigint as {ROW_ID} limit 0")
        return query.text(connection, {table: empty})


def _row_sql(columns: Sequence[Column]) -> str:
    """A query for one row of parameters."""
    row = [
        f"${place}::{column.sql_type} as {quoted(column.name)}"
        for place, column in enumerate(columns, start=1)
    ]
    return f"select {', '.join(row)}, 0::bigint as {ROW_ID}"
