"""Formats of times that values may have, in the directives of strptime, and epochs."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

_DATES = (
    *("%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d"),
    *("%Y%m%d", "%d.%m.%y", "%m/%d/%y", "%d/%m/%y", "%d-%m-%y", "%m-%d-%y"),
    *("%d-%b-%Y", "%d-%b-%y", "%d/%b/%Y", "%d %b %Y", "%d %B %Y", "%d. %B %Y", "%b %d, %Y", "%B %d, %Y"),
    "%a, %d %b %Y",
)
_CLOCKS = (
    *("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", " %I:%M%p"),
    *("T%H:%M:%S", "T%H%M%S", "T%H%M", "%H%M%S", ":%H:%M:%S %z", " %H:%M:%S %z"),
)
_OTHERS = ("%a %b %d %H:%M:%S %Y", "%Y-%m-%d %H:%M:%S,%f", "%Y-%m", "%m/%Y", "%b %Y", "%B %Y", "%b-%Y")
_FORMATS = (*(day + clock for day in _DATES for clock in _CLOCKS), *_OTHERS)
_LOOKED_AT = 3
_SHORTEST_DATE = 6
"""1.2.24; a shorter text is none."""
MOSTLY = 0.95
"""Minimum share of the tried values that have a format for all rows to be tested for it."""
_PLAUSIBLE = re.compile(
    r"(?i)(?=.*(\d[-./]\d|\d{8}|(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\W))"
    r"(?=.*\d)[\w.,:/+ -]{6,40}"
)
"""Two numbers with a mark between them, eight digits, or a month; tried before all formats are."""
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_EPOCH_NAME = re.compile(r"(?i)(time|date|epoch|stamp|created|updated|modified|seen|(^|_)(ts|at|on)$)")
_EPOCH_DIGITS = {"epoch_s": (9, 10), "epoch_ms": (12, 13), "epoch_us": (15, 16), "epoch_ns": (18, 19)}
"""Digits of the years 1973 to 2286."""


def time_formats(name: str, values: Sequence[str], *, is_text: bool) -> Iterator[str]:
    """The formats that all values have.

    Parameters
    ----------
    name
        The name of the column: only that of a time makes epochs of numbers.
    values
        Some values as text, at least one.
    is_text
        Whether the column is text; numbers are days such as 20240131, or epochs.
    """
    stripped = [value.strip() for value in values]
    if not any(map(_PLAUSIBLE.fullmatch, stripped[:_LOOKED_AT])):
        return
    if not is_text or all(value.isdigit() for value in stripped):
        formats: Sequence[str] = ("%Y%m%d", "%Y%m%d%H%M%S")
        yield from _epochs(name, stripped)
    else:
        formats = _FORMATS
    for written in formats:
        if sum(map(_reader(written), stripped)) >= MOSTLY * len(stripped):
            yield written


def is_day_first(written: str) -> bool | None:
    """Whether the day is before a month in digits; None if the order is no question."""
    if "%m" not in written or "%d" not in written or written.startswith("%Y"):
        return None
    return written.index("%d") < written.index("%m")


def _epochs(name: str, values: Sequence[str]) -> Iterator[str]:
    if not _EPOCH_NAME.search(name):
        return
    lengths = {len(value.partition(".")[0]) for value in values}
    if not all(re.fullmatch(r"\d+(\.\d*)?", value) for value in values):
        return
    yield from (epoch for epoch, digits in _EPOCH_DIGITS.items() if lengths <= set(digits))


def _reader(written: str) -> Callable[[str], bool]:
    def reads(value: str) -> bool:
        try:
            year = datetime.strptime(value, written).year
            return _FIRST_YEAR <= year < _LAST_YEAR and len(value) >= _SHORTEST_DATE
        except ValueError:
            return False

    return reads
