"""The partitions that suit the length of an event log."""

from datetime import datetime, timedelta

from mlops_assets.core.periods import Cadence, Periods

_LEAST_PERIODS: dict[Cadence, int] = {"monthly": 12, "weekly": 12, "daily": 1}


def longest_cadence(first: datetime, last: datetime) -> Cadence:
    """Months, weeks or days, whichever is the longest of which the log has enough."""
    for cadence in ("monthly", "weekly"):
        periods = Periods.of(cadence, first.date().isoformat()[: 7 if cadence == "monthly" else 10])
        if len(periods.between(periods.first, periods.key_of(last))) > _LEAST_PERIODS[cadence]:
            return cadence
    return "daily"


def log_periods(cadence: Cadence, first: datetime, last: datetime, now: datetime) -> Periods:
    """Partitions from the first event on; up to the last complete one if the log is not continued."""
    start = Periods.of(cadence, first.date().isoformat())
    ended = start.key_of(last)
    if start.end_of(ended) - last > timedelta(days=1):  # later rows of this period are missing
        ended = start.shift(ended, -1)
    continued = start.shift(start.key_of(now), -1) <= ended
    return Periods.of(cadence, start.first, None if continued else ended)
