"""Typed columns: the cast of source values to the types of a contract."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.ml.contracts.number_sql import (
    BLANKS,
    boolean_sql,
    double_sql,
    integer_sql,
    is_nan_sql,
    is_nan_text_sql,
)
from mlops_assets.ml.contracts.time_sql import UTC_ZONE, Ambiguous, clock_change_sql, date_sql, timestamp_sql

SqlType = Literal["BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMP", "DATE", "VARCHAR"]
PANDAS_TYPES: dict[SqlType, str] = {
    "BIGINT": "int64",
    "DOUBLE": "float64",
    "BOOLEAN": "bool",
    "TIMESTAMP": "datetime64[ns]",
    "DATE": "date",
    "VARCHAR": "object",
}
"""The pandas type that checks receive and that rules name; a date is a `datetime.date`."""


@dataclass(frozen=True)
class Column:
    """One column of a contract.

    Attributes
    ----------
    nullable
        Whether the value may be missing.
    required
        Whether the source must have the column; an absent optional column is null in every row.
    decimal, thousands
        Decimal mark and thousands separator of numbers in text. Values that arrive as numbers ignore both.
    time_zone, ambiguous_times
        The zone of times without an offset or a zone, and what becomes of those that occur twice; see
        `time_sql`.
    """

    name: str
    sql_type: SqlType
    nullable: bool = True
    required: bool = True
    description: str = ""
    decimal: str = "."
    thousands: str = ""
    time_zone: str = UTC_ZONE
    ambiguous_times: Ambiguous = "quarantine"

    @property
    def has_marks(self) -> bool:
        """Whether numbers in text use marks that differ from SQL."""
        return (self.decimal, self.thousands) != (".", "")

    def declared(self) -> dict[str, Any]:
        """The attributes without default marks and zone: digests of models saved before them stay valid."""
        omitted = [
            *(() if self.has_marks else ("decimal", "thousands")),
            *(() if self.time_zone != UTC_ZONE else ("time_zone", "ambiguous_times")),
        ]
        return {name: value for name, value in asdict(self).items() if name not in omitted}

    def as_written(self, number: object) -> str:
        """A number as text of this column."""
        return str(number).replace(".", self.decimal)

    def cast_sql(self) -> str:
        """The typed value of a source column; null when the value is missing or can't be cast.

        Numbers and booleans are exact, see `number_sql`. Times are in UTC, see `time_sql`. Infinite times,
        and those outside the years 1 to 9999, are not valid: Python's `datetime` can't represent them.
        """
        raw = quoted(self.name)
        match self.sql_type:
            case "DOUBLE":
                return double_sql(raw, self._plain_sql() if self.has_marks else None)
            case "BIGINT":
                return integer_sql(raw, self._plain_sql() if self.has_marks else None)
            case "BOOLEAN":
                return boolean_sql(raw)
            case "TIMESTAMP":
                cast = timestamp_sql(raw, self.time_zone, self.ambiguous_times)
                return f"case when year({cast}) between 1 and 9999 then {cast} end"
            case "DATE":
                cast = date_sql(raw, self.time_zone)
                return f"case when year({cast}) between 1 and 9999 then {cast} end"
        return f"case when not {is_nan_sql(raw)} then {raw}::varchar end"

    def _plain_sql(self) -> str:
        """The text of a number with the marks of SQL; null where the text violates the declared marks."""
        raw = quoted(self.name)
        text = f"trim({raw}::varchar)"
        plain, group = f"replace({text}, {literal(self.decimal)}, '.')", ""
        forbidden = [mark for mark in (self.thousands, "." if self.decimal != "." else "") if mark]
        if self.thousands:
            thousands, decimal = re.escape(self.thousands), re.escape(self.decimal)
            number = f"[+-]?[0-9]{{1,3}}({thousands}[0-9]{{3}})+({decimal}[0-9]*)?([eE][+-]?[0-9]+)?"
            pattern = f"{BLANKS}{number}{BLANKS}"
            bare = f"replace({text}, {literal(self.thousands)}, '')"
            group = (
                f"when regexp_full_match({text}, {literal(pattern)}) "
                f"then replace({bare}, {literal(self.decimal)}, '.') "
            )
        wrong = " or ".join(f"contains({text}, {literal(mark)})" for mark in dict.fromkeys(forbidden))
        return (
            f"case when not regexp_matches(typeof({raw}), '^(VARCHAR|ENUM)') then {raw}::varchar "
            f"{group}when not ({wrong}) then {plain} end"
        )

    def clock_change_sql(self) -> str:
        """Why a time can't be cast: `ambiguous` or `skipped` in its zone, or null for another reason."""
        if self.sql_type != "TIMESTAMP" or self.time_zone == UTC_ZONE:
            return "null"
        return clock_change_sql(quoted(self.name), self.time_zone)

    def is_null_sql(self, raw: str | None = None) -> str:
        """Whether the source value is missing: null, NaN, or in a number the text NaN; never null.

        Parameters
        ----------
        raw
            The source value in SQL; by default the column of this name.
        """
        raw = raw or quoted(self.name)
        missing = f"{raw} is null or {is_nan_sql(raw)}"
        if self.sql_type in ("DOUBLE", "BIGINT"):
            missing = f"{missing} or {is_nan_text_sql(raw)}"
        return f"({missing})"


def select_list(columns: Iterable[Column], available: Sequence[str]) -> str:
    """A select list that casts a source's columns; absent columns are null."""
    return ", ".join(
        f"{column.cast_sql() if column.name in available else f'null::{column.sql_type}'} "
        f"as {quoted(column.name)}"
        for column in columns
    )
