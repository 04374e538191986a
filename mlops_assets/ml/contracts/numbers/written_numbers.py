"""Numbers in text with marks and units: their text with the marks of SQL, as a whole or not at all."""

import re

from mlops_assets.core.sql_quoting import literal
from mlops_assets.ml.contracts.numbers.number_sql import BLANKS

_BLANK = "[ \\t\\x{a0}\\x{202f}]*"
"""Blanks between a number and its unit."""
_DIGITS = "[.,]?[0-9][-+0-9.,'’ eE\\x{a0}\\x{202f}]*?"
"""A superset of numbers: the marks of the column, and the cast, decide."""


def plain_number_sql(
    raw: str, *, decimal: str = ".", thousands: str = "", unit: str = "", parentheses: bool = False
) -> str:
    """An expression for the text of a number with the marks of SQL; null where it violates the format.

    Parameters
    ----------
    raw
        The value, in SQL. What is no text keeps its own text.
    decimal, thousands, unit, parentheses
        The format, see `ColumnFormat`.
    """
    text = f"trim({raw}::varchar)"
    if parentheses:
        text = f"regexp_replace({text}, {literal(f'^[(]{_BLANK}(.*?){_BLANK}[)]$')}, '-\\1')"
    if unit:
        text = _without_unit(text, unit)
    return (
        f"case when not regexp_matches(typeof({raw}), '^(VARCHAR|ENUM)') then {raw}::varchar "
        f"{_marked_sql(text, decimal, thousands)} end"
    )


def _without_unit(text: str, unit: str) -> str:
    """The number of a text, with its sign; null without the unit."""
    written, sign = re.escape(unit), "[+-]?"
    before = f"{written}{_BLANK}({sign}){_BLANK}({_DIGITS})"
    after = f"({_DIGITS}){_BLANK}{written}"
    pattern = literal(f"^({sign}){_BLANK}(?:{before}|{after})$")
    return (
        f"case when regexp_matches({text}, {pattern}) "
        f"then regexp_replace({text}, {pattern}, '\\1\\2\\3\\4') end"
    )


def _marked_sql(text: str, decimal: str, thousands: str) -> str:
    """The branches of a case: a number with thousands marks, and one without."""
    plain, group = f"replace({text}, {literal(decimal)}, '.')", ""
    forbidden = [mark for mark in (thousands, "." if decimal != "." else "") if mark]
    if thousands:
        mark, point = re.escape(thousands), re.escape(decimal)
        number = f"[+-]?[0-9]{{1,3}}({mark}[0-9]{{3}})+({point}[0-9]*)?([eE][+-]?[0-9]+)?"
        bare = f"replace({text}, {literal(thousands)}, '')"
        group = (
            f"when regexp_full_match({text}, {literal(f'{BLANKS}{number}{BLANKS}')}) "
            f"then replace({bare}, {literal(decimal)}, '.') "
        )
    wrong = " or ".join(f"contains({text}, {literal(mark)})" for mark in dict.fromkeys(forbidden))
    return f"{group}when not ({wrong}) then {plain}" if wrong else f"else {plain}"
