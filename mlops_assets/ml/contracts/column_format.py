"""Formats of single columns: how the times or numbers of a column are written in text."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

EPOCHS = {"epoch_s": 10**6, "epoch_ms": 10**3, "epoch_us": 1, "epoch_ns": 0.001}
"""Formats of times as a number since 1970 in UTC, with the microseconds of one unit."""
Decimal = Literal[".", ","]

_DIRECTIVE = re.compile("%(-?.?)")
_DIRECTIVES = {
    *("a", "A", "b", "h", "B", "d", "-d", "m", "-m", "y", "-y", "Y", "j", "-j"),
    *("H", "-H", "I", "-I", "p", "M", "-M", "S", "-S", "f", "g", "n", "z", "%"),
}
"""Those that DuckDB parses to a unique time. Not `%Z`: an abbreviation such as CST names several zones."""
_YEARS = {"Y", "y", "-y"}
_TIMES_OF_DAY = {"H", "-H", "I", "-I", "p", "M", "-M", "S", "-S", "f", "g", "n", "z"}


@dataclass(frozen=True)
class ColumnFormat:
    """The format of a column's texts. A value that is no text, such as a number of Parquet, ignores it.

    Attributes
    ----------
    time
        The format of times: directives of `strptime`, or one of `EPOCHS`. Empty in a format of numbers.
    unit
        The text before or after each number: `$`, `%`, `km`.
    decimal, thousands
        Decimal mark and thousands separator; None for those of the table.
    parentheses
        Whether a number in parentheses is negative.
    """

    time: str = ""
    unit: str = ""
    decimal: str | None = None
    thousands: str | None = None
    parentheses: bool = False

    @classmethod
    def from_settings(cls, declared: "str | Mapping[str, Any]") -> "ColumnFormat":
        """The format of a setting: a text is a format of times, a mapping a format of numbers."""
        return cls(time=declared) if isinstance(declared, str) else cls(**declared)

    def to_settings(self) -> str | dict[str, Any]:
        """The setting of the format, without defaults."""
        if self.time:
            return self.time
        defaults = {each.name: each.default for each in fields(self)}
        return {name: value for name, value in asdict(self).items() if value != defaults[name]}


def time_format_problem(text: str) -> str:
    """What is wrong with a format of times; empty if it is valid."""
    if text in EPOCHS:
        return ""
    directives = _DIRECTIVE.findall(text)
    if not directives:
        return (
            "is neither a format of times such as '%d.%m.%Y %H:%M' nor one of "
            f"{', '.join(EPOCHS)}; write a format of numbers as a mapping, such as {{unit: $}}"
        )
    unknown = [f"%{directive}" for directive in directives if directive not in _DIRECTIVES]
    if unknown == ["%Z"]:
        return "has %Z, names of zones, which are ambiguous; use %z for offsets, or `time_zone`"
    if unknown:
        return f"has {unknown[0]}, which is not a directive; use {_listed()}"
    if not _YEARS & set(directives):
        return "has no year; a time needs %Y or %y"
    if {"I", "-I"} & set(directives) and "p" not in directives:
        return "has %I, hours up to 12, without %p for AM and PM; add it, or use %H"
    return ""


def has_time_of_day(text: str) -> bool:
    """Whether a format of times has more than a date."""
    return text in EPOCHS or not _TIMES_OF_DAY.isdisjoint(_DIRECTIVE.findall(text))


def has_offset(text: str) -> bool:
    """Whether times in a format state their offset."""
    return "z" in _DIRECTIVE.findall(text)


def _listed() -> str:
    return ", ".join(f"%{directive}" for directive in sorted(_DIRECTIVES) if "-" not in directive)
