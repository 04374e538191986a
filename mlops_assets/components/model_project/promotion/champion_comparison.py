"""Comparison of challenger and champion on holdout rows that neither was trained on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.evaluation.comparability import (
    has_redefined_target,
    other_rows,
    other_target,
)
from mlops_assets.components.model_project.evaluation.row_clusters import cluster_columns, row_clusters
from mlops_assets.components.model_project.evaluation.unseen_rows import missing_features, rows_unseen_by
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.training.row_weights import row_weights
from mlops_assets.components.model_project.training.search import primary_measure
from mlops_assets.core.errors import TrackingError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from mlops_assets.ml.evaluation.gates import GateResult
    from mlops_assets.ml.metrics.bootstrap import Interval
    from mlops_assets.ml.metrics.metrics import Threshold
    from mlops_assets.ml.model.tabular_model import TabularModel
    from mlops_assets.stores.tracking.registry import RecordedVersion, Version
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.warehouse.warehouse import Warehouse


def compare_with_champion(
    project: Project,
    tracking: "TrackingStore",
    warehouse: "Warehouse",
    challenger: "RecordedVersion",
    champion: "RecordedVersion",
) -> "GateResult":
    """Compare on the challenger's holdout, without the rows that the champion was trained on.

    The evaluated models are compared, not the refitted ones: a project may refit the winner on all labelled
    rows, among them the rows of this comparison.

    Parameters
    ----------
    challenger
        The version whose gates are evaluated.
    champion
        The current champion.

    Returns
    -------
    GateResult
        Of the gate `not_worse_than_champion`.

    Raises
    ------
    TrackingError
        If the champion was registered outside of mlops_assets, so that its training rows are unknown.
    """
    from mlops_assets.ml.evaluation.gates import NOT_WORSE_THAN_CHAMPION, GateResult
    from mlops_assets.ml.model.input_rows import InputError

    if "training_set_digest" not in champion.facts:
        raise TrackingError(
            f"{project.name}: champion version {champion.version} was registered outside of mlops_assets",
            hint=f"to start over, run `mlops retire {project.name} --reason …`, then materialize champion",
        )
    if challenger.facts.get("cutoff", "") < champion.facts.get("cutoff", ""):
        earlier = (
            f"cut-off {challenger.facts['cutoff']} is earlier than {champion.facts['cutoff']}, the cut-off "
            "of the champion; the champion is unchanged"
        )
        return GateResult(NOT_WORSE_THAN_CHAMPION, False, earlier)
    models = [tracking.load(version.as_evaluated) for version in (challenger, champion)]
    reason = other_rows(project, challenger, champion) or other_target(models[0].spec, models[1].spec)
    if reason:
        return _not_comparable(project, challenger, champion, reason)
    rows = rows_unseen_by(project, warehouse, challenger, champion)
    if missing := missing_features(project, tracking, champion, rows):
        return _outdated(champion, f"requires {', '.join(missing)}, which features.sql does not return")
    try:
        theirs = _predicted(project, models[1], rows, f"version {champion.version}")
    except InputError as error:
        if project.timeline is not None:
            return _outdated(champion, f"can't read the columns that features.sql returns: {error.message}")
        reason = f"version {champion.version} can't predict the validated rows: {error.message}"
        return _not_comparable(project, challenger, champion, reason)
    ours = _predicted(project, models[0], rows, f"version {challenger.version}")
    result = _comparison(project, ours, theirs, rows)
    if not result.passed and (disparities := _disparities(models[0], ours, theirs)):
        unequal = f"the champion was trained without this constraint: {disparities}"
        result = replace(result, message=f"{result.message}; {unequal}; {_way(project, challenger)}")
    if has_redefined_target(challenger, champion, (models[0].spec, models[1].spec)):
        redefined = "the champion was trained on another definition of the target"
        advice = "" if result.passed else f"; {_way(project, challenger)}"
        return replace(result, message=f"{result.message}; {redefined}{advice}")
    return result


def _comparison(
    project: Project, ours: "_Predicted", theirs: "_Predicted", rows: "pd.DataFrame"
) -> "GateResult":
    """The gate result for the predictions of challenger and champion on the same rows."""
    from mlops_assets.ml.evaluation.comparison_gates import not_worse_than_champion
    from mlops_assets.ml.metrics.bootstrap import paired_difference_interval

    settings = project.settings
    metric = settings.primary_metric
    clusters = row_clusters(project, rows)
    return not_worse_than_champion(
        metric,
        ours.score,
        theirs.score,
        paired_difference_interval(
            primary_measure(project, ours.classes),
            ours.truth,
            ours.predictions,
            theirs.predictions,
            thresholds=(ours.threshold, theirs.threshold),
            clusters=clusters,
            weights=row_weights(project, rows),
        ),
        rows=len(rows),
        margin=settings.gates.champion_margin,
        clusters=None if clusters is None else len(set(clusters)),
    )


def holdout_clusters(project: Project, metrics: Mapping[str, float]) -> int | None:
    """The recorded number of clusters of the holdout; None if rows are independent."""
    count = metrics.get("holdout_clusters")
    return int(count) if cluster_columns(project) and count is not None else None


def _outdated(champion: "Version", reason: str) -> "GateResult":
    """The result for the champion of an event project that can't predict from the present features."""
    from mlops_assets.ml.evaluation.gates import NOT_WORSE_THAN_CHAMPION, GateResult

    message = f"champion version {champion.version} {reason}: it cannot predict any more"
    return GateResult(NOT_WORSE_THAN_CHAMPION, True, message)


