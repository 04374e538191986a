"""Gates: what a version must show before it may serve."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mlops_assets.ml.metrics.bootstrap import LEVEL, Interval
from mlops_assets.ml.metrics.tasks import HIGHER_IS_BETTER, Metric, is_better

MIN_COMMON_ROWS = 30
"""Fewer rows tell nothing of two models."""

NEGLIGIBLE = 0.02
"""Less than this share of what a model gains over a constant is no difference that matters."""

MINIMUM_METRICS = "minimum_metrics"
BETTER_THAN_BASELINE = "better_than_baseline"
NOT_WORSE_THAN_CHAMPION = "not_worse_than_champion"
COMPATIBLE_FEATURES = "compatible_features"
FRESH_TRAINING_DATA = "fresh_training_data"
CLOSE_SLICES = "close_slices"
FAIR_GROUPS = "fair_groups"
EXPECTED_BEHAVIOUR = "expected_behaviour"
FAST_ENOUGH, SMALL_ENOUGH = "fast_enough", "small_enough"


@dataclass(frozen=True)
class GateResult:
    """The verdict of one gate.

    Attributes
    ----------
    told
        Why, in a sentence with its figures.
    figures
        The numbers behind it; undefined ones are left out.
    """

    gate: str
    passed: bool
    told: str
    figures: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "figures": {n: v for n, v in self.figures.items() if math.isfinite(v)}}


def minimum_metrics(scores: Mapping[str, float], limits: Mapping[str, float]) -> GateResult:
    """Each metric is at least as good as its limit: at least it where more is better, else at most it."""
    told, passed = [], True
    for metric, limit in limits.items():
        value = scores.get(metric, math.nan)
        enough = not math.isnan(value) and not is_better(metric, limit, value)
        passed = passed and enough
        side = "at least" if metric in HIGHER_IS_BETTER else "at most"
        told.append(f"{metric} {value:.4g}, which must be {side} {limit:.4g}")
    figures = {metric: scores.get(metric, math.nan) for metric in limits}
    return GateResult(MINIMUM_METRICS, passed, "; ".join(told), figures)


def better_than_baseline(
    metric: Metric,
    challenger: float,
    baseline: float,
    *,
    margin: float = 0.0,
    over_constant: Interval | None = None,
    over_baseline: Interval | None = None,
) -> GateResult:
    """Better than the best baseline by more than a margin.

    Parameters
    ----------
    challenger, baseline
        The metric of both on the challenger's whole holdout.
    margin
        In the metric's unit; 0 or more.
    over_constant, over_baseline
        How much the challenger's metric is above that of the constant baseline, and of the best one, on the
        same rows. Without a margin, a challenger that is no better than the best baseline passes all the
        same where the two can't be told apart, or differ by less than a fiftieth of what it gains over a
        constant, and it is better than a constant for sure: a problem that a line solves needs a champion,
        too, and noise none.
    """
    figures = {"challenger": challenger, "baseline": baseline}
    ahead = _gain(metric, challenger, baseline)
    by = f" by more than {margin:.4g}" if margin else ""
    if ahead > margin:
        told = f"{metric} {challenger:.4g} beats the baseline's {baseline:.4g}{by}"
        return GateResult(BETTER_THAN_BASELINE, True, told, figures)
    if over_baseline and over_constant and not margin and _surely_above(metric, over_constant, 0.0):
        gained = abs(over_constant.low + over_constant.high) / 2
        if 0 in over_baseline or -ahead < NEGLIGIBLE * gained:
            told = (
                f"{metric} {challenger:.4g} can't be told from the baseline's {baseline:.4g} ({LEVEL:.0%} "
                f"interval of the difference: {over_baseline.low:.2g} to {over_baseline.high:.2g})"
            )
            return GateResult(BETTER_THAN_BASELINE, True, told, figures)
    told = f"{metric} {challenger:.4g} does not beat the baseline's {baseline:.4g}{by}"
    return GateResult(BETTER_THAN_BASELINE, False, told, figures)


def not_worse_than_champion(
    metric: Metric, challenger: float, champion: float, over: Interval, *, rows: int, margin: float = 0.0
) -> GateResult:
    """Whether the interval of the difference says that the challenger is not worse by more than a margin.

    This is a test of non-inferiority on paired rows: with a margin of 0 the challenger must be better for
    sure; with a positive one a challenger that is as good, but newer, may follow.

    Parameters
    ----------
    challenger, champion
        The metric of both on the rows that neither was trained on.
    over
        The interval of the challenger's metric minus the champion's on those rows.
    rows
        How many they are.
    """
    figures = {"challenger": challenger, "champion": champion, "low": over.low, "high": over.high}
    figures |= {"rows": rows, "margin": margin}
    if rows < MIN_COMMON_ROWS:
        told = (
            f"only {rows} holdout rows were not trained on by the champion, {MIN_COMMON_ROWS} are needed to "
            "compare; the champion stays"
        )
        return GateResult(NOT_WORSE_THAN_CHAMPION, False, told, figures)
    passed = over.is_defined and _surely_above(metric, over, -margin)
    told = (
        f"{metric} {challenger:.4g} against the champion's {champion:.4g} on {rows:,} rows that neither was "
        f"trained on; {LEVEL:.0%} interval of the difference {over.low:.3g} to {over.high:.3g}, "
    )
    if passed:
        told += f"surely no worse than by {margin:.3g}" if margin else "surely better"
    else:
        told += f"not surely {f'within {margin:.3g}' if margin else 'better'}; the champion stays"
    return GateResult(NOT_WORSE_THAN_CHAMPION, passed, told, figures)


def compatible_features(needed: Sequence[str], known: Sequence[str]) -> GateResult:
    """Whoever calls the champion can call the challenger: it needs no column that the champion did not know.

    Parameters
    ----------
    needed
        The columns that the challenger can't do without.
    known
        All columns that the champion reads.
    """
    lacking = [name for name in needed if name not in known]
    told = (
        f"needs {', '.join(lacking)}, which callers of the champion don't bring"
        if lacking
        else f"reads {len(needed)} columns, all of which the champion reads"
    )
    return GateResult(COMPATIBLE_FEATURES, not lacking, told, {"lacking": len(lacking)})


def fresh_training_data(age_days: float, limit: float) -> GateResult:
    """What it was trained on ends at most so many days ago."""
    told = f"the newest training data is {age_days:.1f} days old, and may be {limit:.4g}"
    return GateResult(FRESH_TRAINING_DATA, age_days <= limit, told, {"age_days": age_days})


def close_slices(
    metric: Metric, overall: float, slices: Sequence[Mapping[str, Any]], limit: float
) -> GateResult:
    """In no declared slice is the metric worse than overall by more than a limit.

    Parameters
    ----------
    slices
        As the evaluation tells them: `column`, `value`, `rows`, and `score`, None where it is undefined.
    """
    gaps = {
        f"{each['column']} {each['value']}": _gain(metric, overall, each["score"])
        for each in slices
        if each["score"] is not None
    }
    if not gaps:
        return GateResult(CLOSE_SLICES, False, "no slice was judged; declare evaluation.slices")
    worst = max(gaps, key=lambda name: gaps[name])
    told = f"{metric} is worse by {gaps[worst]:.4g} than overall where {worst}, and may be by {limit:.4g}"
    return GateResult(CLOSE_SLICES, gaps[worst] <= limit, told, {"largest_gap": gaps[worst]})


def fair_groups(differences: Mapping[str, float], limits: Mapping[str, float]) -> GateResult:
    """Groups of a sensitive column differ by no more than declared.

    Parameters
    ----------
    differences
        The largest difference between groups by `column: measure`.
    limits
        By measure, for every sensitive column.
    """
    found = {
        name: (size, limit)
        for name, size in differences.items()
        for measure, limit in limits.items()
        if name.partition(": ")[2] == measure
    }
    measured = {name.partition(": ")[2] for name in differences}
    if unknown := sorted(set(limits) - measured):
        told = f"{', '.join(unknown)} was not measured; measured were {', '.join(sorted(measured)) or 'none'}"
        return GateResult(FAIR_GROUPS, False, told)
    told = "; ".join(f"{name} {size:.3g}, may be {limit:.3g}" for name, (size, limit) in found.items())
    figures = {name: size for name, (size, _) in found.items()}
    return GateResult(FAIR_GROUPS, all(size <= limit for size, limit in found.values()), told, figures)


def expected_behaviour(tests: Sequence[Mapping[str, Any]]) -> GateResult:
    """All behavioural tests of severity `error` hold.

    Parameters
    ----------
    tests
        As the evaluation tells them: `name`, `severity`, `passed`, `found`.
    """
    binding = [test for test in tests if test["severity"] == "error"]
    failed = [f"{test['name']}: {test['found']}" for test in binding if not test["passed"]]
    told = "; ".join(failed) or f"{len(binding)} behavioural tests hold"
    return GateResult(EXPECTED_BEHAVIOUR, not failed, told, {"tests": len(binding), "failed": len(failed)})


def fast_enough(milliseconds: float, limit: float) -> GateResult:
    """One row is predicted in at most so many milliseconds, the median of some."""
    told = f"one row takes {milliseconds:.3g} ms, and may take {limit:.3g}"
    return GateResult(FAST_ENOUGH, milliseconds <= limit, told, {"milliseconds": milliseconds})


def small_enough(megabytes: float, limit: float) -> GateResult:
    """The model's files have at most so many megabytes (of a million bytes)."""
    told = f"its files have {megabytes:.3g} MB, and may have {limit:.3g}"
    return GateResult(SMALL_ENOUGH, megabytes <= limit, told, {"megabytes": megabytes})


def _gain(metric: Metric, ours: float, theirs: float) -> float:
    """How much better ours is; NaN, which is more than nothing never, when either is undefined."""
    return ours - theirs if metric in HIGHER_IS_BETTER else theirs - ours


def _surely_above(metric: Metric, over: Interval, least: float) -> bool:
    """Whether the whole interval of a difference lies on the better side of so much gain."""
    return min(_gain(metric, end, 0.0) for end in (over.low, over.high)) > least
