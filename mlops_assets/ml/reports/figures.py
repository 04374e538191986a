"""The figures of the evaluation report, each with a caption."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from mlops_assets.ml.evaluation.evaluation import Evaluation
from mlops_assets.ml.metrics.tasks import IN_TARGET_UNITS
from mlops_assets.ml.number_format import metric_title
from mlops_assets.ml.reports import coverage_captions, holdout_captions, model_captions
from mlops_assets.ml.reports.html import data_uri
from mlops_assets.ml.reports.plots import coverage as coverage_plots
from mlops_assets.ml.reports.plots import errors as error_plots
from mlops_assets.ml.reports.plots import explanations as explanation_plots
from mlops_assets.ml.reports.plots import fairness as fairness_plots
from mlops_assets.ml.reports.plots import predictions as prediction_plots
from mlops_assets.ml.reports.plots.style import HALF, span
from mlops_assets.ml.search.baselines import MODEL


@dataclass(frozen=True)
class ReportFigure:
    """A plot with its caption.

    Attributes
    ----------
    uri
        The PNG as a data URI.
    is_wide
        Whether the plot scrolls horizontally on narrow screens instead of shrinking.
    """

    uri: str
    caption: str
    title: str = ""
    is_wide: bool = False


Plots = dict[str, tuple[Figure, str]]
"""Plots and their captions by name."""


def report_figures(evaluation: Evaluation) -> dict[str, ReportFigure | list[ReportFigure]]:
    """The figures by name, without those that have no data."""
    of_task: dict[str, Callable[[Evaluation], Plots]] = {
        "regression": _regression,
        "binary": _binary,
        "multiclass": _multiclass,
    }
    plots = of_task[evaluation.task](evaluation) | _error_plots(evaluation) | _model_plots(evaluation)
    plots |= _coverage_plots(evaluation)
    figures: dict[str, ReportFigure | list[ReportFigure]] = {
        name: ReportFigure(data_uri(plot), caption, is_wide=plot.get_figwidth() > HALF[0])
        for name, (plot, caption) in plots.items()
    }
    if evaluation.dependences:
        figures["dependences"] = _dependences(evaluation)
    return figures


def _regression(evaluation: Evaluation) -> Plots:
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
            holdout_captions.histogram_caption(truth, predictions, evaluation.clusters),
        ),
    }


def _binary(evaluation: Evaluation) -> Plots:
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
                positive,
                score,
                xlabel="predicted probability",
                ylabel="observed share of positives",
                weights=evaluation.weights,
            ),
            holdout_captions.calibration_caption(evaluation.calibration()),
        ),
    }


def _multiclass(evaluation: Evaluation) -> Plots:
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
                ylabel="observed accuracy",
                weights=evaluation.weights,
            ),
            holdout_captions.calibration_caption(evaluation.calibration()),
        ),
    }


def _error_plots(evaluation: Evaluation) -> Plots:
    """Errors by location, by period and by slice, and the trade-off of a fairness constraint."""
    plots: Plots = {}
    label = _metric_label(evaluation)
    if evaluation.error_map is not None:
        unit = f"({evaluation.unit})" if evaluation.unit else ""
        plots["map"] = (
            error_plots.error_map_plot(evaluation.error_map, label=unit),
            holdout_captions.error_map_caption(evaluation.error_map, evaluation.unit),
        )
    if len(evaluation.periods) > 1:
        plots["periods"] = (
            error_plots.metric_by_period(evaluation.periods, label=label),
            holdout_captions.periods_caption(evaluation.periods, evaluation.metric),
        )
    if evaluation.slices:
        overall = evaluation.scores[MODEL][evaluation.metric]
        plots["slices"] = (
            error_plots.slice_dots(evaluation.slices, overall, label=label),
            model_captions.slices_caption(evaluation.slices, evaluation.metric),
        )
    if evaluation.mitigation is not None:
        plots["trade_off"] = (
            fairness_plots.trade_off_plot(evaluation.mitigation),
            fairness_plots.trade_off_caption(evaluation.mitigation),
        )
    return plots


def _coverage_plots(evaluation: Evaluation) -> Plots:
    """Prediction intervals, and the coverage of intervals or sets."""
    if evaluation.coverage is None:
        return {}
    plots: Plots = {
        "coverage": (
            coverage_plots.coverage_dots(evaluation.coverage),
            coverage_captions.groups_caption(evaluation.coverage),
        )
    }
    if evaluation.bounds is not None:
        truth, predictions, bounds = (
            values / evaluation.unit_size
            for values in (evaluation.truth, evaluation.predictions, evaluation.bounds)
        )
        label = f"{evaluation.target} ({evaluation.unit})" if evaluation.unit else evaluation.target
        plots["intervals"] = (
            coverage_plots.interval_plot(truth, predictions, bounds, label=label),
            coverage_captions.width_caption(bounds),
        )
    return plots


def _model_plots(evaluation: Evaluation) -> Plots:
    """Feature importances, the search and the learning curve."""
    plots: Plots = {}
    metric = evaluation.metric
    if evaluation.importances:
        plots["importances"] = (
            explanation_plots.importance_bars(evaluation.importances, metric, evaluation.permutation),
            model_captions.importances_caption(evaluation.importances, metric, evaluation.permutation),
        )
    if evaluation.shap:
        scale = " (probability)" if evaluation.shap_scale == "prediction" else " (log-odds)"
        if evaluation.task == "regression":
            scale = f" ({evaluation.unit})" if evaluation.unit else ""
        plots["shap"] = (
            explanation_plots.contribution_bars(evaluation.shap, scale),
            model_captions.shap_caption(evaluation.shap, evaluation.importances, scale),
        )
    if evaluation.trials:
        plots["history"] = (
            explanation_plots.trial_history(evaluation.trials, metric),
            model_captions.history_caption(evaluation.trials, metric),
        )
    if evaluation.learning_curve:
        plots["learning_curve"] = (
            explanation_plots.learning_curve_plot(
                evaluation.learning_curve, metric, label=_metric_label(evaluation)
            ),
            model_captions.learning_curve_caption(evaluation.learning_curve, metric),
        )
    return plots


def _dependences(evaluation: Evaluation) -> list[ReportFigure]:
    """A small plot for each feature, all with the same axis of the prediction."""
    ends = [value for each in evaluation.dependences for value in (*each.low, *each.high)]
    limits = span(ends)
    return [
        ReportFigure(
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
