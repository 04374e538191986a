"""performance_report: the performance of the predictions of each partition, measured and estimated."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import dagster as dg

from mlops_assets.components.model_project.monitoring.logged_rows import LoggedRows
from mlops_assets.components.model_project.monitoring.monitoring_asset import ReportInputs, monitoring_asset
from mlops_assets.components.model_project.monitoring.performance.estimates import estimate_partition
from mlops_assets.components.model_project.monitoring.performance.past_performance import (
    live_metadata,
    performance_metadata,
)
from mlops_assets.components.model_project.monitoring.performance.scored_partition import ScoredPartition
from mlops_assets.components.model_project.monitoring.performance.scored_requests import scored_requests
from mlops_assets.components.model_project.monitoring.performance.scored_version import (
    ScoredVersion,
    slice_columns,
)
from mlops_assets.components.model_project.monitoring.report import CheckOutcome, Report, ReportRun
from mlops_assets.components.model_project.project.log_window import LogWindow
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.settings.base import public_settings
from mlops_assets.core import names
from mlops_assets.core.errors import MlopsError
from mlops_assets.ml.number_format import number

if TYPE_CHECKING:
    from mlops_assets.components.model_project.monitoring.monitoring_asset import MakeReport
    from mlops_assets.ml.monitoring.performance import Compared, Figure

COLUMNS = {
    "kind": "VARCHAR",
    "metric": "VARCHAR",
    "slice_column": "VARCHAR",
    "slice_value": "VARCHAR",
    "value": "DOUBLE",
    "low": "DOUBLE",
    "high": "DOUBLE",
    "rows": "BIGINT",
    "at_registration": "DOUBLE",
    "at_registration_low": "DOUBLE",
    "at_registration_high": "DOUBLE",
    "holds": "BOOLEAN",
    "model_version": "BIGINT",
    "note": "VARCHAR",
}
Kind = Literal["measured", "estimated"]
PERFORMANCE_HOLDS, ESTIMATED_PERFORMANCE_HOLDS = "performance_holds", "estimated_performance_holds"
_CHECKS: dict[Kind, str] = {"measured": PERFORMANCE_HOLDS, "estimated": ESTIMATED_PERFORMANCE_HOLDS}


def performance_report_asset(project: Project) -> dg.AssetsDefinition:
    """The asset that measures the predictions of each partition once targets arrive, and estimates before."""
    settings, metric = project.settings, project.settings.primary_metric
    if project.timeline:
        required, labels = project.key(names.FEATURES), [project.key(names.TARGET)]
    else:
        required = project.table_key(names.VALIDATED, names.SCORING)
        labels = [project.key(names.TRAINING_SET)] if settings.tables[project.table].key else []
    against = f"{metric} is not significantly and relevantly worse than at registration"
    return monitoring_asset(
        project,
        names.PERFORMANCE_REPORT,
        description="Metrics of the predictions that were given, once their targets have arrived, "
        "against those at registration; and before that estimates without targets.",
        inputs=ReportInputs(
            required=[project.key(names.PREDICTIONS), required], optional=labels, window=_window(project)
        ),
        columns=COLUMNS,
        checks={
            PERFORMANCE_HOLDS: f"The measured {against}, of all rows and of slices; nor is the mean error.",
            ESTIMATED_PERFORMANCE_HOLDS: f"The estimated {against}, of all rows and of each slice.",
        },
        code=[
            "performance_report 1",
            metric,
            public_settings(settings.monitoring.performance),
            repr(settings.gates.champion_margin),
            repr((slice_columns(project), settings.evaluation.clusters, settings.weight)),
        ],
        prepare=_prepare,
        kinds=["mlflow", "scikitlearn"],
    )


def _window(project: Project) -> LogWindow | None:
    """The days of the log, in an event project: a target belongs to an entity and a partition."""
    return LogWindow.of_project(project) if project.timeline else None


@dataclass(frozen=True)
class _Part:
    """What is known of the rows that one version predicted."""

    version: ScoredVersion
    measured: "Sequence[Compared]"
    estimated: "Sequence[Compared]"
    labelled: int
    notes: "dict[Kind, str]"
    is_live: bool = False
    """Whether the rows are logged requests."""


def _prepare(run: ReportRun) -> "MakeReport":
    """Versions are read once for all partitions."""
    versions: dict[int, ScoredVersion | str] = {}

    def version_of(number: int) -> ScoredVersion | str:
        if number not in versions:
            try:
                versions[number] = ScoredVersion.read(run.project, run.store, run.tracking, number)
            except MlopsError as error:
                versions[number] = f"version {number} can't be read: {error.message}"
        return versions[number]

    window = _window(run.project)
    logged = LoggedRows(run, window) if window else None

    def live(partition: str | None) -> Iterator[_Part]:
        if logged is None or partition is None:
            return
        for each in logged.versions(partition):
            version = version_of(each)
            requests = None if isinstance(version, str) else scored_requests(logged, partition, version)
            if requests is not None and not isinstance(version, str):
                yield replace(_report_on(version, requests), is_live=True)

    def make(partition: str | None) -> Report:
        scored = ScoredPartition.read(run, partition)
        parts: list[_Part] = []
        rows: list[dict[str, object]] = []
        notes = [f"{scored.in_training:,} rows left out, on which their version was or may have been fitted"]
        notes = notes if scored.in_training else []
        for each in scored.versions:
            version = version_of(each)
            if isinstance(version, str):
                notes.append(version)
                continue
            part = _report_on(version, scored.of_version(each))
            parts.append(part)
            rows += _rows(part)
        metadata = performance_metadata(run, partition, rows, len(scored.frame))
        requested = list(live(partition))
        of_requests = [row for part in requested for row in _rows(part)]
        metadata |= live_metadata(of_requests)
        return Report([*rows, *of_requests], _outcomes([*parts, *requested], notes), metadata)

    return make


def _report_on(version: ScoredVersion, scored: ScoredPartition) -> _Part:
    from mlops_assets.ml.monitoring.performance import compare_with_registration, measure_performance

    labelled, foreign = scored.labelled(version)
    measured = measure_performance(version.measure, labelled) if len(labelled.truth) else []
    estimated, note = estimate_partition(version, scored)
    of_targets = f"{foreign:,} rows have a class that the version does not know" if foreign else ""
    if not len(labelled.truth):
        of_targets = _without_targets(scored.project)
    compared = [
        compare_with_registration(figures, version.registered, version.margins)
        for figures in (measured, estimated)
    ]
    notes: dict[Kind, str] = {"measured": of_targets, "estimated": note}
    return _Part(version, compared[0], compared[1], len(labelled.truth), notes)


def _without_targets(project: Project) -> str:
    if project.timeline is None and not project.settings.tables[project.table].key:
        return f"not measured: declare tables.{project.table}.key, by which targets that arrive are matched"
    return "not measured yet: no target has arrived"


def _rows(part: _Part) -> list[dict[str, object]]:
    """The rows of the table."""
    estimates = {each.figure.place: each.figure for each in part.estimated}
    found: list[dict[str, object]] = []
    for kind, compared in (("measured", part.measured), ("estimated", part.estimated)):
        for each in compared:
            figure, then = each.figure, each.registered
            notes = [part.notes["measured" if kind == "measured" else "estimated"]]
            if kind == "measured" and figure.place in estimates:
                notes.append(reconciled(figure, estimates[figure.place]))
            found.append(
                {
                    "kind": f"live_{kind}" if part.is_live else kind,
                    "metric": figure.metric,
                    "slice_column": figure.slice_column,
                    "slice_value": figure.slice_value,
                    **_known(value=figure.value, low=figure.low, high=figure.high),
                    "rows": figure.rows,
                    **_known(
                        at_registration=then.value if then else None,
                        at_registration_low=then.low if then else None,
                        at_registration_high=then.high if then else None,
                    ),
                    "holds": each.holds,
                    "model_version": part.version.number,
                    "note": "; ".join(filter(None, notes)) or None,
                }
            )
    return found


def _known(**values: float | None) -> dict[str, float | None]:
    """Undefined values as null."""
    return {name: None if value is None or value != value else float(value) for name, value in values.items()}


def reconciled(measured: "Figure", estimated: "Figure") -> str:
    """The estimate beside the truth, which is undefined for some metrics if all rows have one class."""
    text = f"estimated {number(estimated.value)}"
    if measured.value != measured.value:
        return f"{text}; the measured value is undefined"
    text += f", error {number(estimated.value - measured.value)}"
    if measured.value < estimated.low or measured.value > estimated.high:
        interval = f"{number(estimated.low)} to {number(estimated.high)}"
        text += f"; outside of the estimate's 95 % interval, {interval}: the concept may have changed"
    return text


def _outcomes(parts: Sequence[_Part], notes: Sequence[str]) -> dict[str, CheckOutcome]:
    found = {}
    for kind, check in _CHECKS.items():
        compared = [
            each for part in parts for each in (part.measured if kind == "measured" else part.estimated)
        ]
        bad = [each for each in compared if each.holds is False]
        texts = [
            f"{_prefix(part)}{_described(each)}"
            for part in parts
            for each in (part.measured if kind == "measured" else part.estimated)
            if each.holds is False
        ]
        if not bad:
            texts = [f"{_prefix(part)}{_summary(part, kind)}" for part in parts] or ["no row to evaluate"]
        found[check] = CheckOutcome(not bad, "; ".join([*texts, *notes]), {"worse": len(bad)})
    return found


def _prefix(part: _Part) -> str:
    return "live requests: " if part.is_live else ""


def _described(compared: "Compared") -> str:
    figure, then = compared.figure, compared.registered
    where = f" of {figure.slice_column} {figure.slice_value}" if figure.slice_column else ""
    before = number(then.value) if then else "unknown"
    return (
        f"{figure.metric}{where} is {number(figure.value)} of {figure.rows:,} rows; at registration {before} "
        f"(adjusted p = {compared.p_adjusted:.2g})"
    )


def _summary(part: _Part, kind: Kind) -> str:
    metric = part.version.measure.metric
    compared = part.measured if kind == "measured" else part.estimated
    for each in compared:
        if each.figure.place == (metric, None, None):
            figure, then = each.figure, each.registered
            before = f"; at registration {number(then.value)}" if then else ""
            note = f"; {part.notes[kind]}" if part.notes[kind] else ""
            if figure.value != figure.value:
                return f"{metric} is undefined for these {figure.rows:,} rows{note}"
            interval = f"{number(figure.low)} to {number(figure.high)}"
            return f"{metric} {number(figure.value)} ({interval}){before}{note}"
    return part.notes[kind]
