"""Which pictures the evaluation report has, each with the sentence that says what to see."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from mlops_assets.ml.evaluation.evaluation import Evaluation
from mlops_assets.ml.metrics.tasks import IN_TARGET_UNITS
from mlops_assets.ml.number_format import metric_title
from mlops_assets.ml.reports import (
    error_plots,
    explanation_plots,
    holdout_captions,
    model_captions,
    prediction_plots,
)
from mlops_assets.ml.reports.html import data_uri
from mlops_assets.ml.reports.plot_style import HALF, span
from mlops_assets.ml.search.baselines import MODEL


@dataclass(frozen=True)
class Picture:
    """A picture as a data URI, and what it shows."""

    uri: str
    says: str
    title: str = ""
    is_wide: bool = False
    """Whether it becomes too small to read on a telephone, unless it is moved from side to side."""


Drawn = dict[str, tuple[Figure, str]]


def pictures_of(evaluation: Evaluation) -> dict[str, Picture | list[Picture]]:
    """The pictures by name; those of which there is nothing to show are left out."""
    of_task: dict[str, Callable[[Evaluation], Drawn]] = {
        "regression": _regression,
        "binary": _binary,
        "multiclass": _multiclass,
    }
    drawn = of_task[evaluation.task](evaluation) | _errors(evaluation) | _model(evaluation)
    pictures: dict[str, Picture | list[Picture]] = {
        name: Picture(data_uri(figure), says, is_wide=figure.get_figwidth() > HALF[0])
        for name, (figure, says) in drawn.items()
    }
    if evaluation.dependences:
        pictures["dependences"] = _dependences(evaluation)
    return pictures


def _regression(evaluation: Evaluation) -> Drawn:
    truth, predictions = (
        values / evaluation.unit_size for values in (evaluation.truth, evaluation.predictions)
    )
    label = f"({evaluation.unit})" if evaluation.unit else ""
    return {
        "predicted": (
            prediction_plots.predicted_against_true(truth, predictions, label=label),
            holdout_captions.predicted_caption(truth, predictions, evaluation.unit),
        ),
        "residuals": (
            prediction_plots.residuals_against_predicted(truth, predictions, label=label),
            holdout_captions.residuals_caption(truth, predictions),
        ),
        "histogram": (
            prediction_plots.residual_histogram(truth, predictions, label=label),
            holdout_captions.histogram_caption(truth, predictions),
        ),
    }


def _binary(evaluation: Evaluation) -> Drawn:
    positive, score = evaluation.truth == 1, evaluation.predictions
    curves = positive[:, None], score[:, None], evaluation.classes[1:]
    return {
        "roc": (prediction_plots.roc_curves(*curves), holdout_captions.roc_caption(*curves)),
        "recall": (
            prediction_plots.precision_recall(positive, score),
            holdout_captions.precision_recall_caption(positive, score),
        ),
        "calibration": (
            prediction_plots.calibration(
                positive, score, xlabel="predicted probability", ylabel="share of positives"
            ),
            holdout_captions.calibration_caption(evaluation.calibration()),
        ),
    }


def _multiclass(evaluation: Evaluation) -> Drawn:
    truth, probabilities = evaluation.truth, evaluation.predictions
    outcomes = truth[:, None] == np.arange(len(evaluation.classes))
    curves = outcomes, probabilities, evaluation.classes
    return {
        "roc": (prediction_plots.roc_curves(*curves), holdout_captions.roc_caption(*curves)),
        "calibration": (
            prediction_plots.calibration(
                probabilities.argmax(axis=1) == truth,
                probabilities.max(axis=1),
                xlabel="probability of the predicted class",
                ylabel="share that is right",
            ),
            holdout_captions.calibration_caption(evaluation.calibration()),
        ),
    }


def _errors(evaluation: Evaluation) -> Drawn:
    """Where and when the model is off."""
    drawn: Drawn = {}
    label = _metric_label(evaluation)
    if evaluation.error_map is not None:
        unit = f"({evaluation.unit})" if evaluation.unit else ""
        drawn["map"] = (
            error_plots.map_of_errors(evaluation.error_map, label=unit),
            holdout_captions.error_map_caption(evaluation.error_map, evaluation.unit),
        )
    if len(evaluation.periods) > 1:
        drawn["periods"] = (
            error_plots.metric_by_period(evaluation.periods, label=label),
            holdout_captions.periods_caption(evaluation.periods, evaluation.metric),
        )
    if evaluation.slices:
        overall = evaluation.scores[MODEL][evaluation.metric]
        drawn["slices"] = (
            error_plots.slice_dots(evaluation.slices, overall, label=label),
            model_captions.slices_caption(evaluation.slices, evaluation.metric),
        )
    return drawn


def _model(evaluation: Evaluation) -> Drawn:
    """What the model leans on, and how it was found."""
    drawn: Drawn = {}
    metric = evaluation.metric
    if evaluation.importances:
        drawn["importances"] = (
            explanation_plots.importance_bars(evaluation.importances, metric),
            model_captions.importances_caption(evaluation.importances, metric),
        )
    if evaluation.shap:
        scale = " (log-odds)"
        if evaluation.task == "regression":
            scale = f" ({evaluation.unit})" if evaluation.unit else ""
        drawn["shap"] = (
            explanation_plots.contribution_bars(evaluation.shap, scale),
            model_captions.shap_caption(evaluation.shap, evaluation.importances, scale),
        )
    if evaluation.trials:
        drawn["history"] = (
            explanation_plots.trial_history(evaluation.trials, metric),
            model_captions.history_caption(evaluation.trials, metric),
        )
    if evaluation.learning_curve:
        drawn["learning_curve"] = (
            explanation_plots.learning_curve_plot(
                evaluation.learning_curve, metric, label=_metric_label(evaluation)
            ),
            model_captions.learning_curve_caption(evaluation.learning_curve, metric),
        )
    return drawn


def _dependences(evaluation: Evaluation) -> list[Picture]:
    """One small picture a feature, all with the same scale."""
    ends = [value for each in evaluation.dependences for value in (*each.low, *each.high)]
    limits = span(ends)
    return [
        Picture(
            data_uri(explanation_plots.dependence_curve(each, label=evaluation.dependence_of, limits=limits)),
            model_captions.dependence_caption(each),
            each.feature,
        )
        for each in evaluation.dependences
    ]


def _metric_label(evaluation: Evaluation) -> str:
    title = metric_title(evaluation.metric)
    in_unit = evaluation.metric in IN_TARGET_UNITS and evaluation.unit
    return f"{title} ({evaluation.unit})" if in_unit else title
