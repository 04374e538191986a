"""The partition of a file, by the date in its name, or of a row, by its time."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from mlops_assets.core.periods import Periods
from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.ml.contracts.time_sql import ISO_IN_UTC, TimeText, arrival_sql
from mlops_assets.stores.files.source_file import FoundFile

_KEYS = {
    "daily": "strftime({time}, '%Y-%m-%d')",
    "weekdays": "strftime({time} - to_days(greatest(isodow({time})::integer - 5, 0)), '%Y-%m-%d')",
    "weekly": "strftime(date_trunc('week', {time}), '%Y-%m-%d')",
    "monthly": "strftime({time}, '%Y-%m')",
}
"""The key of the period of a time, as SQL."""


@dataclass(frozen=True)
class DatedFiles:
    """Listed files by partition.

    Attributes
    ----------
    undated
        The names of files without a date in their path.
    left_out
        A message for each reason why dated files belong to no partition, or a partition has no file.
    """

    by_partition: dict[str | None, list[FoundFile]]
    undated: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def period_of(name: str, periods: Periods) -> str | None:
    """The period of the date in a file's name, or in the name of the nearest folder that has a date.

    Examples
    --------
    >>> period_of("2025/2025-03-14_part2.csv", Periods("monthly", "2025-01"))
    '2025-03'
    """
    for part in reversed(name.split("/")):
        if key := periods.find(part):
            return key
    return None


def date_files(found: Sequence[FoundFile], periods: Periods | None, until: datetime) -> DatedFiles:
    """Assign files to partitions by the dates in their names; without periods all are one partition."""
    if periods is None:
        return DatedFiles({None: list(found)} if found else {})
    newest = newest_period(periods, until)
    dated: dict[str | None, list[FoundFile]] = defaultdict(list)
    for file in found:
        dated[period_of(file.name, periods)].append(file)
    undated = dated.pop(None, [])
    early = [file.name for key, files in dated.items() if key and key < periods.first for file in files]
    late = [file.name for key, files in dated.items() if key and key > newest for file in files]
    left_out = []
    if early:
        left_out.append(f"{enumerated(early)}: dated before {periods.first}, the first partition")
    if late:
        left_out.append(f"{enumerated(late)}: dated after {newest}, the newest partition")
    inside: dict[str | None, list[FoundFile]] = {
        key: dated[key] for key in sorted(filter(None, dated)) if periods.first <= key <= newest
    }
    if not periods.by_batch:
        left_out.extend(_missing_files(periods, sorted(filter(None, inside))))
    return DatedFiles(inside, tuple(file.name for file in undated), tuple(left_out))


def period_sql(
    relation: duckdb.DuckDBPyRelation,
    column: str,
    periods: Periods,
    newest: str | None,
    time_text: TimeText = ISO_IN_UTC,
) -> str:
    """SQL expression of a row's partition.

    Rows without a valid time, and rows before the first period, belong to the first partition; the contract
    validates them there. The expression is null for rows after the newest period.

    Parameters
    ----------
    newest
        The newest period; None for no limit.
    time_text
        How the times are written; periods are in UTC.
    """
    if column.lower() not in [name.lower() for name in relation.columns]:
        return literal(periods.first)
    time = arrival_sql(quoted(column), time_text)
    key = _KEYS[periods.cadence].format(time=time)
    first = f"timestamp {literal(periods.start_of(periods.first))}"
    late = f"when {time} >= timestamp {literal(periods.end_of(newest))} then null" if newest else ""
    return (
        f"case when not coalesce(isfinite({time}), false) or {time} < {first} then {literal(periods.first)} "
        f"{late} else {key} end"
    )


def newest_period(periods: Periods, until: datetime) -> str:
    """The newest period that has begun, but not after the last one."""
    begun = periods.key_of(until)
    return begun if periods.last is None else min(begun, periods.last)


def now() -> datetime:
    """The current time in UTC, which partitions are based on."""
    return datetime.now(UTC)


def late_rows(count: int, column: str | None, newest: str | None) -> tuple[str, ...]:
    """The message about rows after the newest partition; empty without such rows."""
    rows = f"{count} {'row' if count == 1 else 'rows'}"
    return (f"{rows}: {column} is after {newest}, the newest partition",) if count else ()


def _missing_files(periods: Periods, keys: Sequence[str]) -> list[str]:
    """The message about periods without a file between others; empty without such periods."""
    missing = sorted(set(periods.between(keys[0], keys[-1])) - set(keys)) if keys else []
    if not missing:
        return []
    weekends = periods.cadence == "daily" and all(periods.start_of(key).weekday() >= 5 for key in missing)
    remedy = "declare `partitions.cadence: weekdays`" if weekends else "add a file with a header only"
    return [
        f"no file for {enumerated(missing)}, although later partitions have one: targets whose horizon "
        "includes such a partition are not computed, and later features lack its rows. "
        f"If it has no events, {remedy}"
    ]


def enumerated(names: Sequence[str]) -> str:
    """The first three names, and the number of the others."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
