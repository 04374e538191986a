"""Challenger against champion: who predicts the same rows better, rows that neither was trained on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.evaluation.unseen_rows import features_gone, rows_unseen_by
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core.errors import TrackingError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from mlops_assets.ml.evaluation.gates import GateResult
    from mlops_assets.ml.metrics.bootstrap import Interval
    from mlops_assets.stores.tracking.registry import Version
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.warehouse.warehouse import Warehouse


def compare_with_champion(
    project: Project,
    tracking: "TrackingStore",
    warehouse: "Warehouse",
    challenger: "Version",
    before: "Version",
) -> "GateResult":
    """Compare on the challenger's holdout, less the rows that the champion was trained on.

    Models are compared as they were judged: what serves may have been fitted again on the very rows.
    """
    from mlops_assets.ml.evaluation.gates import NOT_WORSE_THAN_CHAMPION, GateResult, not_worse_than_champion
    from mlops_assets.ml.metrics.bootstrap import paired_difference_interval

    if "training_set_digest" not in before.facts:
        raise TrackingError(
            f"{project.name}: version {before.version}, the champion, was not registered by mlops_assets",
            hint=f"to start over: mlops retire {project.name} --reason …, and materialize champion again",
        )
    if challenger.facts.get("cutoff", "") < before.facts.get("cutoff", ""):
        told = (
            f"cut-off {challenger.facts['cutoff']} is earlier than the champion's, {before.facts['cutoff']}; "
            "the champion stays"
        )
        return GateResult(NOT_WORSE_THAN_CHAMPION, False, told)
    rows = rows_unseen_by(project, warehouse, challenger, before)
    if gone := features_gone(project, tracking, before, rows):
        told = (
            f"version {before.version}, the champion, predicts from {', '.join(gone)}, which features.sql "
            "does not return: it can't serve any more"
        )
        return GateResult(NOT_WORSE_THAN_CHAMPION, True, told)
    settings = project.settings
    metric = settings.tuning.metric_for(settings.task)
    ours, theirs = (
        _predicted(project, tracking, version.as_judged, rows) for version in (challenger, before)
    )
    return not_worse_than_champion(
        metric,
        ours.score,
        theirs.score,
        paired_difference_interval(
            settings.task,
            metric,
            ours.truth,
            ours.predictions,
            theirs.predictions,
            classes=max(ours.classes, 1),
            unit_size=settings.target.unit_size,
        ),
        rows=len(rows),
        margin=settings.gates.champion_margin,
    )


def interval_over(metrics: Mapping[str, float], role: str) -> "Interval":
    """How much a model's deciding metric is above the `constant` or best `baseline`, as its run was told."""
    from mlops_assets.ml.metrics.bootstrap import Interval

    low, high = (metrics.get(f"over_{role}_{end}", float("nan")) for end in ("low", "high"))
    return Interval(low, high)


@dataclass(frozen=True)
class _Predicted:
    """What a version says of rows, and how good that is."""

    truth: "NDArray"
    predictions: "NDArray"
    score: float
    classes: int


def _predicted(
    project: Project, tracking: "TrackingStore", version: "Version", rows: "pd.DataFrame"
) -> _Predicted:
    """Predictions of a version; it computes its own features, as it does when it serves."""
    import numpy as np

    from mlops_assets.ml.metrics.metrics import compute_metric
    from mlops_assets.ml.search.training_data import encode_target

    settings, nothing = project.settings, np.empty(0)
    if rows.empty:
        return _Predicted(nothing, nothing, float("nan"), 0)
    model = tracking.load(version)
    truth = encode_target(
        rows[settings.target.column], model.spec.classes, subject=f"version {version.version}"
    )
    predictions = model.predict_features(model.compute_features(rows))
    classes = len(model.spec.classes)
    score = compute_metric(
        settings.task,
        settings.tuning.metric_for(settings.task),
        truth,
        predictions,
        classes=max(classes, 1),
        unit_size=settings.target.unit_size,
    )
    return _Predicted(truth, predictions, score, classes)
