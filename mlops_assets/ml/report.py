"""The evaluation report: one HTML page that opens anywhere, also without a network and in ten years.

Holds: what the page says, and how its numbers are written.
Add here: another section of the page; its looks are in `report.html.j2`.
Not here: the numbers themselves (`evaluation.py`), and how a picture is drawn (`plots.py`).
"""

import math
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from mlops_assets.ml import plots
from mlops_assets.ml.evaluation import MODEL, Evaluation, TrialSummary
from mlops_assets.ml.tasks import HIGHER_IS_BETTER, IN_TARGET_UNITS, metrics_of

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
    loader = PackageLoader("mlops_assets.ml", "")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= {"number": number, "parameter": parameter, "duration": duration, "memory": memory}
    regression = evaluation.task == "regression"
    return environment.get_template("report.html.j2").render(
        evaluation=evaluation,
        verdict=verdict(evaluation),
        metrics=metric_rows(evaluation),
        metric=_title(evaluation.metric),
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
    texts = _distinct_numbers([ours, theirs], metric)
    unit = f" ({evaluation.unit})" if metric in IN_TARGET_UNITS and evaluation.unit else ""
    start = f"{_title(metric)} {texts[0]}{unit} on {evaluation.holdout_rows:,} holdout rows"
    difference, baseline = _difference(metric, ours, theirs), f"({best}, {texts[1]})"
    if evaluation.beats_baseline:
        return f"{start}: {f'{difference} better'.strip()} than the best baseline {baseline}."
    worse = f"; it is {difference} worse" if difference and ours != theirs else ""
    return f"{start}: it does NOT beat the best baseline {baseline}{worse}."


def metric_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """A row a metric, with a cell for the model and each baseline: its text, and whether it is the best."""
    rows = []
    for metric in metrics_of(evaluation.task):
        values = [scores[metric] for scores in evaluation.scores.values()]
        known = [value for value in values if not math.isnan(value)]
        best = (max if metric in HIGHER_IS_BETTER else min)(known, default=None)
        texts = _distinct_numbers(values, metric)
        rows.append(
            {
                "label": _title(metric),
                "unit": evaluation.unit if metric in IN_TARGET_UNITS else "",
                "meaning": _MEANINGS[metric],
                "better": "higher" if metric in HIGHER_IS_BETTER else "lower",
                "decides": metric == evaluation.metric,
                "cells": [(text, value == best) for text, value in zip(texts, values, strict=True)],
            }
        )
    return rows


def number(value: float, digits: int = 3) -> str:
    """Three significant digits, all of those before the point, and commas between thousands."""
    if math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "infinite"
    if isinstance(value, int):
        return f"{value:,}"
    size = abs(value)
    if size and not 1e-4 <= size < 1e9:
        return f"{value:.{digits - 1}e}"
    decimals = max(0, digits - 1 - math.floor(math.log10(size))) if size else 0
    return f"{value:,.{decimals}f}"


def parameter(value: Any) -> str:
    """The value of a parameter, as it would be typed."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def duration(seconds: float) -> str:
    """The two largest units that matter."""
    if not seconds < math.inf:
        return "undefined"
    if seconds < 59.5:
        return f"{number(float(seconds), 2)} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60} min"


def memory(size: int) -> str:
    """Bytes for people."""
    return f"{number(size / 2**30)} GiB" if size >= 2**30 else f"{number(size / 2**20)} MiB"


def _title(metric: str) -> str:
    label = plots.metric_label(metric)
    return label[0].upper() + label[1:]


def _distinct_numbers(values: Sequence[float], metric: str) -> list[str]:
    """Texts with as many digits as it takes for different values to look different."""
    scale, suffix = (100, " %") if metric == "mape" else (1, "")
    texts: list[str] = []
    for digits in (3, 4, 5):
        texts = [number(float(value) * scale, digits) for value in values]
        if len(set(texts)) == len({str(value) for value in values}):
            break
    return [text if text == "undefined" else text + suffix for text in texts]


def _difference(metric: str, ours: float, theirs: float) -> str:
    """A share of the baseline's error; of scores that grow, the plain difference; empty if undefined."""
    if not math.isfinite(ours - theirs):
        return ""
    if metric in HIGHER_IS_BETTER:
        return number(abs(ours - theirs))
    share = abs(1 - ours / theirs) if theirs else math.nan
    if math.isnan(share):
        return ""
    return "less than 0.1 %" if share < 0.001 else f"{100 * share:,.{0 if share >= 0.0995 else 1}f} %"


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
    return {
        name: "data:image/png;base64," + b64encode(plots.figure_png(figure)).decode("ascii")
        for name, figure in figures.items()
    }


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
    scores = _distinct_numbers([trial.score for trial in complete[:TOP_TRIALS]], evaluation.metric)
    return list(zip(complete, scores, strict=False))
