"""Times, amounts and percentages in formats that a contract does not read, and the SQL that reads them."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import duckdb

from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.ml.contracts.columns import Column

if TYPE_CHECKING:
    import pandas as pd

_DATES = (
    *("%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%Y%m%d"),
    *("%d.%m.%y", "%m/%d/%y", "%d/%m/%y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%b %d, %Y", "%B %d, %Y"),
)
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", "T%H%M%S", "T%H%M")
_AMOUNT = re.compile(r"\(?[-+]?\s*([$€£¥]?)\s*[-+]?\d[\d.,' ]*?\s*([$€£¥%]|(?<=\s)[A-Za-zµ°/]{1,4})?\)?")
_SHORTEST_DATE = 6
"""1.2.24; a shorter number is none."""
_TRIED_VALUES = 50
"""Values that shortlist the formats; all rows decide."""


@dataclass(frozen=True)
class TextFormat:
    """A format of all values of a column.

    Attributes
    ----------
    kind
        What the values are: times or numbers.
    example
        A value.
    readings
        Expressions in SQL that read all values; several if the order of day and month is open.
    """

    column: str
    kind: str
    example: str
    readings: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.column} has {self.kind} such as {self.example!r}, which schema.py does not read as "
            f"{self.kind}; in features.sql, {' or '.join(self.readings)} does"
        )


def find_formats(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[Column], sample: "pd.DataFrame"
) -> list[TextFormat]:
    """The columns of text, and of integers such as 20240131, that are times or numbers in all rows.

    Parameters
    ----------
    table
        The rows, with texts as in the source; missing values are null.
    sample
        Typed rows.
    """
    found = []
    for column in columns:
        if column.sql_type not in ("VARCHAR", "BIGINT"):
            continue
        values = [str(value) for value in sample[column.name].dropna().head(_TRIED_VALUES)]
        kinds = [("times", list(_times(column, values)))]
        if column.sql_type == "VARCHAR":
            kinds.append(("numbers", list(_numbers(column.name, values))))
        for kind, candidates in kinds:
            readings = _that_read_all(connection, table, column.name, candidates)
            if readings:
                found.append(TextFormat(column.name, kind, values[0], readings))
                break
    return found


def _times(column: Column, values: Sequence[str]) -> Iterator[str]:
    text = quoted(column.name) if column.sql_type == "VARCHAR" else f"{quoted(column.name)}::varchar"
    formats = (
        ["%Y%m%d"] if column.sql_type == "BIGINT" else [day + clock for day in _DATES for clock in _CLOCKS]
    )
    for written in formats:
        if values and all(map(_reader(written), values)):
            yield f"strptime({text}, {literal(written)})"


def _reader(written: str) -> Callable[[str], bool]:
    def reads(value: str) -> bool:
        try:
            year = datetime.strptime(value.strip(), written).year
            return 1900 <= year < 2100 and len(value.strip()) >= _SHORTEST_DATE
        except ValueError:
            return False

    return reads


def _numbers(name: str, values: Sequence[str]) -> Iterator[str]:
    matches = [_AMOUNT.fullmatch(value.strip()) for value in values]
    units = {match.groups("") for match in matches if match}
    if not values or None in matches or len(units) != 1:
        return
    if units == {("", "")} and not any("(" in value for value in values):
        return  # numbers with several formats
    text, negative = quoted(name), any(value.strip().startswith("(") for value in values)
    comma = any(re.search(r",\d{1,2}\D*$", value) for value in values)
    point = any(re.search(r"\.\d+\D*$", value) for value in values)
    plain = f"regexp_replace({text}, '[^0-9.-]', '', 'g')"
    if comma and not point:
        plain = f"replace(regexp_replace({text}, '[^0-9,-]', '', 'g'), ',', '.')"
    sign = f"if(contains({text}, '('), -1, 1) * " if negative else ""
    yield f"{sign}{plain}::double"


def _that_read_all(
    connection: duckdb.DuckDBPyConnection, table: str, name: str, candidates: Sequence[str]
) -> tuple[str, ...]:
    """The expressions that have a value in every row with a value."""
    if not candidates:
        return ()
    lost = ", ".join(
        f"count(*) filter ({quoted(name)} is not null and try({candidate}) is null)"
        for candidate in candidates
    )
    [found] = connection.execute(f"select {lost} from {table}").fetchall()
    return tuple(candidate for candidate, rows in zip(candidates, found, strict=True) if not rows)
