"""A backtest: the scores of models trained as of past cut-offs."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mlops_assets.core.errors import DataError
from mlops_assets.ml.evaluation.evaluation import nonfinite_to_none
from mlops_assets.ml.metrics.tasks import HIGHER_IS_BETTER, Metric, is_better


@dataclass(frozen=True)
class CutoffScore:
    """The score of a model that was trained with the data known at a cut-off, on later rows.

    Attributes
    ----------
    cutoff, tested_on
        Keys of periods.
    trained_on
        The first and the last period, such as `2024-01 to 2024-07`.
    score, low, high
        The metric, in the reported unit, and its 95 % confidence interval; NaN where undefined.
    baseline, baseline_name
        The metric of the best baseline on the same rows, and the name of that baseline.
    """

    cutoff: str
    tested_on: str
    trained_on: str
    train_rows: int
    test_rows: int
    family: str
    score: float
    low: float
    high: float
    baseline: float
    baseline_name: str

    @property
    def is_defined(self) -> bool:
        return not (math.isnan(self.score) or math.isnan(self.baseline))

    @property
    def is_close(self) -> bool:
        """Whether the score of the baseline is within the confidence interval of the model's score."""
        return self.low <= self.baseline <= self.high


@dataclass(frozen=True)
class Backtest:
    """The scores of past cut-offs, oldest first.

    A cut-off where the metric of the model or of its baseline is undefined counts as not beating the
    baseline, and is left out of the means.

    Raises
    ------
    DataError
        If there is no cut-off.
    """

    project: str
    description: str
    metric: Metric
    unit: str
    """The reported unit of `rmse` and `mae`."""
    scores: tuple[CutoffScore, ...]

    def __post_init__(self) -> None:
        if not self.scores:
            raise DataError(
                f"{self.project}: the backtest has no cut-off",
                hint="choose cut-offs with training rows before them and known outcomes after them",
            )

    @property
    def mean(self) -> float:
        """Mean score of the model over the defined cut-offs."""
        return _mean([score.score for score in self.scores if score.is_defined])

    @property
    def mean_baseline(self) -> float:
        """Mean score of the best baselines over the same cut-offs."""
        return _mean([score.baseline for score in self.scores if score.is_defined])

    @property
    def beaten(self) -> int:
        """Number of cut-offs whose model beats its baseline."""
        return sum(self.beats_baseline(score) for score in self.scores)

    @property
    def share_beaten(self) -> float:
        """Share of cut-offs whose model beats its baseline."""
        return self.beaten / len(self.scores)

    @property
    def worst(self) -> CutoffScore:
        """The cut-off with the worst defined score, the oldest if several are equal."""
        known = [score for score in self.scores if not math.isnan(score.score)]
        worst = min if self.metric in HIGHER_IS_BETTER else max
        return worst(known or self.scores[:1], key=lambda score: score.score)

    def beats_baseline(self, score: CutoffScore) -> bool:
        """Whether the model of a cut-off beats its baseline; false where undefined."""
        return bool(is_better(self.metric, score.score, score.baseline))

    def to_json(self) -> dict[str, Any]:
        """The scores and their summary; undefined and infinite numbers are None."""
        summary = {
            "mean": self.mean,
            "mean_baseline": self.mean_baseline,
            "share_beaten": self.share_beaten,
            "worst": self.worst.cutoff,
        }
        written: dict[str, Any] = nonfinite_to_none(asdict(self) | summary)
        return written


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else math.nan
