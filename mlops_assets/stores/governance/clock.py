"""The clock of the machine in comparison with the times in a ledger, whose order is that of its sequence."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from mlops_assets.stores.governance.ledger.entries import Entry

_TOLERANCE = timedelta(seconds=1)
"""Clocks of machines that share a warehouse differ a little."""


def clock_notes(entries: Sequence[Entry], now: datetime) -> Iterator[str]:
    """A note for each entry whose time is before that of the entry before, and for a clock that is behind.

    Parameters
    ----------
    entries
        All entries of a ledger, in order.
    now
        The time by the clock of this machine, with a time zone.
    """
    for before, entry in pairwise(entries):
        if before.at - entry.at > _TOLERANCE:
            earlier = _duration(before.at - entry.at)
            yield (
                f"ledger entry {entry.sequence} has the time {_shown(entry.at)}, {earlier} before entry "
                f"{before.sequence}: the clock was set back, or was ahead before. The order of entries is "
                "their sequence"
            )
    if note := clock_note(entries, now):
        yield note


def clock_note(entries: Sequence[Entry], now: datetime) -> str | None:
    """A note if the clock of this machine is behind the times in a ledger; None if it is not."""
    latest = max(entries, key=lambda entry: entry.at, default=None)
    if latest is None or latest.at - now <= _TOLERANCE:
        return None
    return (
        f"the clock of this machine shows {_shown(now)}, {_duration(latest.at - now)} before ledger entry "
        f"{latest.sequence} of {_shown(latest.at)}: the clock was set back, or was ahead before. Set it: "
        "ages, reminders and retention depend on it. The order of versions and of ledger entries does not"
    )


def _shown(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def _duration(time: timedelta) -> str:
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if time.total_seconds() >= size:
            number = round(time.total_seconds() / size)
            return f"{number:,} {unit}{'' if number == 1 else 's'}"
    return f"{time.total_seconds():.0f} s"