def _not_comparable(
    project: Project, challenger: "Version", champion: "Version", reason: str
) -> "GateResult":
    """The result for models without a common measure: a person decides."""
    from mlops_assets.ml.evaluation.gates import NOT_WORSE_THAN_CHAMPION, GateResult

    message = (
        f"version {challenger.version} can't be compared with champion version {champion.version}: {reason}. "
        f"The champion is unchanged; {_way(project, challenger)}"
    )
    return GateResult(NOT_WORSE_THAN_CHAMPION, False, message)


def _way(project: Project, challenger: "Version") -> str:
    """How a person replaces a champion that a challenger can't be compared with."""
    return (
        f"to replace it, run `mlops approve {project.name} {challenger.version} --against-gates "
        f"--reason …`, or `mlops retire {project.name} --reason …` and `mlops run {project.name}`"
    )


def baseline_gain_interval(metrics: Mapping[str, float], role: str) -> "Interval":
    """The recorded 95 % CI of the primary metric's gain over the `constant` or the best `baseline`.

    Parameters
    ----------
    metrics
        Metrics of the model's MLflow run.
    role
        `constant` or `baseline`.
    """
    from mlops_assets.ml.metrics.bootstrap import Interval

    low, high = (metrics.get(f"over_{role}_{end}", float("nan")) for end in ("low", "high"))
    return Interval(low, high)


@dataclass(frozen=True)
class _Predicted:
    """Predictions of a version with its decision threshold, and their score."""

    truth: "NDArray"
    predictions: "NDArray"
    score: float
    classes: int
    threshold: "Threshold" = None
    groups: "NDArray | None" = None
    """With a fairness constraint, the group of each row, shape `(n,)`."""


def _predicted(project: Project, model: "TabularModel", rows: "pd.DataFrame", subject: str) -> _Predicted:
    """Predictions of a model, which computes its own features as it does for clients."""
    import numpy as np

    from mlops_assets.ml.metrics.metrics import compute_metric
    from mlops_assets.ml.search.training_data import encode_target

    settings, nothing = project.settings, np.empty(0)
    if rows.empty:
        return _Predicted(nothing, nothing, float("nan"), 0)
    truth = encode_target(rows[settings.target.column], model.spec.classes, subject=subject)
    features = model.compute_features(model.as_sent(rows))
    predictions, threshold = model.predict_features(features), model.decision_thresholds(features)
    classes = len(model.spec.classes)
    score = compute_metric(
        primary_measure(project, classes),
        truth,
        predictions,
        threshold=threshold,
        weights=row_weights(project, rows),
    )
    fair = model.spec.group_thresholds
    groups = fair.groups(fair.values_in(features)) if fair else None
    return _Predicted(truth, predictions, score, classes, threshold, groups)


def _disparities(model: "TabularModel", ours: _Predicted, theirs: _Predicted) -> str:
    """The disparities of both models, if only the challenger has a fairness constraint; else empty."""
    from mlops_assets.ml.metrics.disparity import MEASURES, disparity
    from mlops_assets.ml.metrics.metrics import predicted_classes

    fair, groups = model.spec.group_thresholds, ours.groups
    if fair is None or groups is None or theirs.groups is not None:
        return ""
    challenger, champion = (
        disparity(
            fair.constraint,
            each.truth,
            predicted_classes("binary", each.predictions, each.threshold),
            groups,
        )
        for each in (ours, theirs)
    )
    measure = f"{MEASURES[fair.constraint]} by {fair.column}"
    return f"{measure} {champion:.3g}, of the challenger {challenger:.3g} (at most {fair.at_most:g})"
