"""The verdict on a model: its metrics on the holdout beside those of its baselines.

Holds: `Evaluation`, what a report shows and what promotion decides on, and how to make one.
Add here: another number that belongs to the verdict.
Not here: how it looks (`report.py`, `plots.py`), and who is promoted (`comparison.py`).
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from mlops_assets.ml.intervals import bootstrap_interval
from mlops_assets.ml.metrics import class_probabilities, compute_metrics
from mlops_assets.ml.tasks import Metric, Task, is_better

MODEL = "model"
CONSTANT_BASELINE = "constant baseline"
LINEAR_BASELINE = "linear baseline"


@dataclass(frozen=True)
class TrialSummary:
    """One finished trial of the search."""

    number: int
    family: str
    params: dict[str, Any]
    score: float
    """Mean over the folds, or over those that ran when the trial was pruned."""
    state: str
    """`complete` or `pruned`."""
    seconds: float


@dataclass(frozen=True)
class Evaluation:
    """What is known about a model after the holdout was predicted.

    Attributes
    ----------
    scores
        For the model and each baseline, every metric of the task on the holdout.
    truth, predictions
        The holdout: `(n,)`, and as `Task` says. In the target's units, not in `unit`s.
    unit, unit_size
        What `rmse` and `mae` are in, and how much of the target that is.
    """

    project: str
    description: str
    task: Task
    target: str
    metric: Metric
    unit: str
    unit_size: float
    classes: list[str]
    family: str
    params: dict[str, Any]
    scores: dict[str, dict[str, float]]
    truth: NDArray = field(repr=False)
    predictions: NDArray = field(repr=False)
    train_rows: int
    features: list[str]
    importances: dict[str, float]
    """How much worse the holdout metric gets when a feature is shuffled, largest first."""
    trials: list[TrialSummary] = field(repr=False)
    training_seconds: float
    peak_memory_bytes: int
    """Peak resident memory of the process that trained."""
    facts: dict[str, str]
    """Where this model comes from: table versions, code version, run ids, digest."""
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    """For the model and each baseline, the 95 % interval of `metric`; NaNs where there is none."""
    split: str = ""
    """What the holdout is: a clause such as `tested on 2025-03, trained on 2024-01 to 2024-12, three months
    between`; empty where there is nothing to tell."""

    @property
    def holdout_rows(self) -> int:
        return len(self.truth)

    @property
    def best_baseline(self) -> str:
        """The baseline with the best metric."""
        best = CONSTANT_BASELINE
        for name, scores in self.scores.items():
            defined = not math.isnan(scores[self.metric])
            undefined_before = math.isnan(self.scores[best][self.metric])
            better = is_better(self.metric, scores[self.metric], self.scores[best][self.metric])
            if name != MODEL and defined and (undefined_before or better):
                best = name
        return best

    @property
    def beats_baseline(self) -> bool:
        ours, theirs = self.scores[MODEL][self.metric], self.scores[self.best_baseline][self.metric]
        return is_better(self.metric, ours, theirs)

    def confusion(self) -> NDArray:
        """Rows are true classes, columns predicted ones; shape `(classes, classes)`."""
        chosen = class_probabilities(self.task, self.predictions).argmax(axis=1)
        return confusion_matrix(self.truth, chosen, labels=np.arange(len(self.classes)))

    def to_json(self) -> dict[str, Any]:
        """The same numbers without the rows; those that are undefined or infinite are None."""
        numbers = asdict(replace(self, truth=np.empty(0), predictions=np.empty(0)))
        del numbers["truth"], numbers["predictions"]
        extra: dict[str, Any] = {"holdout_rows": self.holdout_rows, "beats_baseline": self.beats_baseline}
        extra["best_baseline"] = self.best_baseline
        if self.task != "regression":
            extra["confusion_matrix"] = self.confusion().tolist()
        told: dict[str, Any] = finite(numbers | extra)
        return told


def finite(value: Any) -> Any:
    """The same value without the numbers that JSON has no word for: they become None."""
    match value:
        case dict():
            return {name: finite(item) for name, item in value.items()}
        case list() | tuple():
            return [finite(item) for item in value]
        case float() if not math.isfinite(value):
            return None
    return value


def score_all(
    task: Task,
    truth: NDArray,
    predictions: dict[str, NDArray],
    *,
    classes: int,
    unit_size: float,
) -> dict[str, dict[str, float]]:
    """Every metric of every set of predictions."""
    return {
        name: compute_metrics(task, truth, values, classes=classes, unit_size=unit_size)
        for name, values in predictions.items()
    }


def score_intervals(
    task: Task,
    metric: Metric,
    truth: NDArray,
    predictions: dict[str, NDArray],
    *,
    classes: int,
    unit_size: float,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """The 95 % interval of one metric of every set of predictions, all on the same resamples of the rows."""
    intervals = {
        name: bootstrap_interval(task, metric, truth, values, classes=classes, unit_size=unit_size, seed=seed)
        for name, values in predictions.items()
    }
    return {name: (interval.low, interval.high) for name, interval in intervals.items()}


def shuffled_importances(
    predict: Callable[[pd.DataFrame], NDArray],
    features: pd.DataFrame,
    loss: Callable[[NDArray, NDArray], float],
    *,
    seed: int,
    rows: int = 2_000,
) -> dict[str, float]:
    """How much a loss grows when one feature is shuffled (Breiman 2001), largest first.

    Parameters
    ----------
    predict
        From a frame of features to predictions.
    loss
        From positions of rows, and predictions of these, to a number; lower is better.
    rows
        At most so many rows are looked at.
    """
    random = np.random.default_rng(seed)
    positions = np.sort(random.choice(len(features), min(rows, len(features)), replace=False))
    sample = features.iloc[positions].reset_index(drop=True)
    base = loss(positions, predict(sample))
    growth = {}
    for name in features.columns:
        shuffled = sample.copy()
        shuffled[name] = sample[name].to_numpy()[random.permutation(len(sample))]
        growth[name] = float(loss(positions, predict(shuffled)) - base)
    return dict(sorted(growth.items(), key=lambda item: -item[1]))
