"""Draft of an event project: partitions, features of recency, frequency and value, and a target."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Self

import duckdb

from mlops_assets.core.errors import DataError, ProjectError
from mlops_assets.core.periods import Cadence, Periods
from mlops_assets.core.sql_quoting import quoted
from mlops_assets.ml.metrics.tasks import Metric, Task, default_metric
from mlops_assets.scaffolding.activity import always_active
from mlops_assets.scaffolding.column_profile import ColumnProfile
from mlops_assets.scaffolding.log_periods import log_periods, longest_cadence
from mlops_assets.scaffolding.table_draft import LEAST_REJECTED_SHARE, TableDraft, identifier

if TYPE_CHECKING:
    import pandas as pd

INACTIVE = "inactive"
"""The target of a log without a target expression: an entity has no rows in the horizon."""
TARGET = "target"
_MOST_VALUES = 5
"""Maximum number of values of a text whose share is a feature."""
_MOST_COLUMNS = 12
"""Maximum number of columns that features are derived from."""
_EARLY_SHARE = 0.001
"""Rows before this quantile of the time do not decide the first partition: a few have a wrong time."""
_HORIZON: dict[Cadence, int] = {"monthly": 1, "weekly": 4, "daily": 7, "weekdays": 5}
_LOOKBACK: dict[Cadence, int] = {"monthly": 12, "weekly": 26, "daily": 56, "weekdays": 40}
_NOUNS: dict[Cadence, str] = {
    "monthly": "month",
    "weekly": "week",
    "daily": "day",
    "weekdays": "working day",
}
_WINDOWS: dict[Cadence, dict[str, int]] = {
    "monthly": {"1 month": 1, "3 months": 3},
    "weekly": {"7 days": 1, "28 days": 4},
    "daily": {"1 day": 1, "7 days": 7},
    "weekdays": {"1 day": 1, "7 days": 5},
}
"""Windows of features, and the partitions that they span."""
_TRAINING: dict[Cadence, str] = {
    "monthly": "0 7 2 * *  # at 7 on the second of each month, if something has changed",
    "weekly": "0 7 * * 1  # at 7 on Mondays, if something has changed",
    "daily": "0 7 * * *  # at 7 every day, if something has changed",
    "weekdays": "0 7 * * 2-6  # at 7 on the day after a working day, if something has changed",
}


@dataclass(frozen=True, kw_only=True)
class EventDraft(TableDraft):
    """Content of the first files of an event project.

    Attributes
    ----------
    time
        The column with the time of an event.
    entity
        The columns that identify what is predicted.
    periods
        The partitions.
    horizon
        Number of partitions that the target looks at.
    expression
        The target as an aggregate over the rows of the horizon; empty if the target is that there are none.
    by_file_name
        Whether the dates in the names of the files assign them to partitions.
    """

    time: ColumnProfile
    entity: tuple[ColumnProfile, ...]
    periods: Periods
    horizon: int
    task: Task
    expression: str = ""
    by_file_name: bool = False

    @classmethod
    def of(
        cls,
        table: TableDraft,
        *,
        sample: "pd.DataFrame",
        time: str,
        entity: Sequence[str],
        files: Sequence[str],
        horizon: int | None = None,
        cadence: Cadence | None = None,
        expression: str = "",
        now: datetime | None = None,
    ) -> Self:
        """Draft an event project.

        Parameters
        ----------
        sample
            Typed rows of the table.
        files
            Names of the source's files.
        horizon
            Number of partitions; by default one month, four weeks or seven days.
        cadence
            By default months, weeks or days, whichever is the longest of which the log has enough.

        Raises
        ------
        ProjectError
            When a column does not exist, or the expression can't be computed.
        DataError
            When the time is not a time, or the log is too short for the horizon.
        """
        found = {column.name: column for column in table.columns}
        if unknown := [name for name in (time, *entity) if name not in found]:
            raise ProjectError(
                f"{table.project}: {table.origin} has no column {', '.join(unknown)}",
                hint=table.choice,
            )
        if found[time].sql_type not in ("TIMESTAMP", "DATE"):
            raise DataError(
                f"{table.project}: column {time} has no times but {found[time].sql_type.lower()}, from "
                f"{found[time].least} to {found[time].greatest}",
                hint="choose another --time, or write all times in one format, such as 2025-03-31 12:30",
            )
        now = now or datetime.now(UTC).replace(tzinfo=None)
        times = sample[time].dropna().astype("datetime64[us]").sort_values()
        first = datetime.fromisoformat(str(times.iloc[int(times.size * _EARLY_SHARE)])[:19])
        last = greatest = datetime.fromisoformat(found[time].greatest)
        doubts = list(table.doubts)
        latest = now + timedelta(days=1)  # a local time may be ahead of UTC
        if greatest > latest and (past := times[times <= latest]).size:
            last = past.iloc[-1].to_pydatetime()
            doubts.append(
                f"some rows have a future {time}, up to {greatest}; they belong to no partition yet"
            )
        cadence = cadence or longest_cadence(first, last)
        horizon = horizon or _HORIZON[cadence]
        periods = log_periods(cadence, first, last, now)
        if (least := datetime.fromisoformat(found[time].least)) < periods.start_of(periods.first):
            doubts.append(
                f"few rows have an earlier {time}, from {least}; partitions start with {periods.first}"
            )
        known = len(periods.between(periods.first, periods.last or periods.newest(last)))
        if known < 3 * horizon + 1:
            raise DataError(
                f"{table.project}: {table.origin} has {known} {cadence} partitions, from {first.date()} to "
                f"{last.date()}; a horizon of {horizon} requires at least {3 * horizon + 1}",
                hint="choose a shorter --horizon or another --cadence, or provide a longer log",
            )
        if not expression:
            doubts += always_active(table, sample, time, entity, periods)
        return cls(
            **{**vars(table), "doubts": tuple(doubts)},
            time=found[time],
            entity=tuple(found[name] for name in entity),
            periods=periods,
            horizon=horizon,
            task=_task_of(table.project, sample, entity, expression) if expression else "binary",
            expression=expression,
            by_file_name=len({periods.find(name) for name in files} - {None}) == len(files) > 1,
        )

    @property
    def metric(self) -> Metric:
        return default_metric(self.task)

    @property
    def target_name(self) -> str:
        return TARGET if self.expression else INACTIVE

    @property
    def future(self) -> str:
        """The horizon in words, such as `month` or `3 months`."""
        noun = _NOUNS[self.periods.cadence]
        return noun if self.horizon == 1 else f"{self.horizon} {noun}s"

    @property
    def description(self) -> str:
        entity = " and ".join(column.name for column in self.entity)
        what = f"{self.expression} of" if self.expression else "no row of"
        return f"Predicts, for each {entity}: {what} {self.table} in the next {self.future}."

    @property
    def lookback(self) -> int:
        """Number of partitions that the features are computed from; at most half of the log."""
        known = len(self.periods.between(self.periods.first, self.periods.last or self.periods.first))
        return max(1, min(_LOOKBACK[self.periods.cadence], known // 2 or _LOOKBACK[self.periods.cadence]))

    @property
    def max_rejected_share(self) -> float:
        """Limit for a partition: twice the share of rows without time or entity, which vary over time."""
        share = max(column.nulls for column in (self.time, *self.entity)) / self.rows
        return min(0.99, max(LEAST_REJECTED_SHARE, ceil(share * 200) / 100))

    @property
    def windows(self) -> list[tuple[str, str]]:
        """A short and a medium window within the lookback, as an interval of SQL and as the end of a name."""
        windows = _WINDOWS[self.periods.cadence].items()
        return [(window, window.replace(" ", "_")) for window, spanned in windows if spanned <= self.lookback]

    @property
    def training_cron(self) -> str:
        return _TRAINING[self.periods.cadence]

    @property
    def numbers(self) -> list[ColumnProfile]:
        """Columns whose sums and averages are features."""
        return [column for column in self._described if column.is_number][:_MOST_COLUMNS]

    @property
    def texts(self) -> list[tuple[ColumnProfile, dict[str, str]]]:
        """Columns of text with the most frequent values, whose share is a feature, and the feature's name."""
        found = []
        for column in [each for each in self._described if each.sql_type == "VARCHAR"][:_MOST_COLUMNS]:
            frequent = sorted(column.values, key=lambda value: -column.values[value])[:_MOST_VALUES]
            plain = [identifier(value).lower() for value in frequent]
            names = plain if len(set(plain)) == len(plain) else [str(n) for n in range(1, len(plain) + 1)]
            start = f"share_{self.identifiers[column.name]}_"
            found.append((column, {value: start + name for value, name in zip(frequent, names, strict=True)}))
        return found

    @property
    def flags(self) -> list[ColumnProfile]:
        """Columns of booleans, whose share of true values is a feature."""
        return [column for column in self._described if column.sql_type == "BOOLEAN"]

    @property
    def notes(self) -> list[str]:
        """Notes for the user before the first run."""
        notes = [*self.doubts, *self.hints.values()]
        if self.periods.last:
            notes.append(
                f"partitions end with {self.periods.last}, the last complete one of the log; remove "
                "partitions.end when later rows arrive"
            )
        notes += [
            f"{column.nulls:,} of {column.rows:,} rows have no {column.name} and will be quarantined"
            for column in (self.time, *self.entity)
            if column.nulls
        ]
        return notes

    def role(self, column: ColumnProfile) -> str:
        """What the column is for the features."""
        if column == self.time:
            return "time"
        if column in self.entity:
            return "entity"
        if column.name in self.key:
            return "identifies a row"
        if column.name in self.sensitive:
            return "sensitive"
        return "source of features" if column in self._described else "no feature"

    @property
    def required(self) -> set[str]:
        return {self.time.name, *(column.name for column in self.entity)}

    @property
    def _described(self) -> list[ColumnProfile]:
        """The columns that describe an event: neither time, entity nor identifiers, and not constant."""
        aside = {*self.required, *self.key, *(self.ids or ()), *self.sensitive}
        return [
            column
            for column in self.columns
            if column.name not in aside and not column.is_row_number and column.distinct > 1
        ]


def _task_of(project: str, sample: "pd.DataFrame", entity: Sequence[str], expression: str) -> Task:
    """The task of an expression, by its type.

    Raises
    ------
    ProjectError
        When it can't be computed, or is neither a number nor a truth value.
    """
    by = ", ".join(map(quoted, entity))
    with duckdb.connect() as connection:
        connection.register("events", sample)
        try:
            kind = connection.sql(f"select {expression} from events group by {by}").types[0]
        except duckdb.Error as error:
            raise ProjectError(
                f"{project}: the target {expression!r} can't be computed: {str(error).splitlines()[0]}",
                hint="write an aggregate over the rows of an entity in the horizon, such as sum(amount) or "
                "count(*) >= 3",
            ) from error
    if kind.id == "boolean":
        return "binary"
    if kind.id in ("varchar", "date", "timestamp") or kind.id in ("list", "struct", "map"):
        raise ProjectError(
            f"{project}: the target {expression!r} is of type {kind}: neither a number nor a truth value",
            hint="write an aggregate such as sum(amount) or count(*) >= 3",
        )
    return "regression"
