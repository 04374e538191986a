"""A fast filter for rows that can't violate a value rule, so that pandera validates only the others."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa

from mlops_assets.compat.pandera import check_arguments, check_function
from mlops_assets.core.sql_quoting import quoted
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.contracts.screening.check_sql import built_in_name, check_sql
from mlops_assets.ml.contracts.screening.traced_check import Term, UnsupportedOperation, traced_sql


@dataclass(frozen=True, eq=False)
class _Columns:
    """A stand-in for a frame that gives a check of the table its columns and records their names."""

    _values: Mapping[str, Any]
    _columns_read: set[str]

    def __getitem__(self, name: object) -> Any:
        if not isinstance(name, str) or name not in self._values:
            raise UnsupportedOperation(str(name))
        self._columns_read.add(name)
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        if hasattr(pd.DataFrame, name):  # a frame has no attribute for a column with the name of a method
            raise UnsupportedOperation(name)
        return self[name]


@dataclass(frozen=True)
class _PythonCheck:
    """A check that has no SQL condition."""

    check: pa.Check
    columns: tuple[str, ...]
    types: Mapping[str, str]
    """For a check of the table: the types of columns that differ from those for checks of one column."""
    of_table: bool

    def suspects(self, frame: pd.DataFrame) -> np.ndarray:
        """Whether each row needs pandera: it fails, or the check did not return one boolean a row."""
        try:
            if self.of_table:
                values = frame[list(self.columns)]
                types = {name: self.types[name] for name in self.columns if name in self.types}
                result = _result(self.check, _Columns(_series(values.astype(types)), set()))
            else:
                result = self.check(frame[self.columns[0]]).check_output
        except (UnsupportedOperation, Exception):
            return np.ones(len(frame), dtype=bool)  # pandera runs into the same error and reports it
        if not isinstance(result, pd.Series):
            return np.ones(len(frame), dtype=bool)
        result = result.fillna(False).astype(bool)
        if not result.index.equals(frame.index):
            if not result.index.isin(frame.index).all():
                return np.ones(len(frame), dtype=bool)
            evaluated, result = result, pd.Series(True, index=frame.index)
            result[evaluated.index] = evaluated  # missing values are ignored
        return ~result.to_numpy()


@dataclass(frozen=True)
class Screen:
    """A filter for rows that can't violate a value rule.

    Attributes
    ----------
    sql
        A condition on a typed row, never null; false for rows that need pandera.
    columns
        Columns that `suspects` reads.
    """

    sql: str
    columns: tuple[str, ...]
    _python_checks: tuple[_PythonCheck, ...]
    _conditions: tuple[tuple[str, str], ...] = ()
    """Of `sql`, each with its column; empty for a condition on several columns."""

    @classmethod
    def of(
        cls,
        columns: Sequence[Column],
        checks: Mapping[str, Sequence[pa.Check]],
        table_checks: Sequence[pa.Check],
        empty: pd.DataFrame,
        types: Mapping[str, str],
    ) -> "Screen":
        """Divide checks into those with an SQL condition and those without.

        Parameters
        ----------
        checks
            Checks of one column, by its name.
        table_checks
            Checks of several columns of a row.
        empty
            The typed columns without rows, as a check of one column receives them.
        types
            The types that a check of the table receives instead.
        """
        conditions, python_checks = [], []
        for column in columns:
            for check in checks[column.name]:
                if condition := check_sql(check, column) or _custom_check_sql(check, column):
                    conditions.append((column.name, condition))
                else:
                    python_checks.append(_PythonCheck(check, (column.name,), {}, of_table=False))
        for check in table_checks:
            columns_read = _columns_read(check, empty.astype(dict(types)))
            if columns_read is None:
                return cls("false", (), (), (("", "false"),))
            if condition := _table_check_sql(check, columns, types):
                conditions.append(("", condition))
                continue
            python_checks.append(_PythonCheck(check, columns_read, types, of_table=True))
        columns_of_checks = dict.fromkeys(name for check in python_checks for name in check.columns)
        return cls(_all_of(conditions), tuple(columns_of_checks), tuple(python_checks), tuple(conditions))

    def sql_of(self, columns: Collection[str]) -> str:
        """The part of `sql` that reads only some columns."""
        return _all_of(pair for pair in self._conditions if pair[0] in columns)

    def suspects(self, frame: pd.DataFrame) -> np.ndarray:
        """Whether each row needs pandera, by the checks without an SQL condition.

        Parameters
        ----------
        frame
            The columns `columns`, of rows without a missing required value; any index.

        Returns
        -------
        Booleans, shape `(n,)`.
        """
        frame = frame.reset_index(drop=True)
        suspected = np.zeros(len(frame), dtype=bool)
        for check in self._python_checks:
            suspected |= check.suspects(frame)
        return suspected


def _custom_check_sql(check: pa.Check, column: Column) -> str | None:
    """The condition of a check of one column that a project has written; never null."""
    if check.element_wise or check.groupby is not None or built_in_name(check):
        return None
    condition = traced_sql(lambda: _result(check, Term.of_column(column.name, column.sql_type)))
    missing = f"{quoted(column.name)} is null or " if check.ignore_na else ""
    return condition and f"({missing}coalesce({condition}, false))"


def _table_check_sql(check: pa.Check, columns: Sequence[Column], types: Mapping[str, str]) -> str | None:
    """The condition of a check of several columns; never null."""
    terms = {one.name: Term.of_column(one.name, one.sql_type, types.get(one.name)) for one in columns}
    condition = traced_sql(lambda: _result(check, _Columns(terms, set())))
    return condition and f"coalesce({condition}, false)"


def _all_of(conditions: Iterable[tuple[str, str]]) -> str:
    return " and ".join(condition for _, condition in conditions) or "true"


def _columns_read(check: pa.Check, empty: pd.DataFrame) -> tuple[str, ...] | None:
    """The columns that a check of the table reads; None when it reads the table itself."""
    if check.element_wise or check.groupby is not None:
        return None
    columns_read: set[str] = set()
    try:
        _result(check, _Columns(_series(empty), columns_read))
    except (UnsupportedOperation, Exception):
        return None
    return tuple(sorted(columns_read)) or None


def _series(frame: pd.DataFrame) -> dict[str, pd.Series]:
    return {str(name): frame[name] for name in frame.columns}


def _result(check: pa.Check, columns: "_Columns | Term") -> Any:
    return check_function(check)(columns, **check_arguments(check))
