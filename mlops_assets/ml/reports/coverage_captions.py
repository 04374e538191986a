"""Captions and tables of the coverage of prediction intervals and prediction sets."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ml.evaluation.evaluation import Evaluation
from mlops_assets.ml.evaluation.interval_coverage import Coverage, CoverageScore
from mlops_assets.ml.number_format import number, share_text

_KINDS = {"intervals": "prediction intervals", "sets": "prediction sets"}


def level_text(level: float) -> str:
    """The declared coverage in percent."""
    return f"{100 * level:.4g} %"


def coverage_caption(coverage: Coverage, unit: str = "") -> str:
    """The coverage of all rows with its confidence interval, and the mean size."""
    overall = coverage.overall
    return (
        f"The {level_text(coverage.level)} {_KINDS[coverage.kind]} contain the true value in "
        f"{share_text(overall.coverage)} of {overall.rows:,} holdout rows{_interval_text(overall)}; "
        f"{_size_text(coverage, unit)}."
    )


def coverage_summary(evaluation: Evaluation) -> str:
    """The caption, and the warning if there is one."""
    if evaluation.coverage is None:
        return ""
    warning = coverage_warning(evaluation.coverage)
    return coverage_caption(evaluation.coverage, evaluation.unit) + (f" {warning}" if warning else "")


def coverage_warning(coverage: Coverage) -> str:
    """The rows whose coverage is significantly below the declared one; empty if there are none."""
    if not coverage.too_low:
        return ""
    names = "; ".join(
        f"{each.column} {each.value}: {share_text(each.coverage)} of {each.rows:,} rows"
        if each.column
        else f"all rows: {share_text(each.coverage)} of {each.rows:,}"
        for each in coverage.too_low
    )
    return (
        f"The coverage is significantly below {level_text(coverage.level)} ({names}): the holdout differs "
        "from the training rows."
    )


def groups_caption(coverage: Coverage) -> str:
    """The lowest and the highest coverage among the groups."""
    groups = coverage.groups or coverage.by_prediction
    lowest, highest = (pick(groups, key=lambda each: each.coverage) for pick in (min, max))
    return (
        f"The coverage is lowest for {_name(lowest)} ({share_text(lowest.coverage)} of {lowest.rows:,} rows) "
        f"and highest for {_name(highest)} ({share_text(highest.coverage)} of {highest.rows:,} rows)."
    )


def width_caption(bounds: NDArray) -> str:
    """The range of the widths.

    Parameters
    ----------
    bounds
        Lower and upper bounds in the reported unit, shape `(2, n)`.
    """
    widths = bounds[1] - bounds[0]
    low, high = (number(float(np.quantile(widths, share))) for share in (0.05, 0.95))
    if low == high:
        return f"All intervals have the same width, {low}, except where a bound of the target limits them."
    return f"The width is between {low} and {high} for nine tenths of the rows."


def coverage_rows(coverage: Coverage | None) -> list[dict[str, Any]]:
    """A row of texts for all rows and for each group."""
    if coverage is None:
        return []
    low = coverage.too_low
    return [
        {
            "column": each.column or "all rows",
            "value": each.value,
            "rows": each.rows,
            "coverage": share_text(each.coverage),
            "interval": "" if math.isnan(each.low) else f"{share_text(each.low)} to {share_text(each.high)}",
            "size": number(each.size),
            "is_low": each in low,
        }
        for each in coverage.scores
    ]


def _name(score: CoverageScore) -> str:
    return f"{score.column} {score.value}"


def _interval_text(score: CoverageScore) -> str:
    if math.isnan(score.low):
        return ""
    return f" (95 % CI {share_text(score.low)} to {share_text(score.high)})"


def _size_text(coverage: Coverage, unit: str) -> str:
    size = number(coverage.overall.size)
    if coverage.kind == "sets":
        return f"a set has {size} classes on average"
    return f"mean width {size}{f' ({unit})' if unit else ''}"
