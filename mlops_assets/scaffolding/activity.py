"""Doubt about the default target of an event log whose entities have rows all the time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlops_assets.core.periods import Periods
from mlops_assets.core.sql_quoting import literal, quoted
from mlops_assets.scaffolding.table_draft import TableDraft

if TYPE_CHECKING:
    import pandas as pd

_ALWAYS = 0.99
"""From this share of partitions with rows of an entity on, hardly any entity is ever without."""


def always_active(
    table: TableDraft, rows: "pd.DataFrame", time: str, entity: Sequence[str], periods: Periods
) -> list[str]:
    """A doubt with another target, if nearly all entities have rows in all complete partitions."""
    share = _active_share(rows, time, entity, periods)
    if share < _ALWAYS:
        return []
    return [
        f"{100 * share:.0f} % of the partitions of each {' and '.join(entity)} have rows, so hardly any is "
        f'ever inactive; predict something else, such as --target "{_example(table, time, entity)}"'
    ]


def _active_share(rows: "pd.DataFrame", time: str, entity: Sequence[str], periods: Periods) -> float:
    """The share of pairs of an entity and a complete partition that have rows."""
    import pandas as pd

    known = rows[[*entity, time]].dropna()
    days = pd.to_datetime(known[time]).dt.normalize()
    keys = days.map({day: periods.key_of(day.to_pydatetime()) for day in days.unique()})
    last = periods.last or periods.newest(days.max().to_pydatetime())
    pairs = known[[*entity]].assign(**{time: keys})[keys.between(periods.first, last)].drop_duplicates()
    possible = len(known[[*entity]].drop_duplicates()) * len(periods.between(periods.first, last))
    return len(pairs) / max(possible, 1)


def _example(table: TableDraft, time: str, entity: Sequence[str]) -> str:
    """A target of the columns of the log: a rare text, else the average of a number."""
    others = [column for column in table.columns if column.name not in (time, *entity)]
    for column in others:
        if column.sql_type == "VARCHAR" and len(column.values) > 1:
            rare = min(column.values, key=lambda text: column.values[text])
            return f"count(*) filter ({_name(column.name)} = {literal(rare)}) > 0"
    numbers = [column.name for column in others if column.is_number and not column.is_unique]
    return f"avg({_name(numbers[0])})" if numbers else "count(*)"


def _name(name: str) -> str:
    return name if name.isidentifier() else quoted(name)
