"""Rules for what a model has to respect: weights, classes, quantile and monotone constraints."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.settings.base import Errors
from mlops_assets.components.model_project.settings.rules.intervals import has_uncertainty
from mlops_assets.core.text.suggestions import suggest_name
from mlops_assets.ml.metrics.tasks import COVERAGE, metrics_of

if TYPE_CHECKING:
    from mlops_assets.components.model_project.settings.project import ProjectSettings

_QUANTILE_FAMILIES = ("xgboost", "lightgbm", "catboost", "hist_gradient_boosting", "linear")


def modelling_errors(settings: "ProjectSettings") -> Errors:
    """Errors of `weight`, `monotone`, `target.quantile`, `tuning.class_weight` and declared metrics."""
    yield from _metric_errors(settings)
    yield from _weight_errors(settings)
    yield from _quantile_errors(settings)
    yield from _monotone_errors(settings)
    classes = settings.tuning.class_weight
    if classes is not None and settings.task == "regression":
        yield "tuning.class_weight", "is for classification only; task is regression"
    elif isinstance(classes, Mapping) and not classes:
        yield "tuning.class_weight", "is empty; write `balanced`, or a weight for each class"
    if settings.predictions.contributions and not (settings.partitions or settings.scoring):
        yield (
            "predictions.contributions",
            "requires the asset `predictions`: declare scoring.source, or use mlops predict --contributions",
        )


def _metric_errors(settings: "ProjectSettings") -> Errors:
    task, known = settings.task, metrics_of(settings.task, settings.target.quantile)
    kind = task if settings.target.quantile is None else "a regression with target.quantile"
    metric = settings.tuning.metric
    if metric == "pinball" and task == "regression" and settings.target.quantile is None:
        yield "tuning.metric", "is pinball, which requires target.quantile, such as 0.9"
    elif metric and metric not in known:
        yield "tuning.metric", f"is {metric}; choose a metric of {kind}: {', '.join(known)}"
    for name in settings.gates.minimum:
        if name == COVERAGE and not has_uncertainty(settings):
            yield f"gates.minimum.{name}", "requires prediction intervals or prediction sets: declare them"
        elif name not in (*known, COVERAGE):
            yield f"gates.minimum.{name}", f"is not a metric of {kind}; {suggest_name(name, known)}"


def _weight_errors(settings: "ProjectSettings") -> Errors:
    weight = settings.weight
    if weight is None:
        return
    if weight == settings.target.column:
        yield "weight", f"is {weight}, which is the target; name another column"
    if weight in settings.entity:
        yield "weight", f"is {weight}, which is an entity column; name another column"


def _quantile_errors(settings: "ProjectSettings") -> Errors:
    if settings.target.quantile is None:
        return
    if settings.task != "regression":
        yield "target.quantile", f"is for regression only; task is {settings.task}"
    for index, family in enumerate(settings.tuning.families):
        if family not in _QUANTILE_FAMILIES:
            yield (
                f"tuning.families.{index}",
                f"is {family}, which can't predict target.quantile; choose {', '.join(_QUANTILE_FAMILIES)}",
            )


def _monotone_errors(settings: "ProjectSettings") -> Errors:
    if not settings.monotone:
        return
    if settings.task == "multiclass":
        yield (
            "monotone",
            "is for regression and binary only; task is multiclass, in which no single probability is "
            "constrained",
        )
    if settings.target.quantile is not None:
        yield (
            "monotone",
            "conflicts with target.quantile: XGBoost and scikit-learn do not keep monotone constraints when "
            "they fit a quantile",
        )
    for name in (settings.target.column, settings.weight, *settings.entity):
        if name in settings.monotone:
            yield f"monotone.{name}", "is not a feature; name a column that features.sql returns"
