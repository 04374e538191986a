"""Champion or challenger: who predicts the same rows better.

Holds: `decide`, with its reason in words.
Add here: another rule of promotion.
Not here: moving the alias (`stores/registry.py`).
"""

import math
from dataclasses import dataclass

from mlops_assets.ml.tasks import Metric, is_better

MIN_COMMON_ROWS = 30


@dataclass(frozen=True)
class Decision:
    """Whether a version becomes champion, and why."""

    promote: bool
    reason: str


def decide(
    metric: Metric,
    *,
    challenger: float,
    baseline: float,
    champion: float | None = None,
    challenger_on_common: float | None = None,
    common_rows: int = 0,
    over_constant: tuple[float, float] | None = None,
    over_baseline: tuple[float, float] | None = None,
) -> Decision:
    """Decide between a challenger, its best baseline and the champion.

    Parameters
    ----------
    challenger, baseline
        The metric on the challenger's whole holdout.
    champion, challenger_on_common
        The metric of both on the holdout rows that neither was trained on; None without a champion.
    common_rows
        How many such rows there are.
    over_constant, over_baseline
        The 95 % intervals of how much the challenger's metric is above that of the constant baseline, and
        of the best one, on the same rows. A challenger that is no better than the best baseline serves all
        the same where the two can't be told apart, and it is better than a constant for sure: a problem that
        a line solves needs a champion, too, and noise none.
    """
    standing = f"{metric} {challenger:.4g} beats the baseline's {baseline:.4g}"
    if not is_better(metric, challenger, baseline):
        low, high = over_baseline or (math.nan, math.nan)
        if not low <= 0 <= high or not _surely_better(metric, over_constant):
            return Decision(False, f"{metric} {challenger:.4g} does not beat the baseline's {baseline:.4g}")
        standing = (
            f"{metric} {challenger:.4g} can't be told from the baseline's {baseline:.4g} (95 % interval of "
            f"the difference: {low:.2g} to {high:.2g})"
        )
    if champion is None or challenger_on_common is None:
        return Decision(True, f"{standing}; there was no champion")
    if common_rows < MIN_COMMON_ROWS:
        return Decision(
            False,
            f"only {common_rows} holdout rows were not trained on by the champion, "
            f"{MIN_COMMON_ROWS} are needed to compare; the champion stays",
        )
    told = (
        f"{metric} {challenger_on_common:.4g} against the champion's {champion:.4g} on {common_rows:,} rows "
        "that neither was trained on"
    )
    if is_better(metric, challenger_on_common, champion):
        return Decision(True, told)
    return Decision(False, f"{told}; the champion stays")


def _surely_better(metric: Metric, over: tuple[float, float] | None) -> bool:
    """Whether a whole interval of a difference lies on the better side of zero."""
    return over is not None and all(is_better(metric, end, 0.0) for end in over)
