"""The verdict on a model: its metrics on the holdout beside those of its baselines."""

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from mlops_assets.ml.evaluation.behaviour_tests import BehaviourResult
from mlops_assets.ml.evaluation.error_map import ErrorMap, PeriodScore
from mlops_assets.ml.evaluation.fairness import Fairness
from mlops_assets.ml.evaluation.learning_curve import CurvePoint
from mlops_assets.ml.evaluation.partial_dependence import Dependence
from mlops_assets.ml.evaluation.slices import SliceScore, WeakestSlices
from mlops_assets.ml.metrics.bootstrap import bootstrap_interval
from mlops_assets.ml.metrics.metrics import class_probabilities, compute_metrics
from mlops_assets.ml.metrics.reliability import Reliability, reliability
from mlops_assets.ml.metrics.tasks import Metric, Task, is_better
from mlops_assets.ml.model.costs import Speed
from mlops_assets.ml.search.baselines import CONSTANT_BASELINE, MODEL
from mlops_assets.ml.search.leaderboard import LeaderboardEntry
from mlops_assets.ml.search.trials import TrialSummary


@dataclass(frozen=True)
class TableQuality:
    """What became of the rows of a table that the model was made of.

    Attributes
    ----------
    rules
        The rules that were broken most often, and by how many rows; a row may break several.
    """

    table: str
    validated: int
    quarantined: int
    rules: list[tuple[str, int]]


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
    threshold: float | None = None
    """From which probability of the second class on a row is predicted as it; None for the likelier class."""
    shap: dict[str, float] = field(default_factory=dict)
    """Mean absolute SHAP values, largest first; empty of a family that gives none."""
    dependences: list[Dependence] = field(default_factory=list)
    """Of the most important features."""
    dependence_of: str = ""
    """What the dependences are of: the prediction, or the probability of a class."""
    slices: list[SliceScore] = field(default_factory=list)
    weakest: WeakestSlices | None = None
    slice_loss: str = ""
    """The loss by which slices are told from other rows."""
    fairness: list[Fairness] = field(default_factory=list)
    periods: list[PeriodScore] = field(default_factory=list)
    """The metric over time, in order."""
    error_map: ErrorMap | None = None
    learning_curve: list[CurvePoint] = field(default_factory=list)
    leaderboard: list[LeaderboardEntry] = field(default_factory=list)
    served: Speed | None = None
    """How long predictions take from what a caller sends."""
    behaviour: list[BehaviourResult] = field(default_factory=list)
    quality: list[TableQuality] = field(default_factory=list)
    intended_use: str = ""
    limits: list[str] = field(default_factory=list)

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

    def chosen(self) -> NDArray:
        """The index of the class that the model decides on for each row of the holdout."""
        return chosen_classes(self.task, self.predictions, self.threshold)

    def confusion(self) -> NDArray:
        """Rows are true classes, columns predicted ones; shape `(classes, classes)`."""
        return confusion_matrix(self.truth, self.chosen(), labels=np.arange(len(self.classes)))

    def calibration(self) -> Reliability:
        """Of the second of two classes; of more classes, of the one that was predicted."""
        if self.task == "binary":
            return reliability(self.truth == 1, self.predictions)
        right = self.predictions.argmax(axis=1) == self.truth
        return reliability(right, self.predictions.max(axis=1))

    def to_json(self) -> dict[str, Any]:
        """The same numbers without the rows; those that are undefined or infinite are None."""
        numbers = asdict(replace(self, truth=np.empty(0), predictions=np.empty(0)))
        del numbers["truth"], numbers["predictions"]
        extra: dict[str, Any] = {"holdout_rows": self.holdout_rows, "beats_baseline": self.beats_baseline}
        extra["best_baseline"] = self.best_baseline
        if self.task != "regression":
            extra["confusion_matrix"] = self.confusion().tolist()
            curve = self.calibration()
            extra["calibration"] = {"error": curve.error, "bias": curve.bias}
        told: dict[str, Any] = finite(numbers | extra)
        return told


def finite(value: Any) -> Any:
    """The same value without the numbers that JSON has no word for: they become None."""
    match value:
        case dict():
            return {name: finite(item) for name, item in value.items()}
        case list() | tuple():
            return [finite(item) for item in value]
        case np.ndarray() | np.generic():
            return finite(value.tolist())
        case float() if not math.isfinite(value):
            return None
    return value


def chosen_classes(task: Task, predictions: NDArray, threshold: float | None) -> NDArray:
    """The index of the class that follows from predictions, `(n,)`: the likelier one, or by a threshold."""
    if task == "binary" and threshold is not None:
        return (predictions >= threshold).astype(int)
    return class_probabilities(task, predictions).argmax(axis=1)


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
