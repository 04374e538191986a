"""Checks written in Python as SQL conditions: a check is evaluated once, with terms that record operations.

A check of arithmetic, comparisons and logic has a condition. One that does anything else has none, because a
term refuses it. Where SQL may differ from pandas for a row, the condition is unknown for the row.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

import numpy as np

from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.ml.contracts.columns import SqlType

_EXACT = 2**53
_NUMBERS = ("BIGINT", "DOUBLE")


class UnsupportedOperation(BaseException):
    """A check does more than a term records; a `BaseException`, which no check hides by accident."""


@dataclass(frozen=True, eq=False)
class Term:
    """A value of a row, as a stand-in for a series.

    Attributes
    ----------
    kind
        The type of its values in pandas, as that of SQL: an integer column with missing values is DOUBLE in a
        check of the table.
    computed
        Whether an operation computes it, so that a number may be infinite.
    """

    sql: str
    kind: SqlType
    computed: bool = False
    __array_ufunc__: ClassVar[None] = None
    __hash__: ClassVar[None]  # type: ignore[assignment]

    @classmethod
    def of_column(cls, name: str, sql_type: SqlType, pandas_type: str | None = None) -> "Term":
        """A column, with the type that pandas gives it, if it differs."""
        if pandas_type == "float64" and sql_type == "BIGINT":
            return cls(f"{quoted(name)}::double", "DOUBLE")
        return cls(quoted(name), sql_type)

    def __add__(self, other: object) -> "Term":
        return _computed("+", self, other)

    def __radd__(self, other: object) -> "Term":
        return _computed("+", other, self)

    def __sub__(self, other: object) -> "Term":
        return _computed("-", self, other)

    def __rsub__(self, other: object) -> "Term":
        return _computed("-", other, self)

    def __mul__(self, other: object) -> "Term":
        return _computed("*", self, other)

    def __rmul__(self, other: object) -> "Term":
        return _computed("*", other, self)

    def __truediv__(self, other: object) -> "Term":
        return _computed("/", self, other)

    def __rtruediv__(self, other: object) -> "Term":
        return _computed("/", other, self)

    def __and__(self, other: object) -> "Term":
        return _joined("and", self, other)

    def __or__(self, other: object) -> "Term":
        return _joined("or", self, other)

    def __invert__(self) -> "Term":
        return Term(f"(not {_condition(self)})", "BOOLEAN", computed=True)

    def __eq__(self, other: object) -> "Term":  # type: ignore[override]
        return _compared("=", self, other)

    def __ne__(self, other: object) -> "Term":  # type: ignore[override]
        return _compared("<>", self, other)

    def __lt__(self, other: object) -> "Term":
        return _compared("<", self, other)

    def __le__(self, other: object) -> "Term":
        return _compared("<=", self, other)

    def __gt__(self, other: object) -> "Term":
        return _compared(">", self, other)

    def __ge__(self, other: object) -> "Term":
        return _compared(">=", self, other)

    def isna(self) -> "Term":
        """Whether the value of a column is missing."""
        if self.computed:
            raise UnsupportedOperation
        return Term(f"({self.sql} is null)", "BOOLEAN", computed=True)

    def notna(self) -> "Term":
        """Whether the value of a column is there."""
        return ~self.isna()

    def __bool__(self) -> NoReturn:
        raise UnsupportedOperation

    def __len__(self) -> NoReturn:
        raise UnsupportedOperation

    def __iter__(self) -> NoReturn:
        raise UnsupportedOperation

    def __getattr__(self, name: str) -> NoReturn:
        raise UnsupportedOperation


def traced_sql(evaluate: Callable[[], Any]) -> str | None:
    """The condition that a check returns for terms; null where it is unknown. None for other checks."""
    try:
        result = evaluate()
        return _condition(result) if isinstance(result, Term) else None
    except (UnsupportedOperation, Exception):
        return None


def _condition(value: object) -> str:
    if not isinstance(value, Term) or value.kind != "BOOLEAN":
        raise UnsupportedOperation
    return value.sql


def _joined(word: str, first: object, second: object) -> Term:
    return Term(f"({_condition(first)} {word} {_condition(second)})", "BOOLEAN", computed=True)


def _computed(sign: str, first: object, second: object) -> Term:
    """A number computed from two; null if whole numbers overflow, which wrap in pandas."""
    one, other = _paired(first, second)
    if one.kind not in _NUMBERS:
        raise UnsupportedOperation
    if one.kind == "DOUBLE" or sign == "/":
        return Term(f"({_double(one)} {sign} {_double(other)})", "DOUBLE", computed=True)
    return Term(f"try({one.sql} {sign} {other.sql})", "BIGINT", computed=True)


def _compared(sign: str, first: object, second: object) -> Term:
    one, other = _paired(first, second)
    if one.kind == "BOOLEAN" or (one.kind == "VARCHAR" and sign not in ("=", "<>")):
        raise UnsupportedOperation
    # Of what is not finite, SQL has another order than pandas.
    finite = [f"isfinite({term.sql})" for term in (one, other) if term.computed and term.kind == "DOUBLE"]
    compared = f"{one.sql} {sign} {other.sql}"
    sql = f"case when {' and '.join(finite)} then {compared} end" if finite else compared
    return Term(f"({sql})", "BOOLEAN", computed=True)


def _paired(first: object, second: object) -> tuple[Term, Term]:
    """Two terms of one type: of a whole number and a fraction, both are fractions, as in NumPy."""
    one, other = _term(first), _term(second)
    if {one.kind, other.kind} == set(_NUMBERS):
        return _as_double(one), _as_double(other)
    if one.kind != other.kind:
        raise UnsupportedOperation
    return one, other


def _as_double(term: Term) -> Term:
    return term if term.kind == "DOUBLE" else Term(_double(term), "DOUBLE", term.computed)


def _double(term: Term) -> str:
    return term.sql if term.kind == "DOUBLE" else f"{term.sql}::double"


def _term(value: object) -> Term:
    """A term, or a constant as one."""
    if isinstance(value, np.generic):
        value = value.item()
    match value:
        case Term():
            return value
        case bool():
            raise UnsupportedOperation
        case int() if abs(value) <= _EXACT:
            return Term(f"{literal(value)}::bigint", "BIGINT")
        case float() if math.isfinite(value):
            return Term(f"{literal(repr(value))}::double", "DOUBLE")
        case str() if "\0" not in value:
            return Term(literal(value), "VARCHAR")
    raise UnsupportedOperation
