"""data_quality: figures of the rows of each partition, compared with the partitions before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.monitoring.monitoring_asset import ReportInputs, monitoring_asset
from mlops_assets.components.model_project.monitoring.partition_figures import (
    content_digest,
    table_figures,
)
from mlops_assets.components.model_project.monitoring.quality_rows import (
    COLUMNS,
    StoredFigures,
    in_line_outcome,
    past_versions,
    plots,
    quality_rows,
    stored_figures,
)
from mlops_assets.components.model_project.monitoring.report import Report, ReportRun
from mlops_assets.components.model_project.project.partitions import history_mapping
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names
from mlops_assets.core.periods import Cadence, Periods

if TYPE_CHECKING:
    from mlops_assets.ml.monitoring.past_figures import FigureKey
    from mlops_assets.ml.monitoring.row_figures import Figure

IN_LINE_WITH_PAST = "in_line_with_past"
_SEASONS: Mapping[Cadence, tuple[int, int]] = {
    "monthly": (12, 36),
    "weekly": (52, 104),
    "weekdays": (5, 130),
    "daily": (7, 182),
}
"""For each cadence, the number of periods of a season, and of the default history."""
_VERSIONS = 36
"""Number of earlier contents that rows without partitions are compared with."""


def data_quality_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that measures the rows of each partition."""
    tables = monitored_tables(project)
    periods = _periods(project)
    # Both tables of a step change together: one is required for the partition itself, the other one brings
    # the partitions before it, of which some may be missing.
    past = history_mapping(_history(project)) if periods else None
    return monitoring_asset(
        project,
        names.DATA_QUALITY,
        description="Figures of the rows of each partition, such as numbers of rows, missing values, means, "
        "categories and rejected rows, each with the range that the partitions before it suggest.",
        inputs=ReportInputs(
            required=[project.table_key(names.QUARANTINE, table) for table in tables],
            optional=[
                dg.AssetDep(project.table_key(names.VALIDATED, table), partition_mapping=past)
                for table in tables
            ],
            reads_blocked=True,
        ),
        columns=COLUMNS,
        checks={
            IN_LINE_WITH_PAST: "Each figure is in the range that the partitions before suggest: their level, "
            "trend or season."
        },
        code=[
            "data_quality 3",
            repr((_history(project), project.settings.monitoring.data_quality.false_alarms)),
        ],
        prepare=lambda run: _QualityReports(run).report,
    )


def monitored_tables(project: Project) -> list[str]:
    """The tables whose rows arrive by partition, or the rows of `scoring`."""
    return project.event_tables if project.timeline else [names.SCORING]


def _periods(project: Project) -> Periods | None:
    return project.timeline.periods if project.timeline else project.periods_of(names.SCORING)


def _history(project: Project) -> int:
    """The number of partitions that one is compared with."""
    periods = _periods(project)
    default = _SEASONS[periods.cadence][1] if periods else _VERSIONS
    return project.settings.monitoring.data_quality.history or default


@dataclass
class _QualityReports:
    """The reports of one run, which share the figures of earlier partitions."""

    run: ReportRun
    stored: "dict[str | None, StoredFigures]" = field(default_factory=dict)
    _measured: "dict[tuple[str, str | None], Sequence[Figure]]" = field(default_factory=dict)

    def __post_init__(self) -> None:
        if _periods(self.run.project):
            self.stored = stored_figures(self.run, self.run.project.key(names.DATA_QUALITY))
        self._tables = monitored_tables(self.run.project)
        self._periods = _periods(self.run.project)
        self._history = _history(self.run.project)

    def report(self, partition: str | None) -> Report:
        """The report on a partition."""
        from mlops_assets.ml.monitoring.past_figures import compared, with_new_categories

        project = self.run.project
        past = {table: self._past(table, partition) for table in self._tables}
        figures = {
            table: with_new_categories(self._figures(table, partition), past[table]) for table in self._tables
        }
        found = compared(
            figures,
            past,
            self._position(partition, past),
            season=_SEASONS[self._periods.cadence][0] if self._periods else 1,
            false_alarms=project.settings.monitoring.data_quality.false_alarms,
        )
        content = {table: content_digest(self.run, table, partition) for table in self._tables}
        outcome = in_line_outcome(found)
        rows = sum(each.figure.value or 0 for each in found if each.figure.measure == "rows")
        labels = [key for key in self._places if partition and key <= partition]
        shown = plots(found, past, labels) if partition == self.run.partitions[-1] else {}
        return Report(
            quality_rows(found, content),
            {IN_LINE_WITH_PAST: outcome},
            {
                "rows": int(rows),
                "compared_figures": sum(each.in_line is not None for each in found),
                "out_of_line": sum(each.in_line is False for each in found),
                **shown,
            },
        )

    def _figures(self, table: str, partition: str | None) -> "Sequence[Figure]":
        if (table, partition) not in self._measured:
            self._measured[table, partition] = table_figures(self.run, table, partition)
        return self._measured[table, partition]

    def _position(self, partition: str | None, past: "Mapping[str, Mapping[int, object]]") -> int:
        """The place of a partition among all periods; without partitions, after all versions."""
        if self._periods is None or partition is None:
            return max((place + 1 for found in past.values() for place in found), default=0)
        return self._places[partition]

    @cached_property
    def _places(self) -> dict[str, int]:
        """The place of each partition among all periods."""
        if self._periods is None:
            return {}
        known = [key for table in self._tables for key in self._contents(table) if key]
        ends = [*known, *(one for one in self.run.partitions if one)]
        return {key: place for place, key in enumerate(self._periods.between(min(ends), max(ends)))}

    def _contents(self, table: str) -> Mapping[str | None, str]:
        return self.run.content(self.run.project.table_key(names.VALIDATED, table))

    def _past(self, table: str, partition: str | None) -> "dict[int, Mapping[FigureKey, float]]":
        """The figures of a table in the partitions before, or in its earlier versions."""
        if self._periods is None or partition is None:
            digest = content_digest(self.run, table, partition)
            return past_versions(self.run, self.run.project.key(names.DATA_QUALITY), table, digest, _VERSIONS)
        places, position = self._places, self._places[partition]
        earlier = {
            place: key
            for key, place in places.items()
            if position - self._history <= place < position and key in self._contents(table)
        }
        return {place: self._known(table, key) for place, key in sorted(earlier.items())}

    def _known(self, table: str, partition: str) -> "Mapping[FigureKey, float]":
        """The figures of an earlier partition: those of the table, if they are of the present rows."""
        digest = content_digest(self.run, table, partition)
        stored = self.stored.get(partition)
        if (table, partition) not in self._measured and stored and stored.content.get(table) == digest:
            return stored.figures[table]
        return {
            (each.measure, each.column, each.note): each.value
            for each in self._figures(table, partition)
            if each.value is not None
        }
