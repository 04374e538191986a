"""Which days of the prediction log a report reads."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Self

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names
from mlops_assets.core.periods import Cadence, Periods


@dataclass(frozen=True)
class LogWindow:
    """The days of requests that belong to a partition of a report, or to the newest report.

    A day counts once it has ended (UTC). In an event project the requests of a period read features of the
    period before, whose report they belong to.

    Attributes
    ----------
    log
        The key of the log: `project/prediction_log`.
    cadence, first
        The periods of the report; None without partitions.
    after
        The number of periods from a partition to the requests that belong to it.
    days
        Without partitions: the number of the last days that are read.
    """

    log: str
    cadence: Cadence | None
    first: str
    after: int
    days: int

    @classmethod
    def of_project(cls, project: Project, *, days: int | None = None) -> Self | None:
        """The window of a project; None if it does not log predictions.

        Parameters
        ----------
        days
            Without partitions: the number of days that are read; by default `monitoring.live_days`.
        """
        if not project.settings.serving.log.enabled:
            return None
        key = project.key(names.PREDICTION_LOG).to_user_string()
        periods = project.timeline.periods if project.timeline else project.periods_of(names.SCORING)
        days = days or project.settings.monitoring.live_days
        if periods is None:
            return cls(key, None, "", 0, days)
        return cls(key, periods.cadence, periods.first, int(project.timeline is not None), days)

    @classmethod
    def of_metadata(cls, value: object) -> Self | None:
        """The window in the metadata of a report; None if it reads no log."""
        found: Mapping[str, Any] | None = json.loads(value) if isinstance(value, str) else None
        return None if found is None else cls(**found)

    def to_text(self) -> str:
        """The window as JSON."""
        return json.dumps(vars(self))

    def chosen(self, partition: str | None, logged: Iterable[str], today: date | None = None) -> list[str]:
        """The days of a partition among the logged ones."""
        current = (today or datetime.now(UTC).date()).isoformat()
        ended = sorted(day for day in logged if day < current)
        if self.cadence is None or partition is None:
            return ended[-self.days :]
        periods = Periods(self.cadence, self.first)
        wanted = periods.shift(partition, self.after)
        return [day for day in ended if periods.key_of(date.fromisoformat(day)) == wanted]

    def partition_of(self, day: str) -> str | None:
        """The partition that a day of requests belongs to; None without partitions."""
        if self.cadence is None:
            return None
        periods = Periods(self.cadence, self.first)
        return periods.shift(periods.key_of(date.fromisoformat(day)), -self.after)


def table_key(project: Project) -> list[str]:
    """The columns that identify a row of the table of a static project; empty if none are declared."""
    return list(project.read_tables[project.table].key) if project.timeline is None else []


def measurable_log(project: Project) -> LogWindow | None:
    """The days of the log whose predictions are compared with targets; None if no target can be joined.

    A target belongs to an entity and a partition, or in a static project to the key of the table. A sensitive
    key is in the log only as a digest.
    """
    log, key = project.settings.serving.log, table_key(project)
    if project.timeline is not None:
        return LogWindow.of_project(project)
    if not key or (log.sensitive == "drop" and set(key) & project.sensitive):
        return None
    days = project.settings.monitoring.performance.live_days
    return LogWindow.of_project(project, days=days or log.retention_days)
