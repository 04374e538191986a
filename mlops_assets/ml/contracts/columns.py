"""Typed columns: the cast of source values to the types of a contract."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from mlops_assets.core.errors import ProjectError
from mlops_assets.core.sql_quoting import quoted
from mlops_assets.ml.contracts.column_format import ColumnFormat
from mlops_assets.ml.contracts.numbers.number_sql import (
    FLOATS,
    as_text_sql,
    boolean_sql,
    double_sql,
    integer_sql,
    is_exact,
    is_nan_sql,
    is_nan_text_sql,
    when_usual_text_sql,
)
from mlops_assets.ml.contracts.numbers.written_numbers import plain_number_sql
from mlops_assets.ml.contracts.time_sql import UTC_ZONE, Ambiguous, clock_change_sql, date_sql, timestamp_sql

Available = Sequence[str] | Mapping[str, str]
"""The columns of a source, if possible with their SQL types: what a type decides is not planned by DuckDB."""
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

_YEARS = "{0} >= date '0001-01-01' and {0} < date '10000-01-01'"
_UNCHANGED = ("BIGINT", "BOOLEAN")
"""Types that a cast to themselves does not change."""

if TYPE_CHECKING:
    import duckdb


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
    format, unit, parentheses
        The format of times in text, and the unit and the sign of numbers in text; see `ColumnFormat`.
    sensitive
        Whether messages never quote values of the column.
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
    format: str = ""
    unit: str = ""
    parentheses: bool = False
    sensitive: bool = False

    @property
    def has_format(self) -> bool:
        """Whether the column declares how its texts are written."""
        return bool(self.format or self.unit or self.parentheses)

    @property
    def has_marks(self) -> bool:
        """Whether numbers in text use marks that differ from SQL."""
        return (self.decimal, self.thousands) != (".", "")

    def declared(self) -> dict[str, Any]:
        """The attributes without default marks, zone and format, which keeps digests of saved models."""
        omitted = [
            *(name for name in ("format", "unit", "parentheses", "sensitive") if not getattr(self, name)),
            *(() if self.has_marks else ("decimal", "thousands")),
            *(() if self.time_zone != UTC_ZONE else ("time_zone", "ambiguous_times")),
        ]
        return {name: value for name, value in asdict(self).items() if name not in omitted}

    def as_written(self, number: object) -> str:
        """A number as text of this column."""
        return f"{str(number).replace('.', self.decimal)}{self.unit}"

    @property
    def type_rule(self) -> str:
        """The rule that a value violates which can't be cast, such as `size: dtype(float64)`."""
        rule = f"format({self.example})" if self.has_format else f"dtype({PANDAS_TYPES[self.sql_type]})"
        return f"{self.name}: {rule}"

    @property
    def null_rule(self) -> str:
        """The rule that a missing value violates."""
        return f"{self.name}: not_nullable"

    @property
    def example(self) -> str:
        """How a value is written: the format of times, or a number with marks and unit, `1,234.5 km`."""
        if self.format:
            return self.format
        number = f"1{self.thousands}234{self.decimal}5"
        number += f" {self.unit}" if self.unit else ""
        return f"({number})" if self.parentheses else number

    def cast_sql(self, kind: str | None = None) -> str:
        """The typed value of a source column; null when the value is missing or can't be cast.

        Numbers and booleans are exact, see `number_sql`. Times are in UTC, see `time_sql`. Infinite times,
        and those outside the years 1 to 9999, are not valid: Python's `datetime` can't represent them.

        Parameters
        ----------
        kind
            The SQL type of the source column if it is known.
        """
        raw = quoted(self.name)
        match self.sql_type:
            case "DOUBLE":
                return double_sql(raw, self._plain_sql(), kind)
            case "BIGINT":
                return integer_sql(raw, self._plain_sql(), kind)
            case "BOOLEAN":
                return boolean_sql(raw, kind)
            case "TIMESTAMP":
                cast = timestamp_sql(raw, self.time_zone, self.ambiguous_times, self.format)
                is_usual = self.time_zone == UTC_ZONE and not self.format
                usual = when_usual_text_sql(raw, "timestamp", _YEARS) if is_usual else ""
                return f"case {usual}when year({cast}) between 1 and 9999 then {cast} end"
            case "DATE":
                cast = date_sql(raw, self.time_zone, self.format)
                usual = "" if self.format else when_usual_text_sql(raw, "date", _YEARS)
                return f"case {usual}when year({cast}) between 1 and 9999 then {cast} end"
        text, is_nan = as_text_sql(raw, kind), is_nan_sql(raw, kind)
        return text if is_nan == "false" else f"case when not {is_nan} then {text} end"

    def always_casts(self, kind: str | None) -> bool:
        """Whether each known value of a type can be cast, so that only missing values become null."""
        is_double = self.sql_type == "DOUBLE" and (is_exact(kind) or kind in FLOATS)
        return self.sql_type == "VARCHAR" or is_double or (kind == self.sql_type and kind in _UNCHANGED)

    def _plain_sql(self) -> str | None:
        """The text of a number with the marks of SQL; None if that is the text itself."""
        if not (self.has_marks or self.unit or self.parentheses):
            return None
        return plain_number_sql(
            quoted(self.name),
            decimal=self.decimal,
            thousands=self.thousands,
            unit=self.unit,
            parentheses=self.parentheses,
        )

    def clock_change_sql(self) -> str:
        """Why a time can't be cast: `ambiguous` or `skipped` in its zone, or null for another reason."""
        if self.sql_type != "TIMESTAMP" or self.time_zone == UTC_ZONE:
            return "null"
        return clock_change_sql(quoted(self.name), self.time_zone, self.format)

    def is_null_sql(self, raw: str | None = None, kind: str | None = None) -> str:
        """Whether the source value is missing: null, NaN, or in a number the text NaN; never null.

        Parameters
        ----------
        raw
            The source value in SQL; by default the column of this name.
        kind
            The SQL type of the value if it is known.
        """
        raw = raw or quoted(self.name)
        missing, is_nan = [f"{raw} is null"], is_nan_sql(raw, kind)
        if is_nan != "false":
            missing.append(is_nan)
        if self.sql_type in ("DOUBLE", "BIGINT") and not (is_exact(kind) or kind in FLOATS):
            missing.append(is_nan_text_sql(raw))
        return f"({' or '.join(missing)})"


