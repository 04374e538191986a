"""The feature query: the same SQL in training, in batch scoring and in serving."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from mlops_assets.core.errors import ProjectError
from mlops_assets.core.names import ROW_ID
from mlops_assets.core.sql_quoting import quoted
from mlops_assets.ml.features.project_query import ProjectQuery, finite_sql

_NUMBER = re.compile(
    r"U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|DOUBLE|FLOAT|BOOLEAN|DECIMAL\(\d+,\d+\)|BIGNUM"
)
_TIME = re.compile(r"DATE|TIMESTAMP(_S|_MS|_NS| WITH TIME ZONE)?")
_TEXT = re.compile(r"VARCHAR|ENUM\([^\[]*\)")


@dataclass(frozen=True)
class FeatureQuery:
    """A project's `features.sql`.

    Attributes
    ----------
    sql
        One SELECT over the tables of the project. It returns the key and one row for each key.
    hidden
        Columns that the query can't read: the target, then columns that only the target is computed from.
    subject
        Project and file, for messages.
    key
        Columns that identify a row: `row_id`, or the entity of an event project.
    timestamps
        Values of placeholders such as `$as_of`, by name.
    """

    sql: str
    hidden: tuple[str, ...]
    subject: str
    key: tuple[str, ...] = (ROW_ID,)
    timestamps: Mapping[str, datetime] = field(default_factory=dict)

    def run(
        self, connection: duckdb.DuckDBPyConnection, tables: Mapping[str, duckdb.DuckDBPyRelation]
    ) -> duckdb.DuckDBPyRelation:
        """The features as a lazy relation.

        The key is unchanged, numbers are DOUBLE, dates and times TIMESTAMP, and text is VARCHAR.

        Parameters
        ----------
        tables
            Valid rows by the name of their table.

        Raises
        ------
        ProjectError
            When the query fails, does not return the key, or returns a column of an unsupported type.
        """
        result = self._query.run(connection, tables)
        return result.project(self._selected(result))

    def text(
        self, connection: duckdb.DuckDBPyConnection, tables: Mapping[str, duckdb.DuckDBPyRelation]
    ) -> str:
        """The query whose result `run` returns, as SQL over tables of these names; errors as for `run`."""
        result = self._query.run(connection, tables)
        return f"select {self._selected(result)} from ({self._query.parsed(connection, list(tables))})"

    def error_for(self, error: duckdb.Error) -> ProjectError:
        """The error for a query that failed while its rows were computed."""
        return self._query.error_for(error)

    def _selected(self, result: duckdb.DuckDBPyRelation) -> str:
        """The select list of the key and the typed features."""
        for name in self.key:
            if name not in result.columns:
                raise ProjectError(
                    f"{self.subject} does not return {name}", hint=f"select {name} beside the features"
                )
        return ", ".join([*(quoted(name) for name in self.key), *self._typed(result)])

    @property
    def _query(self) -> ProjectQuery:
        return ProjectQuery(self.sql, self.subject, self.hidden, self.timestamps)

    def _typed(self, result: duckdb.DuckDBPyRelation) -> list[str]:
        typed = []
        for name, kind in zip(result.columns, map(str, result.types), strict=True):
            if name in self.key:
                continue
            if _NUMBER.fullmatch(kind):
                typed.append(f"{finite_sql('feature', name, self.key)} as {quoted(name)}")
            elif _TIME.fullmatch(kind):
                typed.append(f"{finite_sql('feature', name, self.key, 'timestamp')} as {quoted(name)}")
            elif _TEXT.fullmatch(kind):
                typed.append(f"{quoted(name)}::varchar as {quoted(name)}")
            else:
                raise ProjectError(
                    f"{self.subject}: feature {name} has the unsupported type {kind}",
                    hint="cast a column that is always null, for example null::double"
                    if kind == '"NULL"'
                    else "return a number, a text, a date or a timestamp",
                )
        if not typed:
            raise ProjectError(
                f"{self.subject} returns no feature", hint=f"select columns beside {', '.join(self.key)}"
            )
        return typed
