"""The coverage of prediction intervals and prediction sets on the holdout."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from mlops_assets.ml.evaluation.groups.column_groups import ColumnGroups
from mlops_assets.ml.metrics.clusters import cluster_codes, effective_size
from mlops_assets.ml.metrics.reliability import wilson

LEVEL = 0.05
"""A lower coverage is significant at this level, adjusted for the number of groups (Bonferroni)."""


@dataclass(frozen=True)
class CoverageScore:
    """The coverage of some rows.

    Attributes
    ----------
    column, value
        The column that defines the rows, and their values of it; empty for all rows.
    low, high
        The 95 % confidence interval of the coverage.
    size
        Mean width of the intervals in the reported unit, or mean number of classes of the sets.
    p_value
        Probability of so low a coverage if the declared one were right.
    """

    column: str
    value: str
    rows: int
    coverage: float
    low: float
    high: float
    size: float
    p_value: float


@dataclass(frozen=True)
class Coverage:
    """The coverage of all rows and of groups of rows.

    Attributes
    ----------
    kind
        Prediction intervals of a regression, or prediction sets of a classification.
    level
        The declared coverage.
    fitted_rows
        Number of out-of-fold rows that the quantiles are computed from.
    by_prediction
        Regression: by quantiles of the predictions in the reported unit. Classification: by true class.
    """

    kind: Literal["intervals", "sets"]
    level: float
    fitted_rows: int
    overall: CoverageScore
    groups: list[CoverageScore] = field(default_factory=list)
    by_prediction: list[CoverageScore] = field(default_factory=list)

    @property
    def scores(self) -> list[CoverageScore]:
        """The coverage of all rows, then of each group."""
        return [self.overall, *self.groups, *self.by_prediction]

    @property
    def too_low(self) -> list[CoverageScore]:
        """All rows and declared groups whose coverage is significantly below the declared one."""
        adjusted = LEVEL / max(len(self.groups), 1)
        return [
            *([self.overall] if self.overall.p_value < LEVEL else []),
            *(each for each in self.groups if each.p_value < adjusted),
        ]


def measure_coverage(
    inside: NDArray,
    sizes: NDArray,
    level: float,
    *,
    declared: Sequence[ColumnGroups] = (),
    others: Sequence[ColumnGroups] = (),
    clusters: NDArray | None = None,
) -> tuple[CoverageScore, list[CoverageScore], list[CoverageScore]]:
    """The coverage of all rows, of declared groups and of further groups.

    Parameters
    ----------
    inside
        Whether the true value is inside, shape `(n,)`.
    sizes
        Width of each interval, or number of classes of each set, shape `(n,)`.
    clusters
        The cluster of each row, shape `(n,)`; None if rows are independent.
    """
    codes = cluster_codes(clusters, len(inside))

    def score(rows: NDArray, column: str = "", value: str = "") -> CoverageScore:
        hits = inside[rows]
        size = effective_size(hits, codes[rows])
        coverage = float(hits.mean())
        p_value = float(binom.cdf(round(coverage * size), max(round(size), 1), level))
        return CoverageScore(
            column,
            value,
            int(rows.sum()),
            coverage,
            *wilson(coverage, size),
            float(sizes[rows].mean()),
            p_value,
        )

    def of(cuts: Sequence[ColumnGroups]) -> list[CoverageScore]:
        return [
            score(cut.mask(index), cut.column, label)
            for cut in cuts
            for index, label in enumerate(cut.labels)
            if cut.mask(index).any()
        ]

    return score(np.ones(len(inside), dtype=bool)), of(declared), of(others)


def coverage_metrics(coverage: Coverage | None) -> Mapping[str, float]:
    """The coverage of all rows as metrics of a run; empty without intervals and sets."""
    if coverage is None:
        return {}
    size = "interval_width" if coverage.kind == "intervals" else "set_size"
    return {"test_coverage": coverage.overall.coverage, f"test_{size}": coverage.overall.size}
