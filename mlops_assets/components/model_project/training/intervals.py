"""Prediction intervals and prediction sets of a project's model."""

from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.settings.rules.intervals import has_uncertainty
from mlops_assets.components.model_project.settings.training import IntervalSettings, PredictionSetSettings
from mlops_assets.components.model_project.training.search import search_folds

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_assets.ml.model.model_spec import ModelSpec
    from mlops_assets.ml.search.search import SearchResult
    from mlops_assets.ml.search.training_data import TrainingData


def uncertainty_settings(project: Project) -> IntervalSettings | PredictionSetSettings | None:
    """The settings of intervals or prediction sets; None if the model has neither."""
    settings = project.settings
    if not has_uncertainty(settings):
        return None
    return settings.intervals if settings.task == "regression" else settings.prediction_sets


def require_rows_for_intervals(project: Project, train: "TrainingData") -> None:
    """Raise before the search if a declared coverage requires more out-of-fold rows, or has no features.

    Without a declaration, `with_uncertainty` leaves the intervals out instead.
    """
    from mlops_assets.components.model_project.project.column_checks import reject_unknown_groups
    from mlops_assets.ml.search.fit_intervals import require_few_groups, require_rows

    declared = uncertainty_settings(project)
    if declared is None or not declared.model_fields_set or declared.coverage is None:
        return
    reject_unknown_groups(project, train.features.columns)
    rows = sum(len(valid) for _, valid in search_folds(project, train))
    require_rows(rows, declared.coverage, subject=project.name)
    if declared.groups:
        require_few_groups(train.features, declared.groups, subject=project.name)


def with_uncertainty(
    project: Project,
    spec: "ModelSpec",
    train: "TrainingData",
    result: "SearchResult",
    log: "Callable[[str], None]",
) -> "ModelSpec":
    """The spec with intervals or prediction sets, fitted on the out-of-fold predictions of the winner."""
    import numpy as np

    from mlops_assets.ml.metrics.metrics import class_probabilities
    from mlops_assets.ml.search.fit_intervals import fit_intervals, fit_sets, least_rows

    declared = uncertainty_settings(project)
    if declared is None or declared.coverage is None:
        return spec
    rows, predictions = result.rows, result.out_of_fold
    if len(rows) < least_rows(declared.coverage) and not declared.model_fields_set:
        log(
            f"no prediction intervals: {len(rows)} out-of-fold rows are fewer than the "
            f"{least_rows(declared.coverage)} that a coverage of {declared.coverage:g} requires"
        )
        return spec
    truth, features = train.target[rows], train.features.iloc[rows].reset_index(drop=True)
    if isinstance(declared, IntervalSettings):
        intervals = fit_intervals(
            truth,
            np.clip(predictions, *spec.bounds) if spec.bounds != (None, None) else predictions,
            features,
            coverage=declared.coverage,
            groups=declared.groups,
            seed=spec.seed,
            subject=project.name,
            together=None if train.groups is None else train.groups[rows],
        )
        return replace(spec, intervals=intervals)
    calibrated = spec.calibration.apply(predictions) if spec.calibration else predictions
    sets = fit_sets(
        truth,
        class_probabilities(spec.task, calibrated),
        features,
        coverage=declared.coverage,
        groups=declared.groups,
        by_class=declared.by_class,
        subject=project.name,
    )
    return replace(spec, prediction_sets=sets)
