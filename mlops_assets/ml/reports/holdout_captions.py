"""Captions of the plots of the holdout, each derived from the plotted numbers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from mlops_assets.ml.evaluation.evaluation import PeriodScore
from mlops_assets.ml.evaluation.groups.error_map import ErrorMap
from mlops_assets.ml.metrics.bootstrap import LEVEL
from mlops_assets.ml.metrics.clusters import cluster_codes, mean_half_width
from mlops_assets.ml.metrics.reliability import Reliability, quantile_groups
from mlops_assets.ml.metrics.tasks import HIGHER_IS_BETTER
from mlops_assets.ml.number_format import distinct_numbers, metric_title, number, share_text

_FALSE_POSITIVE_RATE = 0.1
_MIN_CELL_ROWS = 20


def predicted_caption(truth: NDArray, predictions: NDArray, unit: str) -> str:
    """Quantiles of the absolute error, and the mean error at both ends of the true values."""
    errors = predictions - truth
    median, high_error = (number(float(np.quantile(np.abs(errors), share))) for share in (0.5, 0.9))
    of_unit = f" ({unit})" if unit else ""
    sizes = f"The median absolute error is {median}, the 90th percentile {high_error}{of_unit}."
    low, high = np.quantile(truth, [0.1, 0.9])
    if low == high:
        return sizes
    lowest, highest = (_signed(float(errors[rows].mean())) for rows in (truth <= low, truth >= high))
    return (
        f"{sizes} The mean error is {lowest} for the lowest tenth of the true values and {highest} for the "
        "highest tenth."
    )


def residuals_caption(truth: NDArray, predictions: NDArray) -> str:
    """The range of the median error along the predictions, and the change of the spread."""
    errors = predictions - truth
    groups = quantile_groups(predictions, 12)
    medians = [float(np.median(errors[rows])) for rows in groups]
    median_range = f"The median error is between {_signed(min(medians))} and {_signed(max(medians))}"
    if len(groups) < 2:
        return f"{median_range}; all predictions are equal."
    first, last = (float(np.ptp(np.quantile(errors[rows], [0.1, 0.9]))) for rows in (groups[0], groups[-1]))
    if not first or not last:
        return f"{median_range}."
    width = "about as wide" if 0.8 < last / first < 1.25 else f"{number(last / first, 2)} times as wide"
    return (
        f"{median_range}. The range from the 10th to the 90th percentile is {width} at the highest "
        "predictions as at the lowest."
    )


def histogram_caption(truth: NDArray, predictions: NDArray, clusters: NDArray | None = None) -> str:
    """The mean error with its confidence interval, and the share of predictions that are too high."""
    errors = predictions - truth
    mean = float(errors.mean())
    bias = f"The mean error is {_signed(mean)}"
    half = mean_half_width(errors, cluster_codes(clusters, len(errors)), LEVEL)
    if np.isfinite(half):
        significance = "significantly different from 0" if abs(mean) > half else "not significant"
        bias += f" (95 % CI {_signed(mean - half)} to {_signed(mean + half)}, {significance})"
    return f"{bias}; {share_text(float((errors > 0).mean()))} of the predictions are too high."


def roc_caption(outcomes: NDArray, scores: NDArray, labels: Sequence[str]) -> str:
    """Areas under the ROC curves; arguments as in `prediction_plots.roc_curves`."""
    areas = [
        (float(roc_auc_score(outcome, score)), label, outcome, score)
        for outcome, score, label in zip(outcomes.T, scores.T, labels, strict=True)
        if 0 < outcome.sum() < len(outcome)
    ]
    if not areas:
        return "Undefined: the holdout has one class only."
    areas.sort(key=lambda each: each[0])
    area, label, outcome, score = areas[0]
    if len(areas) > 1:
        best = areas[-1]
        return (
            f"The lowest area is that of “{label}” ({number(area)}), the highest that of “{best[1]}” "
            f"({number(best[0])})."
        )
    false_rate, true_rate, _ = roc_curve(outcome, score)
    recall = float(np.interp(_FALSE_POSITIVE_RATE, false_rate, true_rate))
    return (
        f"In {share_text(area)} of the pairs, a row of “{label}” has a higher score than a row of the other "
        f"class. At a false positive rate of 10 %, the true positive rate is {share_text(recall)}."
    )


def precision_recall_caption(outcome: NDArray, score: NDArray) -> str:
    """Precision and recall of the tenth of the rows with the highest scores."""
    if not outcome.any():
        return "Undefined: the holdout has no positive row."
    top = np.argsort(-score, kind="stable")[: max(1, round(len(score) / 10))]
    precision, recall = float(outcome[top].mean()), float(outcome[top].sum() / outcome.sum())
    return (
        f"The tenth of the rows with the highest probability has a precision of {share_text(precision)} and "
        f"a recall of {share_text(recall)}; {share_text(float(outcome.mean()))} of all rows are positive."
    )


def calibration_caption(curve: Reliability) -> str:
    """The number of bins with a calibrated probability, the bias and the expected calibration error."""
    inside, bins = int(curve.is_inside.sum()), len(curve.rows)
    bias, error = curve.bias, curve.error
    direction = (
        f"{number(100 * abs(bias), 2)} percentage points too {'high' if bias > 0 else 'low'} on average"
        if abs(bias) >= 0.001
        else "neither too high nor too low on average"
    )
    result = "well calibrated" if inside >= 0.9 * bins else "not well calibrated"
    return (
        f"The probability is {result}: it is within the 95 % CI of the observed share in {inside} of {bins} "
        f"bins, and {direction}. Expected calibration error: {number(100 * error, 2)} percentage points."
    )


def confusion_caption(counts: NDArray, classes: Sequence[str]) -> str:
    """The accuracy, and the most frequent misclassification."""
    total, correct = int(counts.sum()), int(np.trace(counts))
    wrong = counts * (1 - np.eye(len(classes), dtype=int))
    accuracy = f"{correct:,} of {total:,} rows ({share_text(correct / total)}) are classified correctly"
    if not wrong.any():
        return f"{accuracy}."
    row, column = np.unravel_index(int(wrong.argmax()), wrong.shape)
    return (
        f"{accuracy}. The most frequent error is “{classes[int(row)]}” predicted as "
        f"“{classes[int(column)]}”, in {int(wrong[row, column]):,} rows."
    )


def error_map_caption(found: ErrorMap, unit: str) -> str:
    """The cells with the largest and the smallest error, among those with at least 20 rows."""
    enough = found.rows >= _MIN_CELL_ROWS
    mean = float(np.average(found.size, weights=found.rows))
    if enough.sum() < 2:
        return (
            f"Fewer than two cells have at least {_MIN_CELL_ROWS} rows. The mean absolute error of all rows "
            f"is {number(mean)}."
        )
    worst, best = (int(pick) for pick in (_argmax(found.size, enough), _argmax(-found.size, enough)))
    of_unit = f" ({unit})" if unit else ""
    return (
        f"The largest mean absolute error is {number(float(found.size[worst]))}{of_unit} at "
        f"{_location(found, worst)} ({int(found.rows[worst]):,} rows, "
        f"{number(float(found.size[worst]) / mean, 2)} times that of all rows, mean error "
        f"{_signed(float(found.bias[worst]))}); the smallest is {number(float(found.size[best]))} at "
        f"{_location(found, best)}. Cells with fewer than {_MIN_CELL_ROWS} rows are not considered here."
    )


def periods_caption(periods: Sequence[PeriodScore], metric: str) -> str:
    """The holdout period compared with the training periods, or the best and the worst period."""
    known = [period for period in periods if not np.isnan(period.score)]
    if not known:
        return "The metric is undefined in every period."
    training = [period for period in known if period.role == "train"]
    holdout = [period for period in known if period.role == "holdout"]
    if training and holdout:
        return _holdout_against_training(training, holdout[-1], metric)
    ordered = sorted(known, key=lambda period: period.score, reverse=metric in HIGHER_IS_BETTER)
    best, worst = ordered[0], ordered[-1]
    texts = distinct_numbers([best.score, worst.score], metric)
    return (
        f"{metric_title(metric)} is best in {best.period} ({texts[0]}, {best.rows:,} rows) and worst in "
        f"{worst.period} ({texts[1]}, {worst.rows:,} rows)."
    )


def _holdout_against_training(training: Sequence[PeriodScore], holdout: PeriodScore, metric: str) -> str:
    mean = float(np.mean([period.score for period in training]))
    texts = distinct_numbers([holdout.score, mean], metric)
    worse = holdout.score < mean if metric in HIGHER_IS_BETTER else holdout.score > mean
    comparison = (
        "the training mean is within the 95 % CI of the holdout"
        if holdout.low <= mean <= holdout.high
        else f"significantly {'worse' if worse else 'better'} on the holdout (95 % CI)"
    )
    return (
        f"{metric_title(metric)} is {texts[0]} in the holdout period {holdout.period} and {texts[1]} on "
        f"average in the training periods: {comparison}. Scores of training rows are optimistic."
    )


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{number(value)}" if value else "0"


def _argmax(values: NDArray, among: NDArray) -> int:
    return int(np.where(among, values, -np.inf).argmax())


def _location(found: ErrorMap, index: int) -> str:
    return f"latitude {found.latitude[index]:.1f}, longitude {found.longitude[index]:.1f}"
