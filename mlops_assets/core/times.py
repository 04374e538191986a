"""Times: durations as short texts, and the time zones that the machine knows."""

import zoneinfo
from datetime import datetime
from functools import cache

_UNITS = (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0))


def short_duration(seconds: float) -> str:
    """A duration in its largest unit, such as `3 h`; below a minute in seconds."""
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 1 else "0 s" if seconds <= 0 else "1 s"


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago a time is, such as `3 h ago`; `in 3 h` for a coming one."""
    if at is None:
        return "never"
    seconds = (now - at).total_seconds()
    return f"{short_duration(seconds)} ago" if seconds >= 0 else f"in {short_duration(-seconds)}"


def is_timezone(name: str) -> bool:
    """Whether a name is that of a time zone; `UTC` is known without reading the names."""
    return name == "UTC" or name in available_timezones()


@cache
def available_timezones() -> frozenset[str]:
    """The names of all time zones; Python's function reads a directory of files in each call."""
    return frozenset(zoneinfo.available_timezones())