def format_attributes(
    name: str, sql_type: SqlType, declared: ColumnFormat | None, spelling: tuple[str, str], subject: str
) -> dict[str, Any]:
    """The attributes of a `Column` for the format of its texts.

    Parameters
    ----------
    spelling
        Decimal mark and thousands separator of the table.

    Raises
    ------
    ProjectError
        When the type of the column contradicts its format.
    """
    is_number, is_time = sql_type in ("BIGINT", "DOUBLE"), sql_type in ("TIMESTAMP", "DATE")
    declared = declared or ColumnFormat()
    if declared != ColumnFormat() and not (is_time if declared.time else is_number):
        kind, types = ("times", "pa.DateTime or pa.Date") if declared.time else ("numbers", "float or int")
        raise ProjectError(
            f"{subject}: column {name} has a format of {kind}, {declared.to_settings()!r}, and is "
            f"{PANDAS_TYPES[sql_type]} in schema.py",
            hint=f"declare it as {types} in schema.py, or remove its format from defs.yaml",
        )
    if not is_number:
        return {"format": declared.time}
    decimal, thousands = (
        given if given is not None else mark
        for given, mark in zip((declared.decimal, declared.thousands), spelling, strict=True)
    )
    return {
        "decimal": decimal,
        "thousands": thousands,
        "unit": declared.unit,
        "parentheses": declared.parentheses,
    }


def select_list(columns: Iterable[Column], available: Available) -> str:
    """A select list that casts a source's columns; absent columns are null."""
    return ", ".join(
        f"{column.cast_sql(kind_of(available, column)) if column.name in available else absent} "
        f"as {quoted(column.name)}"
        for column in columns
        for absent in (f"null::{column.sql_type}",)
    )


def kind_of(available: Available, column: Column) -> str | None:
    """The SQL type of the source of a column if it is known."""
    return available.get(column.name) if isinstance(available, Mapping) else None


def source_types(rows: "duckdb.DuckDBPyRelation") -> dict[str, str]:
    """The SQL type of each column of a source."""
    return dict(zip(rows.columns, map(str, rows.types), strict=True))
