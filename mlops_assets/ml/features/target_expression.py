"""The target as an SQL expression over the columns of a row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from mlops_assets.core.errors import ProjectError
from mlops_assets.core.sql_quoting import quoted, quoted_list
from mlops_assets.ml.features.project_query import ProjectQuery, finite_sql
from mlops_assets.ml.features.sql.rules import syntax_nodes
from mlops_assets.ml.metrics.tasks import Task

_INTEGERS = {"tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger"}
_FRACTIONS = {"double", "float", "decimal", "hugeint", "uhugeint", "ubigint"}
_HINT = "write an expression over the columns of a row, such as tips > 0.2 * fare"


@dataclass(frozen=True)
class TargetExpression:
    """An expression such as `tips > 0.2 * fare`.

    Attributes
    ----------
    table
        Name of the table whose columns it reads.
    subject
        Project and setting, for messages.
    keep
        Columns that features may be computed from, too: they are known at the time of a prediction.
    """

    sql: str
    table: str
    subject: str
    keep: tuple[str, ...] = ()

    def columns(self, known: Sequence[str]) -> list[str]:
        """The columns that the expression reads, in the order of the table.

        Parameters
        ----------
        known
            Columns of the table.

        Raises
        ------
        ProjectError
            When it is not one expression over columns of one row, or not deterministic.
        """
        with duckdb.connect() as connection:
            ProjectQuery(self._query, self.subject).parsed(connection, [self.table])
        nodes = list(syntax_nodes(self._query))
        if any(len(node.get("select_list", "1")) > 1 for node in nodes):
            raise ProjectError(f"{self.subject} is {self.sql!r}, which is not one expression", hint=_HINT)
        for node in nodes:
            if problem := _problem(node):
                raise ProjectError(f"{self.subject} is {self.sql!r}, which has {problem}", hint=_HINT)
        read = {str(part).lower() for node in nodes for part in node.get("column_names") or ()}
        found = [name for name in known if name.lower() in read]
        if not found:
            raise ProjectError(
                f"{self.subject} is {self.sql!r}, which reads no column of {self.table}",
                hint=f"{_HINT}; the columns are {', '.join(known)}",
            )
        return found

    def hidden(self, known: Sequence[str]) -> list[str]:
        """The columns that the expression reads and features may not be computed from.

        Raises
        ------
        ProjectError
            As `columns`, or when `keep` names a column that the expression does not read.
        """
        read = self.columns(known)
        if unknown := [name for name in self.keep if name not in read]:
            raise ProjectError(
                f"{self.subject} does not read {', '.join(unknown)}, which target.keep names",
                hint=f"it reads {', '.join(read)}: other columns need no target.keep",
            )
        return [name for name in read if name not in self.keep]

    def with_target(
        self, rows: duckdb.DuckDBPyRelation, *, name: str, task: Task, key: str
    ) -> duckdb.DuckDBPyRelation:
        """The rows with their target: a number for a regression, else a class; null where it is unknown.

        Parameters
        ----------
        rows
            Rows of the table.
        name
            Name of the column of the target.
        key
            Column that identifies a row, for messages.

        Raises
        ------
        ProjectError
            When the expression can't be computed from the columns that it reads, or has another type.
        """
        kind = self.type_of(rows)
        computed = rows.set_alias(self.table).project(f"*, ({self.sql}\n) as {quoted(name)}")
        if task == "regression" and kind in _INTEGERS | _FRACTIONS:
            number = f"nullif({finite_sql('target', name, [key])}, 'nan')"
            return computed.project(f"* replace ({number} as {quoted(name)})")
        if task != "regression" and kind in _INTEGERS | {"boolean", "varchar"}:
            kind = "bigint" if kind in _INTEGERS else kind
            return computed.project(f"* replace ({quoted(name)}::{kind} as {quoted(name)})")
        wanted = "a number" if task == "regression" else "a truth value, an integer or a text"
        raise ProjectError(
            f"{self.subject} is {self.sql!r}, of type {kind}; {task} requires {wanted}",
            hint="correct the expression, or the task",
        )

    def type_of(self, rows: duckdb.DuckDBPyRelation) -> str:
        """The type of the result, such as `boolean`, from the columns that the expression reads alone.

        Raises
        ------
        ProjectError
            When it can't be computed from them.
        """
        read = quoted_list(self.columns(rows.columns))
        try:
            typed = rows.project(read).set_alias(self.table).project(f"{read}, ({self.sql}\n)")
        except duckdb.Error as error:
            raise self.error_for(error) from error
        return str(typed.types[-1].id)

    @staticmethod
    def is_integer(kind: str) -> bool:
        """Whether a type is an integer that fits into 64 bits."""
        return kind in _INTEGERS

    def error_for(self, error: duckdb.Error) -> ProjectError:
        """The error for an expression that can't be computed."""
        return ProjectError(
            f"{self.subject} is {self.sql!r}, which can't be computed: {str(error).splitlines()[0]}",
            without_values=f"{self.subject} is {self.sql!r}, which can't be computed: {type(error).__name__}",
            hint=_HINT,
        )

    @property
    def _query(self) -> str:
        return f"select (\n{self.sql}\n) from {quoted(self.table)}"


def _problem(node: Mapping[str, Any]) -> str:
    match node.get("class"):
        case "WINDOW":
            return "a window over other rows"
        case "SUBQUERY":
            return "a subquery"
        case "STAR":
            return "a * instead of column names"
    return ""
