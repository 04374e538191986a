"""The time zones that the machine knows."""

import zoneinfo
from functools import cache


@cache
def available_timezones() -> frozenset[str]:
    """The names of all time zones; Python's function reads a directory of files in each call."""
    return frozenset(zoneinfo.available_timezones())
