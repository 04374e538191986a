"""The evaluation report: one HTML page about one model.

Holds: what the page says.
Add here: another section of the page; its looks are in `report.html.j2`.
Not here: the numbers themselves (`evaluation.py`), how they are written (`wording.py`), and how a picture is
drawn (`plots.py`).
"""

import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mlops_assets.ml import plots
from mlops_assets.ml.evaluation import MODEL, Evaluation, TrialSummary
from mlops_assets.ml.pages import data_uri, render_page
from mlops_assets.ml.tasks import HIGHER_IS_BETTER, IN_TARGET_UNITS, metrics_of
from mlops_assets.ml.wording import difference, distinct_numbers, interval_text, metric_title, number

TOP_TRIALS, TOP_MISTAKES = 10, 8
MOST_CLASSES_IN_FULL = 8
"""A confusion matrix of more classes has numbers for column names, and no counts."""
MOST_CLASSES_SHOWN = 40
"""Of a confusion matrix of more classes, only the largest mistakes are shown."""
_MEANINGS = {
    "rmse": "typical error; large errors weigh more",
    "mae": "average size of an error",
    "r2": "share of the variation that is explained",
    "mape": "average error relative to the truth",
    "roc_auc": "chance to rank a positive above a negative",
    "average_precision": "precision, averaged over all recalls",
    "log_loss": "how surprising the truth was",
    "brier": "squared error of the probabilities",
    "f1": "balance of precision and recall",
    "accuracy": "share predicted right",
    "precision": "share of the alarms that are right",
    "recall": "share of the positives that are found",
}


def render_report(evaluation: Evaluation) -> str:
    """The page; it has no scripts, and it loads nothing."""
    regression = evaluation.task == "regression"
    return render_page(
        "report.html.j2",
        evaluation=evaluation,
        verdict=verdict(evaluation),
        metrics=metric_rows(evaluation),
        metric=metric_title(evaluation.metric),
        shown_importances=plots.SHOWN_IMPORTANCES,
        pictures=_pictures(evaluation),
        errors=_error_quantiles(evaluation) if regression else None,
        confusion=None if regression else _confusion(evaluation),
        trials=_best_trials(evaluation),
    )


def verdict(evaluation: Evaluation) -> str:
    """One sentence: how good the model is, on how many rows, and whether it beats the best baseline."""
    metric, best = evaluation.metric, evaluation.best_baseline
    ours, theirs = evaluation.scores[MODEL][metric], evaluation.scores[best][metric]
    texts = distinct_numbers([ours, theirs], metric)
    interval = interval_text(*evaluation.intervals.get(MODEL, (math.nan, math.nan)), metric)
    unit = evaluation.unit if metric in IN_TARGET_UNITS else ""
    details = "; ".join(filter(None, [unit, f"95 % interval {interval}" if interval else ""]))
    start = f"{metric_title(metric)} {texts[0]}{f' ({details})' if details else ''}"
    start = f"{start} on {evaluation.holdout_rows:,} holdout rows"
    gap, baseline = difference(metric, ours, theirs), f"({best}, {texts[1]})"
    if evaluation.beats_baseline:
        return f"{start}: {f'{gap} better'.strip()} than the best baseline {baseline}."
    worse = f"; it is {gap} worse" if gap and ours != theirs else ""
    return f"{start}: it does NOT beat the best baseline {baseline}{worse}."


def metric_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """A row a metric, with a cell for the model and each baseline: its text, and whether it is the best.

    The metric that decides also has their intervals, as far as they are known.
    """
    rows = []
    undefined = (math.nan, math.nan)
    intervals = [
        interval_text(*evaluation.intervals.get(name, undefined), evaluation.metric)
        for name in evaluation.scores
    ]
    for metric in metrics_of(evaluation.task):
        values = [scores[metric] for scores in evaluation.scores.values()]
        known = [value for value in values if not math.isnan(value)]
        best = (max if metric in HIGHER_IS_BETTER else min)(known, default=None)
        texts = distinct_numbers(values, metric)
        rows.append(
            {
                "label": metric_title(metric),
                "unit": evaluation.unit if metric in IN_TARGET_UNITS else "",
                "meaning": _MEANINGS[metric],
                "better": "higher" if metric in HIGHER_IS_BETTER else "lower",
                "decides": metric == evaluation.metric,
                "intervals": intervals if metric == evaluation.metric else ["" for _ in intervals],
                "cells": [(text, value == best) for text, value in zip(texts, values, strict=True)],
            }
        )
    return rows


