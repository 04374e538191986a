"""Captions of the plots of the model, its slices and its search, each derived from the plotted numbers."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from mlops_assets.core.byte_size import format_bytes
from mlops_assets.ml.evaluation.evaluation import Evaluation
from mlops_assets.ml.evaluation.groups.fairness import ABSOLUTE_ERROR, MEAN_ERROR, MEAN_PREDICTION, Fairness
from mlops_assets.ml.evaluation.groups.slices import MIN_ROWS, SliceScore
from mlops_assets.ml.evaluation.groups.weakest_slices import WeakestSlices
from mlops_assets.ml.evaluation.importances import PermutationImportance
from mlops_assets.ml.evaluation.learning_curve import CurvePoint
from mlops_assets.ml.evaluation.partial_dependence import PartialDependence
from mlops_assets.ml.metrics.tasks import HIGHER_IS_BETTER
from mlops_assets.ml.model.costs import Speed
from mlops_assets.ml.model.ensemble import ENSEMBLE
from mlops_assets.ml.number_format import (
    difference,
    distinct_numbers,
    metric_label,
    number,
)
from mlops_assets.ml.search.leaderboard import LeaderboardEntry
from mlops_assets.ml.search.trials import TrialSummary

_NEGLIGIBLE_SHARE = 0.01


def importances_caption(
    importances: Mapping[str, float], metric: str, permutation: Mapping[str, PermutationImportance]
) -> str:
    """The most important feature beside the next one, and the number of unimportant features."""
    known = {name: value for name, value in importances.items() if np.isfinite(value)}
    if not known:
        return "Permutation importance is undefined."
    names = sorted(known, key=lambda name: -known[name])
    first, largest = names[0], known[names[0]]
    if largest <= 0:
        return "No feature has a positive permutation importance."
    change = "decreases" if metric in HIGHER_IS_BETTER else "increases"
    caption = f"Shuffling {first} {change} {metric_label(metric)} by {number(largest)}"
    if len(names) > 1 and known[names[1]] > 0:
        ratio = largest / known[names[1]]
        times = "about as much" if ratio < 1.05 else f"{number(ratio, 2)} times as much"
        caption += f", {times} as the next feature, {names[1]}"
    negligible = sum(value < _NEGLIGIBLE_SHARE * largest for value in known.values())
    if negligible:
        caption += f"; {negligible:,} of {len(known):,} features have less than 1 % of this importance"
    uncertain = sum(permutation[name].includes_zero for name in known if name in permutation)
    if uncertain:
        caption += f". The 95 % intervals of {uncertain:,} of {len(known):,} features include 0 (hollow bars)"
    return f"{caption}."


def shap_caption(shap: Mapping[str, float], importances: Mapping[str, float], scale: str) -> str:
    """The feature with the largest SHAP values, compared with the permutation importance."""
    first, most_important = next(iter(shap)), next(iter(importances), "")
    caption = f"{first} has the largest mean absolute SHAP value, {number(shap[first])}{scale}"
    if first == most_important:
        return f"{caption}, and the largest permutation importance."
    return (
        f"{caption}; {most_important} has the largest permutation importance. The rankings differ if "
        "features are correlated, or if a feature changes predictions without improving them."
    )


def shap_note(evaluation: Evaluation) -> str:
    """What the SHAP values are, by the family of the model, and on how many rows."""
    rows = f"on {evaluation.shap_rows:,} holdout rows"
    classes = evaluation.task != "regression"
    if evaluation.family == "linear":
        return f"Coefficient times distance from the mean of the training rows, {rows}."
    if evaluation.family != ENSEMBLE:
        return f"TreeSHAP {rows}."
    note = f"Weighted mean of the SHAP values of the ensemble's members, {rows}"
    if not classes:
        return f"{note}; it adds up to the prediction."
    return (
        f"{note}; it adds up to the probability, before calibration. SHAP values in log-odds are converted "
        "with the mean slope of the probability between the average prediction and that of the row."
    )


def dependence_caption(found: PartialDependence) -> str:
    """The direction of the prediction along a feature."""
    steps = np.diff(found.means)
    texts = distinct_numbers([found.means[0], found.means[-1]], "")
    places = [_value(found.values[0]), _value(found.values[-1])]
    low, high = int(np.argmin(found.means)), int(np.argmax(found.means))
    if found.span and found.is_numeric and np.abs(steps).sum() <= 1.2 * found.span:
        direction = "Increases" if found.means[-1] > found.means[0] else "Decreases"
        return f"{direction} from {texts[0]} at {places[0]} to {texts[1]} at {places[1]}."
    ends = distinct_numbers([found.means[low], found.means[high]], "")
    if ends[0] == ends[1]:
        return f"Constant at {ends[0]}."
    places = [_value(found.values[low]), _value(found.values[high])]
    return f"Lowest at {places[0]} ({ends[0]}), highest at {places[1]} ({ends[1]})."


def slices_caption(slices: Sequence[SliceScore], metric: str) -> str:
    """The worst declared slice, and the number of slices that are significantly worse."""
    scored = [each for each in slices if not math.isnan(each.score)]
    if not scored:
        return f"No slice has the minimum of {MIN_ROWS} rows."
    worst = max(scored, key=lambda each: each.ratio if np.isfinite(each.ratio) else -math.inf)
    worse = sum(each.is_worse for each in scored)
    caption = (
        f"The worst slice is {worst.column} {worst.value}: {metric_label(metric)} {number(worst.score)} over "
        f"{worst.rows:,} rows, with a mean loss of {number(worst.ratio, 2)} times that of all rows."
    )
    if not worse:
        return f"{caption} No slice is significantly worse than the other rows."
    return (
        f"{caption} {worse:,} of {len(scored):,} slices {'is' if worse == 1 else 'are'} significantly worse "
        "than the other rows (▼)."
    )


def weakest_slices_caption(found: WeakestSlices | None) -> str:
    """The size of the search for weak slices, and the number of confirmed ones."""
    if found is None:
        return "Not searched: the search is disabled, or the holdout has fewer than 400 rows."
    search = f"{found.candidates:,} slices of one or two columns were compared on {found.searched:,} rows"
    if not found.chosen:
        return f"{search}: none is worse than the other rows."
    confirmed = f"{len(found.slices) or 'none'} of them {'are' if len(found.slices) > 1 else 'is'}"
    return (
        f"{search}, and the worst {found.chosen} were tested on {found.measured:,} other rows: {confirmed} "
        "significantly worse there."
    )


def fairness_caption(found: Fairness, unit: str) -> str:
    """The significant differences between groups, or the largest difference."""
    if not found.differences:
        return "Fewer than two groups have enough rows to compare."
    certain = [gap for gap in found.differences if gap.is_certain]
    gaps = []
    for gap in certain or found.differences[:1]:
        in_unit = gap.measure in (MEAN_PREDICTION, MEAN_ERROR, ABSOLUTE_ERROR)
        size = f"{number(gap.size)}{f' ({unit})' if unit else ''}" if in_unit else percentage_points(gap.size)
        gaps.append(f"{gap.measure}, {size} higher for {gap.highest} than for {gap.lowest}")
    if certain:
        return f"Significant differences between groups: {'; '.join(gaps)}."
    return f"No difference between groups is significant. The largest is {gaps[0]}."


def percentage_points(share: float) -> str:
    """A difference of two shares in percentage points."""
    return f"{number(100 * share, 2)} percentage points"


def costs_caption(leaderboard: Sequence[LeaderboardEntry], served: Speed | None) -> str:
    """Latency, throughput and size of the model.

    Parameters
    ----------
    leaderboard
        The first entry is the model.
    served
        Speed from model input to prediction, including the computation of features.
    """
    model = leaderboard[0]
    latency = f"{number(model.single_row_milliseconds)} ms from features"
    if served:
        latency += f", {number(served.single_row_milliseconds)} ms from model input"
    caption = (
        f"Latency of one row: {latency}. Throughput of a batch: {round(model.batch_rows_per_second):,} rows "
        "per second."
    )
    if not math.isnan(model.size_bytes):
        caption += f" Model files: {format_bytes(model.size_bytes)}."
    return f"{caption} Measured on the machine of the evaluation."


def history_caption(trials: Sequence[TrialSummary], metric: str) -> str:
    """The number of the best trial, and the number of pruned trials."""
    complete = [each for each in trials if each.state != "pruned" and math.isfinite(each.score)]
    pruned = sum(each.state == "pruned" for each in trials)
    if not complete:
        return "No trial completed with a score."
    if len(trials) == 1:
        return "A single trial, without a search."
    pick = max if metric in HIGHER_IS_BETTER else min
    best = pick(complete, key=lambda each: each.score)
    after = sum(each.number > best.number for each in trials)
    caption = (
        f"The best of {len(trials):,} trials is trial {best.number} ({best.family}, {number(best.score)})"
    )
    caption += (
        f"; the {after:,} after it did not improve the score"
        if after
        else "; it is the last one, so more trials may improve the score"
    )
    stopped = f"{pruned:,} {'was' if pruned == 1 else 'were'}" if pruned else "None was"
    return f"{caption}. {stopped} pruned."


def learning_curve_caption(points: Sequence[CurvePoint], metric: str) -> str:
    """Whether the last increase of the number of training rows improved the metric."""
    if len(points) < 2:
        return "Too few training rows for a learning curve."
    before, last = points[-2], points[-1]
    better = last.score > before.score if metric in HIGHER_IS_BETTER else last.score < before.score
    caption = f"From {before.rows:,} to {last.rows:,} training rows, {metric_label(metric)}"
    if not better:
        return f"{caption} does not improve: more rows of the same kind are unlikely to help."
    caption += f" improves by {difference(metric, last.score, before.score)}"
    if last.gain[0] <= 0 <= last.gain[1]:
        return f"{caption}, which is not significant (95 % CI): more rows are unlikely to help much."
    return f"{caption}, which is significant (95 % CI): more rows would probably help."


def _value(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
