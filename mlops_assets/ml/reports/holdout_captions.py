"""What a picture of the holdout shows, in a sentence that follows from its numbers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from mlops_assets.ml.evaluation.error_map import ErrorMap
from mlops_assets.ml.evaluation.evaluation import PeriodScore
from mlops_assets.ml.metrics.reliability import Reliability, quantile_groups
from mlops_assets.ml.metrics.tasks import HIGHER_IS_BETTER
from mlops_assets.ml.number_format import distinct_numbers, metric_title, number, share_text

_FEW_FALSE_ALARMS = 0.1
_CELL_ROWS = 20


def predicted_caption(truth: NDArray, predictions: NDArray, unit: str) -> str:
    """How far off predictions are, and at both ends of the true values."""
    errors = predictions - truth
    half, nine_tenths = (number(float(np.quantile(np.abs(errors), share))) for share in (0.5, 0.9))
    of_unit = f" ({unit})" if unit else ""
    told = (
        f"Half of the predictions are off by at most {half}, nine tenths by at most {nine_tenths}{of_unit}."
    )
    low, high = np.quantile(truth, [0.1, 0.9])
    if low == high:
        return told
    least, most = (_off(float(errors[rows].mean())) for rows in (truth <= low, truth >= high))
    return (
        f"{told} On average, the tenth with the lowest true values is predicted {least}, and that with the "
        f"highest {most}."
    )


def residuals_caption(truth: NDArray, predictions: NDArray) -> str:
    """Whether the middle error follows zero, and how the spread changes."""
    errors = predictions - truth
    groups = quantile_groups(predictions, 12)
    middles = [float(np.median(errors[rows])) for rows in groups]
    told = f"The median error stays between {_signed(min(middles))} and {_signed(max(middles))}"
    if len(groups) < 2:
        return f"{told}; all predictions are the same."
    first, last = (float(np.ptp(np.quantile(errors[rows], [0.1, 0.9]))) for rows in (groups[0], groups[-1]))
    if not first or not last:
        return f"{told}."
    change = "about as wide" if 0.8 < last / first < 1.25 else f"{number(last / first, 2)} times as wide"
    return f"{told}; eight tenths of the errors are {change} at the highest predictions as at the lowest."


def histogram_caption(truth: NDArray, predictions: NDArray) -> str:
    """Whether errors lean to one side."""
    errors = predictions - truth
    mean, rows = float(errors.mean()), len(errors)
    told = f"Predictions are {_off(mean)} on average"
    if rows > 1:
        half = 1.96 * float(errors.std(ddof=1)) / rows**0.5
        sure = "which is more than chance explains" if abs(mean) > half else "which may be chance"
        told += f", {sure} (95 % interval {_signed(mean - half)} to {_signed(mean + half)})"
    over = float((errors > 0).mean())
    return f"{told}; {share_text(over)} of the rows are predicted too high."


def roc_caption(outcomes: NDArray, scores: NDArray, labels: Sequence[str]) -> str:
    """How well classes are ranked; arguments as of `plots.roc_curves`."""
    areas = [
        (float(roc_auc_score(outcome, score)), label, outcome, score)
        for outcome, score, label in zip(outcomes.T, scores.T, labels, strict=True)
        if 0 < outcome.sum() < len(outcome)
    ]
    if not areas:
        return "The holdout has one class only, so there is nothing to rank."
    areas.sort(key=lambda each: each[0])
    area, label, outcome, score = areas[0]
    if len(areas) > 1:
        best = areas[-1]
        return (
            f"Told apart worst is “{label}” (area {number(area)}), and best “{best[1]}” ({number(best[0])})."
        )
    false_rate, true_rate, _ = roc_curve(outcome, score)
    found = float(np.interp(_FEW_FALSE_ALARMS, false_rate, true_rate))
    return (
        f"A row of “{label}” is ranked above one of the others {share_text(area)} of the time; who puts up "
        f"with false alarms for a tenth of the others finds {share_text(found)} of “{label}”."
    )


def precision_recall_caption(outcome: NDArray, score: NDArray) -> str:
    """What the rows with the highest scores hold."""
    if not outcome.any():
        return "The holdout has no positive row."
    top = np.argsort(-score, kind="stable")[: max(1, round(len(score) / 10))]
    right, found = float(outcome[top].mean()), float(outcome[top].sum() / outcome.sum())
    return (
        f"Of the tenth of the rows with the highest probability {share_text(right)} are positive, of all "
        f"rows {share_text(float(outcome.mean()))}; that tenth holds {share_text(found)} of the positives."
    )


def calibration_caption(curve: Reliability) -> str:
    """Whether probabilities can be taken at their word."""
    inside, groups = int(curve.is_inside.sum()), len(curve.rows)
    bias, error = curve.bias, curve.error
    lean = (
        f"on average it is {number(100 * abs(bias), 2)} percentage points too {'high' if bias > 0 else 'low'}"
        if abs(bias) >= 0.001
        else "on average it is neither too high nor too low"
    )
    trust = "it can be taken at its word" if inside >= 0.9 * groups else "don't take it at its word"
    return (
        f"In {inside} of {groups} groups the probability lies within the interval of what came true, so "
        f"{trust}; {lean}, and {number(100 * error, 2)} points off either way (expected calibration error)."
    )


def confusion_caption(counts: NDArray, classes: Sequence[str]) -> str:
    """How many are right, and what is mistaken for what most often."""
    total, right = int(counts.sum()), int(np.trace(counts))
    wrong = counts * (1 - np.eye(len(classes), dtype=int))
    told = f"{right:,} of {total:,} rows ({share_text(right / total)}) are predicted right"
    if not wrong.any():
        return f"{told}."
    row, column = np.unravel_index(int(wrong.argmax()), wrong.shape)
    return (
        f"{told}; the most frequent mistake is “{classes[int(row)]}” taken for “{classes[int(column)]}”, in "
        f"{int(wrong[row, column]):,} rows."
    )


def error_map_caption(found: ErrorMap, unit: str) -> str:
    """Where errors are largest, among places with rows enough to tell."""
    enough = found.rows >= _CELL_ROWS
    mean = float(np.average(found.size, weights=found.rows))
    if enough.sum() < 2:
        return (
            f"No two places have {_CELL_ROWS} rows or more; the mean absolute error of all is {number(mean)}."
        )
    worst, best = (int(pick) for pick in (_argmax(found.size, enough), _argmax(-found.size, enough)))
    of_unit = f" ({unit})" if unit else ""
    return (
        f"Errors are largest around {_place(found, worst)}: {number(float(found.size[worst]))}{of_unit} on "
        f"average over {int(found.rows[worst]):,} rows, {number(float(found.size[worst]) / mean, 2)} times "
        f"that of all; predictions there are {_off(float(found.bias[worst]))}. They are smallest around "
        f"{_place(found, best)}, {number(float(found.size[best]))}; places with fewer than {_CELL_ROWS} rows "
        "are left out of this sentence."
    )


def periods_caption(periods: Sequence[PeriodScore], metric: str) -> str:
    """How the metric changes over time, and what the periods that trained say about those that did not."""
    known = [period for period in periods if not np.isnan(period.score)]
    if not known:
        return "The metric is undefined in every period."
    trained = [period for period in known if period.role == "trained"]
    judging = [period for period in known if period.role == "judges"]
    if trained and judging:
        mean, ours = float(np.mean([period.score for period in trained])), judging[-1]
        texts = distinct_numbers([ours.score, mean], metric)
        worse = ours.score < mean if metric in HIGHER_IS_BETTER else ours.score > mean
        verdict = (
            "within what a sample of that size makes likely"
            if ours.low <= mean <= ours.high
            else f"{'worse' if worse else 'better'} by more than chance"
        )
        return (
            f"{metric_title(metric)} is {texts[0]} in {ours.period}, which judges, and {texts[1]} on average "
            f"in the periods that trained the model: {verdict}. Rows that trained it look easier than new "
            "ones."
        )
    pick = sorted(known, key=lambda period: period.score)
    if metric in HIGHER_IS_BETTER:
        pick = pick[::-1]
    best, worst = pick[0], pick[-1]
    texts = distinct_numbers([best.score, worst.score], metric)
    return (
        f"{metric_title(metric)} is best in {best.period} ({texts[0]}, {best.rows:,} rows) and worst in "
        f"{worst.period} ({texts[1]}, {worst.rows:,} rows)."
    )


def _off(error: float) -> str:
    """In words, how much predictions are above or below the truth."""
    if not error:
        return "neither too high nor too low"
    return f"{number(abs(error))} too {'high' if error > 0 else 'low'}"


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{number(value)}" if value else "0"


def _argmax(values: NDArray, among: NDArray) -> int:
    return int(np.where(among, values, -np.inf).argmax())


def _place(found: ErrorMap, index: int) -> str:
    return f"latitude {found.latitude[index]:.1f}, longitude {found.longitude[index]:.1f}"