def _pictures(evaluation: Evaluation) -> dict[str, str]:
    """Pictures by name, as data URIs; the words about them are in the template."""
    of_task = {
        "regression": _regression_figures,
        "binary": _binary_figures,
        "multiclass": _multiclass_figures,
    }
    figures = of_task[evaluation.task](evaluation)
    if evaluation.importances:
        figures["importances"] = plots.importance_bars(evaluation.importances, evaluation.metric)
    if evaluation.trials:
        figures["history"] = plots.trial_history(evaluation.trials, evaluation.metric)
    return {name: data_uri(figure) for name, figure in figures.items()}


def _regression_figures(evaluation: Evaluation) -> dict[str, Figure]:
    truth, predictions = (
        evaluation.truth / evaluation.unit_size,
        evaluation.predictions / evaluation.unit_size,
    )
    label = f"({evaluation.unit})" if evaluation.unit else ""
    return {
        "predicted": plots.predicted_against_true(truth, predictions, label=label),
        "residuals": plots.residuals_against_predicted(truth, predictions, label=label),
        "histogram": plots.residual_histogram(truth, predictions, label=label),
    }


def _binary_figures(evaluation: Evaluation) -> dict[str, Figure]:
    positive, score = evaluation.truth == 1, evaluation.predictions
    return {
        "roc": plots.roc_curves(positive[:, None], score[:, None], evaluation.classes[1:]),
        "recall": plots.precision_recall(positive, score),
        "calibration": plots.calibration(
            positive, score, xlabel="predicted probability", ylabel="share of positives"
        ),
    }


def _multiclass_figures(evaluation: Evaluation) -> dict[str, Figure]:
    truth, probabilities = evaluation.truth, evaluation.predictions
    outcomes = truth[:, None] == np.arange(len(evaluation.classes))
    return {
        "roc": plots.roc_curves(outcomes, probabilities, evaluation.classes),
        "calibration": plots.calibration(
            probabilities.argmax(axis=1) == truth,
            probabilities.max(axis=1),
            xlabel="probability of the predicted class",
            ylabel="share that is right",
        ),
    }


def _error_quantiles(evaluation: Evaluation) -> tuple[str, str]:
    """What half, and nine tenths, of the absolute errors stay below, in the reported unit."""
    errors = np.abs(evaluation.predictions - evaluation.truth) / evaluation.unit_size
    return number(float(np.quantile(errors, 0.5))), number(float(np.quantile(errors, 0.9)))


def _confusion(evaluation: Evaluation) -> dict[str, Any]:
    """Rows of the confusion matrix as counts and shares of the true class, and its largest mistakes."""
    counts, classes = evaluation.confusion(), evaluation.classes
    totals = counts.sum(axis=1)
    shares = counts / np.maximum(totals, 1)[:, None]
    wrong = counts * (1 - np.eye(len(classes), dtype=int))
    largest = np.argsort(-wrong, axis=None, kind="stable")[:TOP_MISTAKES]
    return {
        "rows": [
            (name, int(total), list(zip(row.tolist(), parts.tolist(), strict=True)))
            for name, total, row, parts in zip(classes, totals, counts, shares, strict=True)
        ],
        "mistakes": [
            (classes[row], classes[column], int(wrong[row, column]), float(shares[row, column]))
            for row, column in zip(*np.unravel_index(largest, wrong.shape), strict=True)
            if wrong[row, column]
        ],
        "matrix": len(classes) <= MOST_CLASSES_SHOWN,
        "compact": len(classes) > MOST_CLASSES_IN_FULL,
    }


def _best_trials(evaluation: Evaluation) -> list[tuple[TrialSummary, str]]:
    """The best complete trials, with their scores; undefined scores come last."""
    sign = -1 if evaluation.metric in HIGHER_IS_BETTER else 1
    complete = [trial for trial in evaluation.trials if trial.state != "pruned"]
    complete.sort(key=lambda trial: (math.isnan(trial.score), sign * trial.score))
    scores = distinct_numbers([trial.score for trial in complete[:TOP_TRIALS]], evaluation.metric)
    return list(zip(complete, scores, strict=False))
