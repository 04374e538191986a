"""Periods: the days, working days, weeks or months that are the partitions of an event project."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Literal

from mlops_assets.core.errors import ProjectError

Cadence = Literal["daily", "weekdays", "weekly", "monthly"]
_DATE = re.compile(r"(?<!\d)(\d{4})(-?)(\d{2})(?:\2(\d{2}))?(?!\d)")
"""`2025-03`, `202503`, `2025-03-31` or `20250331`, not next to another digit."""
_FRIDAY = 4


@dataclass(frozen=True)
class Periods:
    """Days, working days, weeks (from Monday) or months, in order.

    Working days are Monday to Friday; a Friday lasts until Monday. The key of a day or week is its first day,
    `2025-03-31`; the key of a month is `2025-03`. Keys sort chronologically.

    Attributes
    ----------
    first
        Key of the first period.
    last
        Key of the last period; None if there is no end.
    by_batch
        Whether each batch of rows counts when it arrives: the current period is one of the periods, and one
        without rows is none. Otherwise a period counts once it has ended, and is information even if it is
        empty.
    """

    cadence: Cadence
    first: str
    last: str | None = None
    by_batch: bool = False

    @classmethod
    def of(cls, cadence: Cadence, start: str, end: str | None = None, *, by_batch: bool = False) -> "Periods":
        """Return the periods from the one that contains `start` to the one that contains `end`.

        Raises
        ------
        ProjectError
            When `start` or `end` is not a date, or `end` is before `start`.
        """
        keys = []
        for text in (start, *([end] if end else [])):
            found = cls(cadence, "").find(text, whole=True)
            if found is None:
                shape = "2025-03" if cadence == "monthly" else "2025-03-31"
                raise ProjectError(
                    f"{text} is not a valid start or end of {cadence} partitions",
                    hint=f"write it as {shape}",
                )
            keys.append(found)
        if end and keys[1] < keys[0]:
            raise ProjectError(
                f"the end of the partitions, {keys[1]}, is before their start, {keys[0]}",
                hint="correct `start` or `end`",
            )
        return cls(cadence, keys[0], keys[1] if end else None, by_batch)

    def __contains__(self, key: str) -> bool:
        return self.is_key(key) and self.first <= key and (self.last is None or key <= self.last)

    def is_key(self, text: str) -> bool:
        """Return whether a text is a key of this cadence, inside the periods or not."""
        return _is_key(self.cadence, text)

    def find(self, text: str, *, whole: bool = False) -> str | None:
        """Return the key of the first date in a text, such as a file name; None without a date.

        Parameters
        ----------
        whole
            Require that the whole text is a date.
        """
        for match in [_DATE.fullmatch(text)] if whole else _DATE.finditer(text):
            if match is None or not (match[4] or self.cadence == "monthly"):
                continue
            try:
                return self.key_of(date(int(match[1]), int(match[3]), int(match[4] or 1)))
            except ValueError:  # such as month 13
                continue
        return None

    def key_of(self, when: date) -> str:
        """Return the key of the period that contains a date or timestamp."""
        day = when.date() if isinstance(when, datetime) else when
        match self.cadence:
            case "daily":
                return day.isoformat()
            case "weekdays":
                return (day - timedelta(days=max(day.weekday() - _FRIDAY, 0))).isoformat()
            case "weekly":
                return (day - timedelta(days=day.weekday())).isoformat()
            case "monthly":
                return f"{day.year:04}-{day.month:02}"

    def start_of(self, key: str) -> datetime:
        """Return the start of a period, inclusive."""
        return datetime.fromisoformat(f"{key}-01" if self.cadence == "monthly" else key)

    def end_of(self, key: str) -> datetime:
        """Return the end of a period, exclusive: the start of the next one."""
        return self.start_of(self.shift(key, 1))

    def newest(self, now: datetime) -> str:
        """Return the key of the newest completed period, by batch the current one; at most the last one."""
        newest = self.shift(self.key_of(now), 0 if self.by_batch else -1)
        return newest if self.last is None else min(newest, self.last)

    def shift(self, key: str, by: int) -> str:
        """Return the key of the period `by` periods later; earlier if `by` is negative."""
        start = self.start_of(key)
        match self.cadence:
            case "daily":
                return self.key_of(start + timedelta(days=by))
            case "weekdays":
                weeks, weekday = divmod(start.weekday() + by, _FRIDAY + 1)
                return self.key_of(start + timedelta(weeks=weeks, days=weekday - start.weekday()))
            case "weekly":
                return self.key_of(start + timedelta(weeks=by))
            case "monthly":
                months = start.year * 12 + start.month - 1 + by
                return f"{months // 12:04}-{months % 12 + 1:02}"

    def between(self, first: str, last: str) -> list[str]:
        """Return the keys from `first` to `last`, inclusive; empty if `last` is before `first`."""
        return list(self._walk(first, last))

    def parse_range(self, text: str) -> list[str]:
        """Return the keys of a range such as `2024-06..2025-06`, or of a single key.

        Raises
        ------
        ProjectError
            When a bound is not a key of these periods.
        """
        first, dots, last = text.partition("..")
        bounds = [first.strip(), last.strip() if dots else first.strip()]
        for bound in bounds:
            if bound not in self:
                until = f" to {self.last}" if self.last else ""
                raise ProjectError(
                    f"{bound or repr(text)} is not a partition: partitions are {self.cadence}, from "
                    f"{self.first}{until}",
                    hint=f"write it as {self.first}, or a range as {self.first}..{self.shift(self.first, 2)}",
                )
        if bounds[1] < bounds[0]:
            raise ProjectError(
                f"{text}: the range ends before it starts", hint=f"write it as {bounds[1]}..{bounds[0]}"
            )
        return self.between(*bounds)

    def _walk(self, first: str, last: str) -> Iterator[str]:
        key = first
        while key <= last:
            yield key
            key = self.shift(key, 1)


@lru_cache(maxsize=10_000)  # the same few keys are in thousands of events
def _is_key(cadence: Cadence, text: str) -> bool:
    return Periods(cadence, "").find(text, whole=True) == text
