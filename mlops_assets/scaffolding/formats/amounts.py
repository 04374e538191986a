"""Numbers with a unit, such as $1,234.50, 7 % and 12 km, or with marks of their own."""

import re
from collections.abc import Iterator, Sequence

from mlops_assets.ml.contracts.column_format import ColumnFormat
from mlops_assets.scaffolding.formats.time_formats import MOSTLY

_CURRENCY = r"[$€£¥₹₽₩₺₴฿]|(?:USD|EUR|GBP|CHF|JPY|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|CNY|INR|BRL|MXN|ZAR)"
_ATTACHED = "kg|km|cm|mm|lbs?|oz|ml|GB|MB|KB|TB|kWh|MWh|mph|kcal|ms|min"
"""Units that are often written without a blank; other letters behind digits are codes, such as 12A."""
_WORD = r"(?<=[\s\u00a0\u202f])(?!(?:am|pm|st|nd|rd|th)\b)[A-Za-zµ°Ω/²³]{1,6}"
_NUMBER = r"[.,]?\d[\d.,'’ \u00a0\u202f]*?(?:[eE][+-]?\d+)?"
_BLANK = r"[\s\u00a0\u202f]*"
_AMOUNT = re.compile(
    rf"(?P<open>\()?[-+]?{_BLANK}(?P<before>{_CURRENCY})?{_BLANK}[-+]?(?P<number>{_NUMBER}){_BLANK}"
    rf"(?P<after>{_CURRENCY}|[%‰]|°[CF]|(?:{_ATTACHED})(?![A-Za-z])|{_WORD})?(?P<close>\))?"
)
_MARKS = (
    (".", ","),
    (".", ""),
    (",", "."),
    (",", ""),
    (".", "'"),
    (",", " "),
    (",", "\u00a0"),
    (",", "\u202f"),
)
"""Decimal mark and thousands separator, in the order of preference."""


def amount_formats(values: Sequence[str], marks: tuple[str, str]) -> Iterator[ColumnFormat]:
    """The formats that numbers with one unit, in parentheses, or with other marks may have.

    Parameters
    ----------
    values
        Some values, at least one.
    marks
        Decimal mark and thousands separator of the table.
    """
    found = [_AMOUNT.fullmatch(value.strip()) for value in values]
    matches = [match for match in found if match and bool(match["open"]) == bool(match["close"])]
    if not matches or len(matches) < MOSTLY * len(values):
        return
    units = {(match["before"] or "") + (match["after"] or "") for match in matches}
    if len(units) > 1:
        return
    [unit] = units
    parentheses = any(match["open"] for match in matches)
    has_marks = any(re.search(r"[^\deE+-]", match["number"]) for match in matches)
    for decimal, thousands in dict.fromkeys((marks, *_MARKS)) if has_marks else (marks,):
        is_used = not thousands or any(thousands in match["number"] for match in matches)
        if (is_used or (decimal, thousands) == marks) and (
            unit or parentheses or (decimal, thousands) != marks
        ):
            yield ColumnFormat(unit=unit, decimal=decimal, thousands=thousands, parentheses=parentheses)
