"""Periods: the partitions of an event project, without Dagster."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from mlops_assets.core.errors import ProjectError

Cadence = Literal["daily", "weekly", "monthly"]
_DATE = re.compile(r"(?<!\d)(\d{4})(-?)(\d{2})(?:\2(\d{2}))?(?!\d)")
"""`2025-03`, `202503`, `2025-03-31` or `20250331`, between anything that is no digit."""


@dataclass(frozen=True)
class Periods:
    """The days, weeks (from Monday) or months since a first one.

    A key is the period's first day, `2025-03-31`; of months `2025-03`. Keys sort as their periods do.

    Attributes
    ----------
    first
        Key of the first period.
    last
        Key of the last period; None when they go on for ever.
    """

    cadence: Cadence
    first: str
    last: str | None = None

    @classmethod
    def of(cls, cadence: Cadence, start: str, end: str | None = None) -> "Periods":
        """Periods from the one that holds the day (or month) `start` to the one that holds `end`.

        Raises
        ------
        ProjectError
            When one of them is no date, or the end lies before the start.
        """
        keys = []
        for text in (start, *([end] if end else [])):
            found = cls(cadence, "").find(text, whole=True)
            if found is None:
                shape = "2025-03" if cadence == "monthly" else "2025-03-31"
                raise ProjectError(
                    f"{text} is no start or end of {cadence} partitions", hint=f"write {shape}"
                )
            keys.append(found)
        if end and keys[1] < keys[0]:
            raise ProjectError(f"partitions can't start with {keys[0]} and end with {keys[1]}")
        return cls(cadence, keys[0], keys[1] if end else None)

    def __contains__(self, key: str) -> bool:
        return self.is_key(key) and self.first <= key and (self.last is None or key <= self.last)

    def is_key(self, text: str) -> bool:
        """Whether a text is written as a key of this cadence, of whatever period."""
        return self.find(text, whole=True) == text

    def find(self, text: str, *, whole: bool = False) -> str | None:
        """Key of the period of the first date in a text, such as a file's name; None when there is none.

        Parameters
        ----------
        whole
            Whether the text must be nothing but a date.
        """
        for match in [_DATE.fullmatch(text)] if whole else _DATE.finditer(text):
            if match is None or not (match[4] or self.cadence == "monthly"):
                continue
            try:
                return self.key_of(date(int(match[1]), int(match[3]), int(match[4] or 1)))
            except ValueError:  # month 13: no date after all
                continue
        return None

    def key_of(self, moment: date) -> str:
        """Key of the period that holds a day or a moment."""
        day = moment.date() if isinstance(moment, datetime) else moment
        match self.cadence:
            case "daily":
                return day.isoformat()
            case "weekly":
                return (day - timedelta(days=day.weekday())).isoformat()
            case "monthly":
                return f"{day.year:04}-{day.month:02}"

    def start_of(self, key: str) -> datetime:
        """First moment of a period."""
        return datetime.fromisoformat(f"{key}-01" if self.cadence == "monthly" else key)

    def end_of(self, key: str) -> datetime:
        """First moment after a period: what is known then is what arrived in it or before."""
        return self.start_of(self.shift(key, 1))

    def newest(self, now: datetime) -> str:
        """Key of the newest period that has ended, or of the last one when that is before."""
        ended = self.shift(self.key_of(now), -1)
        return ended if self.last is None else min(ended, self.last)

    def shift(self, key: str, by: int) -> str:
        """Key of the period so many periods later, or earlier."""
        start = self.start_of(key)
        match self.cadence:
            case "daily":
                return self.key_of(start + timedelta(days=by))
            case "weekly":
                return self.key_of(start + timedelta(weeks=by))
            case "monthly":
                months = start.year * 12 + start.month - 1 + by
                return f"{months // 12:04}-{months % 12 + 1:02}"

    def between(self, first: str, last: str) -> list[str]:
        """Keys from the first to the last, both included; empty when the last lies before the first."""
        return list(self._walk(first, last))

    def parse_range(self, text: str) -> list[str]:
        """Keys of `2024-06..2025-06`, or of one key alone.

        Raises
        ------
        ProjectError
            When a bound is no key of these periods.
        """
        first, dots, last = text.partition("..")
        bounds = [first.strip(), last.strip() if dots else first.strip()]
        for bound in bounds:
            if bound not in self:
                until = f" to {self.last}" if self.last else ""
                raise ProjectError(
                    f"{bound or repr(text)} is no partition: they are {self.cadence}, from "
                    f"{self.first}{until}",
                    hint=f"write it as {self.first}, or a range as {self.first}..{self.shift(self.first, 2)}",
                )
        if bounds[1] < bounds[0]:
            raise ProjectError(f"{text}: the range ends before it starts", hint=f"{bounds[1]}..{bounds[0]}")
        return self.between(*bounds)

    def _walk(self, first: str, last: str) -> Iterator[str]:
        key = first
        while key <= last:
            yield key
            key = self.shift(key, 1)
