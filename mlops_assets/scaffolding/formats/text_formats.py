"""Detection of columns of times and numbers that are written in another format than that of their type."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.ml.contracts.column_format import EPOCHS, ColumnFormat
from mlops_assets.ml.contracts.columns import Column, SqlType
from mlops_assets.scaffolding.formats.amounts import amount_formats
from mlops_assets.scaffolding.formats.format_tests import (
    is_read,
    odd_values_doubts,
    present_nulls,
    run_tests,
)
from mlops_assets.scaffolding.formats.time_formats import is_day_first, time_formats
from mlops_assets.stores.files.csv_dialect import Dialect

Choose = Callable[["FoundFormat"], str]
"""Chooses one of the formats of a `FoundFormat` with alternatives."""

_SAMPLE_ROWS = 5_000
_LISTED_VALUES = 200
_TRIED_VALUES = 50
"""Values that shortlist the formats; all rows decide."""
_TESTS_A_QUERY = 100


@dataclass(frozen=True)
class FoundFormat:
    """A format of all values of a column.

    Attributes
    ----------
    column
        The column with the type and the format that are drafted.
    example
        A value.
    declared
        The setting.
    alternatives
        Other formats of times that read all values as well: the order of day and month is open.
    """

    column: Column
    example: str
    declared: str | dict[str, Any]
    alternatives: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the column."""
        return self.column.name

    @property
    def doubt(self) -> str:
        """What the values do not decide; empty if they do."""
        if not self.alternatives:
            return ""
        order = "day" if is_day_first(str(self.declared)) else "month"
        return (
            f"{self.name} has dates such as {self.example!r}, whose order of day and month no row decides; "
            f"drafted with the {order} first ({self.declared!r}, not {self.alternatives[0]!r}): check "
            "formats in defs.yaml, or use --day-first or --month-first"
        )


@dataclass(frozen=True)
class DetectedFormats:
    """The formats of columns.

    Attributes
    ----------
    nulls
        The texts for missing values beside the formats.
    doubts
        What the values do not decide, for the user.
    """

    found: tuple[FoundFormat, ...] = ()
    nulls: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def find_formats(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Sequence[Column],
    dialect: Dialect,
    *,
    nulls: Sequence[str] = (),
    choose: Choose | None = None,
) -> DetectedFormats:
    """The columns of text, and of numbers such as 20240131, whose values all have another format.

    Parameters
    ----------
    table
        The rows, with texts as in the source; missing values are null.
    dialect
        The number format of the table.
    nulls
        Texts that stand for a missing value if at least half of the other texts of the column have a format.
    choose
        Chooses between formats that differ in the order of day and month, where no row decides. By default
        that of a column with an unambiguous order; else the month is first in dates with `/`, otherwise the
        day.
    """
    values = _first_values(connection, table, columns, nulls)
    candidates = {
        column.name: list(_candidates(column, values[column.name], dialect))
        for column in columns
        if values[column.name]
    }
    tests = run_tests(connection, table, [each for some in candidates.values() for each in some], nulls)
    found, doubts = [], []
    for name, tried in candidates.items():
        fitting = [each for each in tried if tests[each].fits]
        if fitting:
            example = next(value for value in values[name] if is_read(connection, fitting[0], value))
            found.append(_found(fitting, example, dialect))
        elif tried:
            doubts += odd_values_doubts(min(tried, key=lambda each: tests[each].others), tests)
    found = _with_order(found, choose)
    present = present_nulls(connection, table, [each.name for each in found], nulls)
    return DetectedFormats(tuple(found), present, (*(one.doubt for one in found if one.doubt), *doubts))


def order_of(found: FoundFormat, *, day_first: bool) -> str:
    """The format of dates with the day first, or with the month first."""
    options = (str(found.declared), *found.alternatives)
    return next(each for each in options if is_day_first(each) == day_first)


def _first_values(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[Column], nulls: Sequence[str]
) -> Mapping[str, list[str]]:
    """Some values of each column that may have a format, as text."""
    aside = ", ".join(map(literal, ("", *nulls)))
    numbers = [column.name for column in columns if column.sql_type in ("BIGINT", "DOUBLE")]
    texts = [column.name for column in columns if column.sql_type == "VARCHAR"]
    values: dict[str, list[str]] = {column.name: [] for column in columns}
    for names, rows in ((numbers, _TRIED_VALUES), (texts, _SAMPLE_ROWS)):
        for start in range(0, len(names), _TESTS_A_QUERY):
            some = names[start : start + _TESTS_A_QUERY]
            lists = ", ".join(
                f"(list({quoted(name)}::varchar) filter (trim({quoted(name)}::varchar) not in ({aside})))"
                f"[:{_LISTED_VALUES}]"
                for name in some
            )
            [found] = connection.execute(f"select {lists} from (from {table} limit {rows})").fetchall()
            for name, listed in zip(some, found, strict=True):
                values[name] = list(dict.fromkeys(listed or []))[:_TRIED_VALUES]
    return values


def _candidates(column: Column, values: Sequence[str], dialect: Dialect) -> Iterator[Column]:
    """The formats that the first values have, dates before times."""
    for written in time_formats(column.name, values, is_text=column.sql_type == "VARCHAR"):
        kinds: tuple[SqlType, ...] = ("TIMESTAMP",) if written in EPOCHS else ("DATE", "TIMESTAMP")
        for kind in kinds:
            yield Column(column.name, kind, format=written)
    if column.sql_type == "VARCHAR":
        for each in amount_formats(values, (dialect.decimal, dialect.thousands)):
            yield Column(
                column.name,
                "DOUBLE",
                decimal=each.decimal or ".",
                thousands=each.thousands or "",
                unit=each.unit,
                parentheses=each.parentheses,
            )


def _found(fitting: Sequence[Column], example: str, dialect: Dialect) -> FoundFormat:
    """The first format that fits, and those with another order of day and month."""
    chosen = fitting[0]
    if not chosen.format:
        declared = ColumnFormat(
            unit=chosen.unit,
            decimal=None if chosen.decimal == dialect.decimal else chosen.decimal,
            thousands=None if chosen.thousands == dialect.thousands else chosen.thousands,
            parentheses=chosen.parentheses,
        )
        return FoundFormat(chosen, example, declared.to_settings())
    others = dict.fromkeys(
        each.format for each in fitting if is_day_first(each.format) != is_day_first(chosen.format)
    )
    return FoundFormat(chosen, example, chosen.format, tuple(others))


def _with_order(found: Sequence[FoundFormat], choose: Choose | None) -> list[FoundFormat]:
    """Formats whose order of day and month is open get that of another column, or the chosen one."""
    known = {
        is_day_first(each.column.format) for each in found if each.column.format and not each.alternatives
    }
    orders = known - {None}
    chosen = []
    for each in found:
        options = (str(each.declared), *each.alternatives)
        if each.alternatives and len(orders) == 1:
            [order] = orders
            written = next((one for one in options if is_day_first(one) == order), options[0])
            each = replace(_rewritten(each, written), alternatives=())
        elif each.alternatives and choose is not None:
            each = replace(_rewritten(each, choose(each)), alternatives=())
        chosen.append(each)
    return chosen


def _rewritten(found: FoundFormat, written: str) -> FoundFormat:
    rest = tuple(each for each in (str(found.declared), *found.alternatives) if each != written)
    return replace(found, column=replace(found.column, format=written), declared=written, alternatives=rest)
