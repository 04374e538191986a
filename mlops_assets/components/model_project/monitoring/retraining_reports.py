"""Reports of drift and performance as the rules of retraining read them."""

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names
from mlops_assets.ml.monitoring.retraining_rules import Report

if TYPE_CHECKING:
    from mlops_assets.stores.warehouse.warehouse import Warehouse

_FIGURES = 5
"""Maximum number of figures of a report in the evidence."""


def known_reports(project: Project, warehouse: "Warehouse") -> list[Report]:
    """The reports that the declared rules read."""
    retrain = project.settings.retrain
    found: list[Report] = []
    if retrain and "drift" in retrain.when:
        found += _reports(project.key(names.DRIFT_REPORT), warehouse, partial(_drift_report, project))
    if retrain and "performance" in retrain.when:
        found += _reports(
            project.key(names.PERFORMANCE_REPORT), warehouse, partial(_performance_report, project)
        )
    return found


def _reports(
    key: dg.AssetKey,
    warehouse: "Warehouse",
    read: "Callable[[str, list[dict[str, Any]]], Iterable[Report]]",
) -> list[Report]:
    if not warehouse.exists(key.path):
        return []
    by_partition = warehouse.is_partitioned(key.path)
    with warehouse.connect() as connection:
        relation = warehouse.relation(connection, key.path)
        rows = relation.order(names.PARTITION) if by_partition else relation
        found = rows.to_arrow_table().to_pylist()

    def partition_of(row: Mapping[str, Any]) -> str:
        return str(row[names.PARTITION]) if by_partition else ""

    groups = groupby(found, key=partition_of)
    return [report for partition, same in groups for report in read(partition, list(same))]


def _drift_report(project: Project, partition: str, rows: list[dict[str, Any]]) -> Iterable[Report]:
    """Drift against the training data of the model; that against the previous partition is no evidence."""
    rows = [row for row in rows if row["reference"] == "training" and row["drifted"] is not None]
    target = [row for row in rows if row["kind"] == "target"]
    inputs = [row for row in rows if row["kind"] != "target"]
    if inputs:
        yield Report("drift", partition, partition, *_drifted(inputs))
    if target:
        yield Report("target_drift", partition, _labelled(project, partition), *_drifted(target))


def _drifted(rows: list[dict[str, Any]]) -> tuple[bool, int | None, list[dict[str, Any]]]:
    """Whether there is drift, of which version, and the figures with the largest effects."""
    found = sorted((row for row in rows if row["drifted"]), key=_weighted, reverse=True)
    figures = [
        {
            "name": row["column_name"] or row["kind"],
            **_given(row, "kind", "effect", "effect_size", "p_adjusted"),
        }
        for row in found[:_FIGURES]
    ]
    return bool(found), _version(rows), figures


def _weighted(row: Mapping[str, Any]) -> float:
    """The effect of a row, the largest first; that of several columns together has no weight."""
    effect = row["weighted_effect"]
    return float("inf") if effect is None or math.isnan(effect) else float(effect)


def _performance_report(project: Project, partition: str, rows: list[dict[str, Any]]) -> Iterable[Report]:
    """Measured and estimated performance on all rows; slices are for people."""
    for kind in ("measured", "estimated"):
        chosen = [
            row
            for row in rows
            if row["kind"] == kind and row["slice_column"] is None and row["holds"] is not None
        ]
        if not chosen:
            continue
        known = _labelled(project, partition) if kind == "measured" else partition
        figures = [
            {"name": row["metric"], **_given(row, "value", "low", "high", "at_registration")}
            for row in chosen
            if not row["holds"]
        ]
        failed = bool(figures)
        yield Report(
            "measured" if kind == "measured" else "estimated",
            *(partition, known, failed, _version(chosen), figures[:_FIGURES]),
        )


def _labelled(project: Project, partition: str) -> str:
    """The partition whose arrival completes the target of a partition."""
    time = project.timeline
    return time.periods.shift(partition, time.horizon) if time else partition


def _given(row: Mapping[str, Any], *columns: str) -> dict[str, Any]:
    """Values of a row that are neither null nor NaN, rounded as they are shown."""
    values = {name: row[name] for name in columns if row[name] is not None}
    return {
        name: float(f"{value:.4g}") if isinstance(value, float) else value
        for name, value in values.items()
        if not (isinstance(value, float) and not math.isfinite(value))
    }


def _version(rows: Iterable[Mapping[str, Any]]) -> int | None:
    versions = [row[names.MODEL_VERSION] for row in rows if row[names.MODEL_VERSION] is not None]
    return max(versions, default=None)


def report_keys(project: Project) -> list[dg.AssetKey]:
    """The reports that the declared rules read, as far as the project has them."""
    retrain, reports = project.settings.retrain, project.settings.monitoring.reports
    wanted = {"drift": names.DRIFT_REPORT, "performance": names.PERFORMANCE_REPORT}
    return [
        project.key(asset)
        for rule, asset in wanted.items()
        if retrain and rule in retrain.when and rule in reports
    ]
