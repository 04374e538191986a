"""A backtest: how models of past cut-offs would have done, as one HTML page."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mlops_assets.core.errors import DataError
from mlops_assets.ml.evaluation.evaluation import finite
from mlops_assets.ml.metrics.tasks import HIGHER_IS_BETTER, IN_TARGET_UNITS, Metric, is_better
from mlops_assets.ml.number_format import difference, distinct_numbers, interval_text, metric_title
from mlops_assets.ml.reports import prediction_plots
from mlops_assets.ml.reports.html import data_uri, render_page


@dataclass(frozen=True)
class CutoffScore:
    """What a model that was trained with what was known at a cut-off scored on the rows after it.

    Attributes
    ----------
    cutoff, tested_on
        Keys of periods.
    trained_on
        The first and the last period, such as `2024-01 to 2024-07`.
    score, low, high
        The metric, in the reported unit, and the ends of its 95 % interval; NaN where undefined.
    baseline, baseline_name
        The metric of the best baseline on the same rows, and which one that is.
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
        """Whether the baseline lies within the interval of the score."""
        return self.low <= self.baseline <= self.high


@dataclass(frozen=True)
class Backtest:
    """The scores of past cut-offs, oldest first.

    A cut-off where the metric is undefined, for the model or its baseline, counts as one where the baseline
    is not beaten, and is left out of the means.

    Raises
    ------
    DataError
        When there is no cut-off.
    """

    project: str
    description: str
    metric: Metric
    unit: str
    """What `rmse` and `mae` are in."""
    scores: tuple[CutoffScore, ...]

    def __post_init__(self) -> None:
        if not self.scores:
            raise DataError(
                f"{self.project}: a backtest without any cut-off",
                hint="choose cut-offs that have training rows before them, and known outcomes after them",
            )

    @property
    def mean(self) -> float:
        return _mean([score.score for score in self.scores if score.is_defined])

    @property
    def mean_baseline(self) -> float:
        return _mean([score.baseline for score in self.scores if score.is_defined])

    @property
    def beaten(self) -> int:
        """How many cut-offs have a model that beats its baseline."""
        return sum(self.beats_baseline(score) for score in self.scores)

    @property
    def share_beaten(self) -> float:
        return self.beaten / len(self.scores)

    @property
    def worst(self) -> CutoffScore:
        """The cut-off with the worst score; the oldest of equals, and a defined one where there is any."""
        known = [score for score in self.scores if not math.isnan(score.score)]
        worst = min if self.metric in HIGHER_IS_BETTER else max
        return worst(known or self.scores[:1], key=lambda score: score.score)

    def beats_baseline(self, score: CutoffScore) -> bool:
        return bool(is_better(self.metric, score.score, score.baseline))

    def to_json(self) -> dict[str, Any]:
        """The scores and what they say together; numbers that are undefined or infinite are None."""
        together = {
            "mean": self.mean,
            "mean_baseline": self.mean_baseline,
            "share_beaten": self.share_beaten,
            "worst": self.worst.cutoff,
        }
        told: dict[str, Any] = finite(asdict(self) | together)
        return told


def render_backtest(backtest: Backtest) -> str:
    """The page; it has no scripts, and it loads nothing."""
    mean, mean_baseline, worst = _together(backtest)
    return render_page(
        "backtest.html.j2",
        backtest=backtest,
        verdict=backtest_verdict(backtest),
        metric=metric_title(backtest.metric),
        direction="Higher" if backtest.metric in HIGHER_IS_BETTER else "Lower",
        unit=_unit(backtest),
        mean=mean,
        mean_baseline=mean_baseline,
        mean_gap=_gap(backtest, backtest.mean, backtest.mean_baseline),
        worst=worst,
        rows=_rows(backtest),
        picture=_picture(backtest),
    )


def backtest_verdict(backtest: Backtest) -> str:
    """One sentence: the mean over the cut-offs, how often the baseline is beaten, and the worst cut-off."""
    count, first, last = len(backtest.scores), backtest.scores[0].cutoff, backtest.scores[-1].cutoff
    mean, baseline, worst = _together(backtest)
    unit = f" ({unit})" if (unit := _unit(backtest)) else ""
    start = f"{metric_title(backtest.metric)} {mean}{unit}"
    if count == 1:
        told = "beats" if backtest.beaten else "does NOT beat"
        return f"{start} at the only cut-off, {first}: the model {told} its best baseline ({baseline})."
    times = {count: f"at all {count:,}", 0: f"at NONE of the {count:,}"}.get(
        backtest.beaten, f"at {backtest.beaten:,} of the {count:,}"
    )
    return (
        f"{start} on average over {count:,} cut-offs, {first} to {last}, against {baseline} of the best "
        f"baselines: the model beats its baseline {times}, and is worst at {backtest.worst.cutoff} ({worst})."
    )


def _together(backtest: Backtest) -> list[str]:
    """Texts of the mean, of the mean of the baselines, and of the worst score."""
    return distinct_numbers([backtest.mean, backtest.mean_baseline, backtest.worst.score], backtest.metric)


def _rows(backtest: Backtest) -> list[dict[str, Any]]:
    """A row a cut-off, with the texts of its numbers."""
    return [
        {
            "cutoff": each,
            "texts": distinct_numbers([each.score, each.baseline], backtest.metric),
            "interval": interval_text(each.low, each.high, backtest.metric),
            "gap": _gap(backtest, each.score, each.baseline),
            "beaten": backtest.beats_baseline(each),
        }
        for each in backtest.scores
    ]


def _gap(backtest: Backtest, ours: float, theirs: float) -> str:
    """How much better or worse; a share of the baseline's error, or the plain difference."""
    gap = difference(backtest.metric, ours, theirs)
    if not gap or ours == theirs:
        return "equal" if ours == theirs else ""
    return f"{gap} {'better' if is_better(backtest.metric, ours, theirs) else 'worse'}"


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def _unit(backtest: Backtest) -> str:
    return backtest.unit if backtest.metric in IN_TARGET_UNITS else ""


def _picture(backtest: Backtest) -> str:
    """The metric by cut-off, as a data URI."""
    percent = backtest.metric == "mape"
    unit = "%" if percent else _unit(backtest)
    numbers = np.array([[each.score, each.low, each.high, each.baseline] for each in backtest.scores])
    numbers = numbers * (100 if percent else 1)
    figure = prediction_plots.metric_by_cutoff(
        [each.cutoff for each in backtest.scores],
        numbers[:, 0],
        numbers[:, 1:3],
        numbers[:, 3],
        label=metric_title(backtest.metric) + (f" ({unit})" if unit else ""),
    )
    return data_uri(figure)
