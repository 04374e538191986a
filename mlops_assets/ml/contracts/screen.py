"""Screens: which rows surely keep a contract's value rules, found without asking pandera for each row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa

from mlops_assets.compat.pandera import check_arguments, check_function
from mlops_assets.ml.contracts.check_sql import check_sql
from mlops_assets.ml.contracts.columns import Column


class _AsksForMore(BaseException):
    """A check looks at more than columns by their names; no `except Exception` of its may hide that."""


@dataclass(frozen=True, eq=False)
class _Columns:
    """What a check of the table gets instead of a frame: some of its columns, and nothing else."""

    _values: Mapping[str, pd.Series]
    _asked_for: set[str]

    def __getitem__(self, name: object) -> pd.Series:
        if not isinstance(name, str) or name not in self._values:
            raise _AsksForMore(str(name))
        self._asked_for.add(name)
        return self._values[name]

    def __getattr__(self, name: str) -> pd.Series:
        return self[name]


@dataclass(frozen=True)
class _PythonCheck:
    """A check that SQL can't decide."""

    check: pa.Check
    columns: tuple[str, ...]
    types: Mapping[str, str]
    """Of a check of the table: what it sees columns as, where that is not what checks of a column see."""
    of_table: bool

    def doubts(self, frame: pd.DataFrame) -> np.ndarray:
        """Whether pandera is to judge each row: it fails, or the check did something else than to judge."""
        try:
            if self.of_table:
                asked_for = frame[list(self.columns)]
                types = {name: self.types[name] for name in self.columns if name in self.types}
                verdict = _verdict(self.check, _Columns(_series(asked_for.astype(types)), set()))
            else:
                verdict = self.check(frame[self.columns[0]]).check_output
        except (_AsksForMore, Exception):
            return np.ones(len(frame), dtype=bool)  # pandera meets the same, and its words are told
        if not isinstance(verdict, pd.Series):
            return np.ones(len(frame), dtype=bool)
        verdict = verdict.fillna(False).astype(bool)
        if not verdict.index.equals(frame.index):
            if not verdict.index.isin(frame.index).all():
                return np.ones(len(frame), dtype=bool)
            judged, verdict = verdict, pd.Series(True, index=frame.index)
            verdict[judged.index] = judged  # others were missing, and are ignored
        return ~verdict.to_numpy()


@dataclass(frozen=True)
class Screen:
    """What tells most rows that keep all value rules.

    Attributes
    ----------
    sql
        A condition on a typed row, never null; false where pandera is to judge.
    columns
        Those that `doubts` looks at.
    """

    sql: str
    columns: tuple[str, ...]
    _python_checks: tuple[_PythonCheck, ...]

    @classmethod
    def of(
        cls,
        columns: Sequence[Column],
        checks: Mapping[str, Sequence[pa.Check]],
        table_checks: Sequence[pa.Check],
        empty: pd.DataFrame,
        types: Mapping[str, str],
    ) -> "Screen":
        """Sort checks into those that SQL decides and those that it does not.

        Parameters
        ----------
        checks
            Of each column.
        table_checks
            Of several columns of a row.
        empty
            The typed columns as a check of a column sees them, without rows.
        types
            What a check of the table sees columns as instead.
        """
        conditions, undecided = [], []
        for column in columns:
            for check in checks[column.name]:
                if condition := check_sql(check, column):
                    conditions.append(condition)
                else:
                    undecided.append(_PythonCheck(check, (column.name,), {}, of_table=False))
        for check in table_checks:
            asked_for = _asked_for(check, empty.astype(dict(types)))
            if asked_for is None:
                return cls("false", (), ())
            undecided.append(_PythonCheck(check, asked_for, types, of_table=True))
        looked_at = dict.fromkeys(name for check in undecided for name in check.columns)
        return cls(" and ".join(conditions) or "true", tuple(looked_at), tuple(undecided))

    def doubts(self, frame: pd.DataFrame) -> np.ndarray:
        """Whether pandera is to judge each row, by the checks that SQL does not decide.

        Parameters
        ----------
        frame
            `columns`, typed as the checks see them, of rows that lack no required value; any index.
        """
        frame = frame.reset_index(drop=True)
        doubted = np.zeros(len(frame), dtype=bool)
        for check in self._python_checks:
            doubted |= check.doubts(frame)
        return doubted


def _asked_for(check: pa.Check, empty: pd.DataFrame) -> tuple[str, ...] | None:
    """The columns that a check of the table looks at; None when it looks at the table itself."""
    if check.element_wise or check.groupby is not None:
        return None
    asked_for: set[str] = set()
    try:
        _verdict(check, _Columns(_series(empty), asked_for))
    except (_AsksForMore, Exception):
        return None
    return tuple(sorted(asked_for)) or None


def _series(frame: pd.DataFrame) -> dict[str, pd.Series]:
    return {str(name): frame[name] for name in frame.columns}


def _verdict(check: pa.Check, columns: _Columns) -> Any:
    return check_function(check)(columns, **check_arguments(check))
