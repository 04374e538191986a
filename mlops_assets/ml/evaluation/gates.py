"""Promotion gates: the requirements that a version must meet before it may become champion."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlops_assets.ml.metrics.tasks import HIGHER_IS_BETTER, Metric, is_better

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
    """The result of one gate.

    Attributes
    ----------
    message
        The reason, with its figures.
    figures
        The numbers behind the result.
    """

    gate: str
    passed: bool
    message: str
    figures: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The result as the ledger stores it: the message under `message`, without undefined figures.

        The ledger is chained by hashes, so its keys must not change.
        """
        return {
            "gate": self.gate,
            "passed": self.passed,
            "message": self.message,
            "figures": {name: value for name, value in self.figures.items() if math.isfinite(value)},
        }


def minimum_metrics(scores: Mapping[str, float], limits: Mapping[str, float]) -> GateResult:
    """Require each metric to reach its limit.

    Parameters
    ----------
    limits
        By metric: a minimum where higher is better, otherwise a maximum. An undefined or missing metric
        fails.
    """
    messages, passed = [], True
    for metric, limit in limits.items():
        value = scores.get(metric, math.nan)
        enough = not math.isnan(value) and not is_better(metric, limit, value)
        passed = passed and enough
        bound = "minimum" if metric in HIGHER_IS_BETTER else "maximum"
        messages.append(f"{metric} {value:.4g} ({bound} {limit:.4g})")
    figures = {metric: scores.get(metric, math.nan) for metric in limits}
    return GateResult(MINIMUM_METRICS, passed, "; ".join(messages), figures)


def compatible_features(required: Sequence[str], accepted: Sequence[str]) -> GateResult:
    """Require no input column that the champion does not read, so that its clients can call the challenger.

    Parameters
    ----------
    required
        The columns that the challenger requires.
    accepted
        All columns that the champion reads.
    """
    missing = [name for name in required if name not in accepted]
    message = (
        f"requires columns that clients of the current champion do not send: {', '.join(missing)}"
        if missing
        else f"requires {len(required)} columns, all of which the champion reads"
    )
    return GateResult(COMPATIBLE_FEATURES, not missing, message, {"lacking": len(missing)})


def fresh_training_data(age_days: float, limit: float) -> GateResult:
    """Require training data that is at most `limit` days old."""
    message = f"the newest training data is {age_days:.1f} days old (maximum {limit:.4g})"
    return GateResult(FRESH_TRAINING_DATA, age_days <= limit, message, {"age_days": age_days})


def close_slices(
    metric: Metric, overall: float, slices: Sequence[Mapping[str, Any]], limit: float
) -> GateResult:
    """Require the metric of each declared slice to be worse than overall by at most a limit.

    Parameters
    ----------
    slices
        As in the JSON of the evaluation: `column`, `value` and `score`, which is None where undefined.
    limit
        In the unit of the metric.
    """
    gaps = [
        (improvement(metric, overall, each["score"]), f"{each['column']} {each['value']}")
        for each in slices
        if each["score"] is not None
    ]
    if not gaps:
        return GateResult(CLOSE_SLICES, False, "no slice was evaluated; declare evaluation.slices")
    gap, worst = max(gaps, key=lambda each: each[0])
    message = f"worst slice: {worst}, {metric} worse than overall by {gap:.4g} (maximum {limit:.4g})"
    return GateResult(CLOSE_SLICES, gap <= limit, message, {"largest_gap": gap})


def fair_groups(
    measures: Mapping[str, Mapping[str, float | None]], limits: Mapping[str, float]
) -> GateResult:
    """Require the fairness measures of each protected column to be within their limits.

    A ratio between groups is fair at 1 and has a minimum; a difference is fair at 0 and has a maximum. A
    measure that is undefined in one of the columns fails, such as the ratio where no group is ever selected.

    Parameters
    ----------
    measures
        Largest difference between groups, or smallest ratio, by column and measure; None if undefined.
    limits
        By measure, for every protected column.
    """
    known = sorted({measure for found in measures.values() for measure in found})
    if unknown := sorted(set(limits) - set(known)):
        message = f"not measured: {', '.join(unknown)}; measured: {', '.join(known) or 'none'}"
        return GateResult(FAIR_GROUPS, False, message)
    results = []
    for column, found in measures.items():
        for measure, limit in limits.items():
            value = found.get(measure)
            size = math.nan if value is None else value
            fair = size >= limit if _is_ratio(measure) else size <= limit  # neither holds for NaN
            results.append((f"{column}: {measure}", size, limit, fair))
    message = "; ".join(
        f"{name} {'is undefined' if math.isnan(size) else format(size, '.3g')} "
        f"({'minimum' if _is_ratio(name) else 'maximum'} {limit:.3g})"
        for name, size, limit, _ in results
    )
    figures = {name: size for name, size, *_ in results}
    return GateResult(FAIR_GROUPS, all(fair for *_, fair in results), message, figures)


def _is_ratio(measure: str) -> bool:
    """Whether a fairness measure is a ratio between groups, rather than a difference."""
    return measure.endswith(" ratio")


def expected_behaviour(tests: Sequence[Mapping[str, Any]]) -> GateResult:
    """Require every behavioural test of severity `error` to pass.

    Parameters
    ----------
    tests
        As in the JSON of the evaluation: `name`, `severity`, `passed` and `found`.
    """
    required = [test for test in tests if test["severity"] == "error"]
    failed = [f"{test['name']}: {test['found']}" for test in required if not test["passed"]]
    message = "; ".join(failed) or f"all {len(required)} behavioural tests of severity error pass"
    return GateResult(
        EXPECTED_BEHAVIOUR, not failed, message, {"tests": len(required), "failed": len(failed)}
    )


def fast_enough(milliseconds: float, limit: float) -> GateResult:
    """Require a median latency of a single-row prediction of at most `limit` milliseconds."""
    message = f"single-row latency {milliseconds:.3g} ms (maximum {limit:.3g} ms)"
    return GateResult(FAST_ENOUGH, milliseconds <= limit, message, {"milliseconds": milliseconds})


def small_enough(megabytes: float, limit: float) -> GateResult:
    """Require model files of at most `limit` megabytes (10^6 bytes)."""
    message = f"model size {megabytes:.3g} MB (maximum {limit:.3g} MB)"
    return GateResult(SMALL_ENOUGH, megabytes <= limit, message, {"megabytes": megabytes})


def improvement(metric: Metric, ours: float, theirs: float) -> float:
    """How much better `ours` is; NaN, which no comparison passes, when either is undefined."""
    return ours - theirs if metric in HIGHER_IS_BETTER else theirs - ours
