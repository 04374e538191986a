"""Dating: which partition a file or a row belongs to."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from mlops_assets.core.periods import Periods
from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.stores.files.source_file import FoundFile

_UNITS = {"daily": ("day", "%Y-%m-%d"), "weekly": ("week", "%Y-%m-%d"), "monthly": ("month", "%Y-%m")}


@dataclass(frozen=True)
class DatedFiles:
    """Files by the partition that their names tell."""

    by_partition: dict[str | None, list[FoundFile]]
    undated: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def period_of(name: str, periods: Periods) -> str | None:
    """The period in a file's name, else in the nearest folder that has one: `2025/2025-03-14_part2.csv`."""
    for part in reversed(name.split("/")):
        if key := periods.find(part):
            return key
    return None


def date_files(found: Sequence[FoundFile], periods: Periods | None, until: datetime) -> DatedFiles:
    """Tell files apart by the date in their names."""
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
        left_out.append(f"{listed(early)}: dated before {periods.first}, the first partition")
    if late:
        left_out.append(f"{listed(late)}: dated after {newest}, the newest partition")
    inside: dict[str | None, list[FoundFile]] = {
        key: dated[key] for key in sorted(filter(None, dated)) if periods.first <= key <= newest
    }
    return DatedFiles(inside, tuple(file.name for file in undated), tuple(left_out))


def period_sql(relation: duckdb.DuckDBPyRelation, column: str, periods: Periods, newest: str | None) -> str:
    """The key of a row's partition; null for one after the newest."""
    kinds = {name.lower(): str(kind) for name, kind in zip(relation.columns, relation.types, strict=True)}
    kind = kinds.get(column.lower())
    if kind is None:
        return literal(periods.first)
    name = quoted(column)
    # By way of text, because a number has no cast to a time, not even one that fails softly.
    time = f"try_cast({name}::varchar as timestamp)"
    if kind == "TIMESTAMP WITH TIME ZONE" or kind.startswith("TIMESTAMPTZ"):
        time = f"({name} at time zone 'UTC')"  # its text depends on where the machine stands
    unit, form = _UNITS[periods.cadence]
    first = f"timestamp {literal(periods.start_of(periods.first))}"
    late = f"when {time} >= timestamp {literal(periods.end_of(newest))} then null" if newest else ""
    return (
        f"case when not coalesce(isfinite({time}), false) or {time} < {first} then {literal(periods.first)} "
        f"{late} else strftime(date_trunc('{unit}', {time}), '{form}') end"
    )


def newest_period(periods: Periods, until: datetime) -> str:
    """Key of the newest period that has begun, or of the last one."""
    begun = periods.key_of(until)
    return begun if periods.last is None else min(begun, periods.last)


def now() -> datetime:
    """The present, as partitions count it."""
    return datetime.now(UTC)


def listed(names: Sequence[str]) -> str:
    """Names for a sentence: the first three, and how many more."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
