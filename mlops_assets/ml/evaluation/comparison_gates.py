"""Gates that compare a version with its baselines and with the champion, by confidence intervals."""

from mlops_assets.ml.evaluation.gates import (
    BETTER_THAN_BASELINE,
    NOT_WORSE_THAN_CHAMPION,
    GateResult,
    improvement,
)
from mlops_assets.ml.metrics.bootstrap import LEVEL, Interval
from mlops_assets.ml.metrics.clusters import FEW_CLUSTERS
from mlops_assets.ml.metrics.tasks import Metric
from mlops_assets.ml.number_format import compact

MIN_COMMON_ROWS = 30
"""Minimum number of rows to compare two models on."""

BASELINE_SHARE = 0.05
"""Default margin against the best baseline, as a share of its improvement over the constant baseline."""
_CI = f"{100 * LEVEL:.0f} % CI"


def better_than_baseline(
    metric: Metric,
    challenger: float,
    baseline: float,
    constant: float,
    *,
    over_constant: Interval,
    over_baseline: Interval,
    margin: float | None = None,
    clusters: int | None = None,
) -> GateResult:
    """Test for superiority to the constant baseline and for non-inferiority to the best baseline.

    A problem that a linear model solves also needs a champion; noise does not.

    Parameters
    ----------
    challenger, baseline, constant
        The metric of the challenger, of its best baseline and of the constant baseline on its holdout.
    over_constant, over_baseline
        Confidence intervals of the challenger's metric minus that of the constant baseline, and minus that of
        the best baseline, on the same rows.
    margin
        As in `not_worse_than_champion`. By default `BASELINE_SHARE` of the improvement of the best baseline
        over the constant one: the challenger keeps at least 95 % of what the baseline achieves. It is 0 where
        the constant baseline is the best.
    clusters
        Number of clusters of the holdout; None if rows are independent.
    """
    if margin is None:
        margin = max(BASELINE_SHARE * improvement(metric, baseline, constant), 0.0)
    figures = {"challenger": challenger, "baseline": baseline, "constant": constant, "margin": margin}
    figures |= {"low": over_baseline.low, "high": over_baseline.high}
    figures |= {"over_constant_low": over_constant.low, "over_constant_high": over_constant.high}
    start = f"{metric} {compact(challenger)}"
    if not _significantly_above(metric, over_constant, 0.0):
        message = (
            f"{start} is not significantly better than the constant baseline ({compact(constant)}); "
            f"{_difference_text(over_constant, clusters)}"
        )
        return GateResult(BETTER_THAN_BASELINE, False, message, figures)
    passed, outcome = _non_inferior(metric, over_baseline, margin)
    hint = "" if passed else "; more holdout rows or a larger gates.baseline_margin allow for less precision"
    difference = _difference_text(over_baseline, clusters)
    message = f"{start}, best baseline {compact(baseline)}; {difference}: {outcome}{hint}"
    return GateResult(BETTER_THAN_BASELINE, passed, message, figures)


def is_significant_improvement(metric: Metric, result: GateResult) -> bool:
    """Whether a result of `better_than_baseline` is a significant improvement over the best baseline."""
    difference = Interval(result.figures["low"], result.figures["high"])
    return result.passed and _significantly_above(metric, difference, 0.0)


def not_worse_than_champion(
    metric: Metric,
    challenger: float,
    champion: float,
    difference: Interval,
    *,
    rows: int,
    margin: float = 0.0,
    clusters: int | None = None,
) -> GateResult:
    """Test the challenger for non-inferiority to the champion, on paired rows.

    With a margin of 0 the challenger must be significantly better. With a positive margin, a challenger of
    equal quality, trained on newer data, passes as well.

    Parameters
    ----------
    challenger, champion
        The metric of both on holdout rows that neither was trained on.
    difference
        Confidence interval of the challenger's metric minus the champion's on these rows.
    rows
        Number of these rows.
    margin
        In the unit of the metric; a negative one requires an improvement by more than that.
    clusters
        Number of clusters of these rows; None if rows are independent.
    """
    figures = {"challenger": challenger, "champion": champion, "low": difference.low, "high": difference.high}
    figures |= {"rows": rows, "margin": margin}
    if rows < MIN_COMMON_ROWS:
        message = (
            f"only {rows} holdout rows are unseen by the champion, at least {MIN_COMMON_ROWS} are required "
            "for a comparison; the champion is unchanged"
        )
        return GateResult(NOT_WORSE_THAN_CHAMPION, False, message, figures)
    passed, outcome = _non_inferior(metric, difference, margin)
    message = (
        f"{metric} {compact(challenger)}, champion {compact(champion)}, on {rows:,} rows unseen by both; "
        f"{_difference_text(difference, clusters)}: {outcome}"
    )
    if not passed:
        message += "; the champion is unchanged"
    return GateResult(NOT_WORSE_THAN_CHAMPION, passed, message, figures)


def _non_inferior(metric: Metric, difference: Interval, margin: float) -> tuple[bool, str]:
    """Whether the whole interval of a difference is better than `-margin`, and the outcome in words."""
    if not difference.is_defined:
        return False, "the interval is undefined: too few rows, clusters or rows of a class"
    passed = _significantly_above(metric, difference, -margin)
    if margin > 0 and not _significantly_above(metric, difference, 0.0):
        return (
            passed,
            f"{'' if passed else 'not shown to be '}non-inferior within {compact(margin, 3)}",
        )
    by = f" by more than {compact(-margin, 3)}" if margin < 0 else ""
    return passed, f"significant improvement{by}" if passed else f"improvement{by} not significant"


def _difference_text(difference: Interval, clusters: int | None) -> str:
    text = f"{_CI} of the difference {compact(difference.low, 3)} to {compact(difference.high, 3)}"
    if clusters is not None and clusters < FEW_CLUSTERS:
        text += f" (unreliable: only {clusters} clusters)"
    return text


def _significantly_above(metric: Metric, difference: Interval, least: float) -> bool:
    """Whether the whole confidence interval of a difference is an improvement of more than `least`.

    False if it is undefined.
    """
    return (
        difference.is_defined
        and min(improvement(metric, end, 0.0) for end in (difference.low, difference.high)) > least
    )
