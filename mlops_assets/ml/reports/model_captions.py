"""What a picture of the model, of its weak parts or of its search shows, in a sentence that follows from its
numbers.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from mlops_assets.ml.evaluation.fairness import ABSOLUTE_ERROR, MEAN_ERROR, MEAN_PREDICTION, Fairness
from mlops_assets.ml.evaluation.learning_curve import CurvePoint
from mlops_assets.ml.evaluation.partial_dependence import PartialDependence
from mlops_assets.ml.evaluation.slices import MIN_ROWS, SliceScore, WeakestSlices
from mlops_assets.ml.metrics.tasks import HIGHER_IS_BETTER
from mlops_assets.ml.model.costs import Speed
from mlops_assets.ml.number_format import (
    difference,
    distinct_numbers,
    memory,
    metric_label,
    number,
)
from mlops_assets.ml.search.leaderboard import LeaderboardEntry
from mlops_assets.ml.search.trials import TrialSummary

_LITTLE = 0.01


def importances_caption(importances: Mapping[str, float], metric: str) -> str:
    """Which feature matters most, against the next, and how many hardly do."""
    known = {name: value for name, value in importances.items() if np.isfinite(value)}
    if not known:
        return "No importance is defined."
    names = sorted(known, key=lambda name: -known[name])
    first, most = names[0], known[names[0]]
    if most <= 0:
        return "Shuffling a feature makes nothing worse: the model leans on none."
    told = f"Shuffling {first} makes {metric_label(metric)} {number(most)} worse"
    if len(names) > 1 and known[names[1]] > 0:
        ratio = most / known[names[1]]
        times = "about as much" if ratio < 1.05 else f"{number(ratio, 2)} times as much"
        told += f", {times} as {names[1]}, the next"
    idle = sum(value < _LITTLE * most for value in known.values())
    if idle:
        told += f"; {idle:,} of {len(known):,} features matter less than a hundredth of that"
    return f"{told}."


def shap_caption(shap: Mapping[str, float], importances: Mapping[str, float], scale: str) -> str:
    """Which feature moves predictions most, and whether shuffling agrees."""
    first, second = next(iter(shap)), next(iter(importances), "")
    told = f"{first} moves a prediction by {number(shap[first])}{scale} on average"
    if first == second:
        return f"{told}, the most of all, and shuffling puts it first, too."
    return (
        f"{told}, the most of all; shuffling puts {second} first. The two differ where features go together, "
        "and where a feature moves predictions without making them better."
    )


def dependence_caption(found: PartialDependence) -> str:
    """Which way the prediction goes along a feature."""
    steps = np.diff(found.means)
    texts = distinct_numbers([found.means[0], found.means[-1]], "")
    places = [_value(found.values[0]), _value(found.values[-1])]
    low, high = int(np.argmin(found.means)), int(np.argmax(found.means))
    if found.span and found.is_numeric and np.abs(steps).sum() <= 1.2 * found.span:
        way = "rises" if found.means[-1] > found.means[0] else "falls"
        return f"{way.title()} from {texts[0]} at {places[0]} to {texts[1]} at {places[1]}."
    ends = distinct_numbers([found.means[low], found.means[high]], "")
    if ends[0] == ends[1]:
        return f"Does not move it: {ends[0]} throughout."
    places = [_value(found.values[low]), _value(found.values[high])]
    return f"Lowest at {places[0]} ({ends[0]}), highest at {places[1]} ({ends[1]})."


def slices_caption(slices: Sequence[SliceScore], metric: str) -> str:
    """Which declared slice is worst, and how many are worse by more than chance."""
    judged = [each for each in slices if not math.isnan(each.score)]
    if not judged:
        return f"No slice has the {MIN_ROWS} rows that it takes to judge it."
    worst = max(judged, key=lambda each: each.ratio if np.isfinite(each.ratio) else -math.inf)
    worse = sum(each.is_worse for each in judged)
    told = (
        f"Worst is {worst.column} {worst.value}: {metric_label(metric)} {number(worst.score)} over "
        f"{worst.rows:,} rows, with {number(worst.ratio, 2)} times the mean loss of all rows."
    )
    if not worse:
        return f"{told} No slice is worse than the rest by more than chance explains."
    return (
        f"{told} {worse:,} of {len(judged):,} slices {'is' if worse == 1 else 'are'} worse than the rest by "
        "more than chance explains (marked ▼)."
    )


def weakest_slices_caption(found: WeakestSlices | None) -> str:
    """What the search for weak slices did, and what of it held on other rows."""
    if found is None:
        return "Not searched for: it was turned off, or the holdout has fewer than 400 rows."
    searched = f"{found.candidates:,} slices of one or two columns were looked at on {found.searched:,} rows"
    if not found.chosen:
        return f"{searched}: none is worse than the rest."
    confirmed = f"{len(found.slices) or 'none'} of them {'are' if len(found.slices) > 1 else 'is'}"
    return (
        f"{searched}, and the {found.chosen} that look worst were measured on {found.measured:,} others: "
        f"{confirmed} worse there by more than chance explains."
    )


def fairness_caption(found: Fairness, unit: str) -> str:
    """The largest difference between groups, and whether it is certain."""
    if not found.differences:
        return "There are no two groups large enough to compare."
    certain = [gap for gap in found.differences if gap.is_certain]
    lines = []
    for gap in certain or found.differences[:1]:
        in_unit = gap.measure in (MEAN_PREDICTION, MEAN_ERROR, ABSOLUTE_ERROR)
        size = f"{number(gap.size)}{f' ({unit})' if unit else ''}" if in_unit else share_points(gap.size)
        lines.append(f"{gap.measure}, {size} higher for {gap.highest} than for {gap.lowest}")
    if certain:
        return f"Groups differ by more than chance explains in {'; '.join(lines)}."
    return f"The largest difference is in {lines[0]}; no difference is more than chance may explain."


def share_points(share: float) -> str:
    """A difference of two shares, in percentage points."""
    return f"{number(100 * share, 2)} points"


def costs_caption(leaderboard: Sequence[LeaderboardEntry], served: Speed | None) -> str:
    """What a prediction by the model costs."""
    ours = leaderboard[0]
    told = f"One prediction takes the model {number(ours.single_row_milliseconds)} ms from features"
    if served:
        told += f", and {number(served.single_row_milliseconds)} ms from what a caller sends"
    told += f"; rows that come together are predicted at {round(ours.batch_rows_per_second):,} a second"
    if not math.isnan(ours.size_bytes):
        told += f", and its files take {memory(int(ours.size_bytes))}"
    return f"{told}. Times are medians on the machine that evaluated, and vary with it."


def history_caption(trials: Sequence[TrialSummary], metric: str) -> str:
    """When the best trial came, and what came after it."""
    complete = [each for each in trials if each.state != "pruned" and math.isfinite(each.score)]
    pruned = sum(each.state == "pruned" for each in trials)
    if not complete:
        return "No trial was completed with a score."
    if len(trials) == 1:
        return "One trial only, so there was no search."
    pick = max if metric in HIGHER_IS_BETTER else min
    best = pick(complete, key=lambda each: each.score)
    after = sum(each.number > best.number for each in trials)
    told = f"The best of {len(trials):,} trials is number {best.number} ({best.family}, {number(best.score)})"
    told += (
        f"; the {after:,} after it did not improve on it" if after else "; it is the last, so more may help"
    )
    stopped = f"{pruned:,} {'was' if pruned == 1 else 'were'}" if pruned else "None was"
    return f"{told}. {stopped} pruned (stopped early)."


def learning_curve_caption(points: Sequence[CurvePoint], metric: str) -> str:
    """Whether the last doubling of the rows helped."""
    if len(points) < 2:
        return "There are too few rows for a curve."
    before, last = points[-2], points[-1]
    better = last.score > before.score if metric in HIGHER_IS_BETTER else last.score < before.score
    told = f"From {before.rows:,} to {last.rows:,} rows {metric_label(metric)}"
    if not better:
        return f"{told} gets no better: more rows of the same kind are unlikely to help."
    told += f" gets {difference(metric, last.score, before.score)} better"
    if last.gain[0] <= 0 <= last.gain[1]:
        return f"{told}, which may be chance: more rows would help little, if at all."
    return f"{told}, by more than chance explains: more rows would probably help."


def _value(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
