"""The evaluation of a model: its metrics on the holdout beside those of its baselines, and all analyses."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from mlops_assets.ml.evaluation.behaviour_tests import BehaviourResult
from mlops_assets.ml.evaluation.gates import GateResult
from mlops_assets.ml.evaluation.groups.error_map import ErrorMap
from mlops_assets.ml.evaluation.groups.fairness import Fairness
from mlops_assets.ml.evaluation.groups.mitigation import Mitigation
from mlops_assets.ml.evaluation.groups.slices import SliceScore
from mlops_assets.ml.evaluation.groups.weakest_slices import WeakestSlices
from mlops_assets.ml.evaluation.importances import PermutationImportance
from mlops_assets.ml.evaluation.interval_coverage import Coverage
from mlops_assets.ml.evaluation.learning_curve import CurvePoint
from mlops_assets.ml.evaluation.monotone_check import MonotoneResult
from mlops_assets.ml.evaluation.partial_dependence import PartialDependence
from mlops_assets.ml.evaluation.plausibility import leakage_warning
from mlops_assets.ml.evaluation.quantile_share import QuantileShare
from mlops_assets.ml.families.contributions import ContributionScale
from mlops_assets.ml.metrics.bootstrap import bootstrap_interval
from mlops_assets.ml.metrics.clusters import cluster_codes, count_clusters
from mlops_assets.ml.metrics.metrics import Threshold, compute_metrics, predicted_classes
from mlops_assets.ml.metrics.reliability import Reliability, reliability
from mlops_assets.ml.metrics.tasks import Measure, Metric, Task, is_better
from mlops_assets.ml.model.costs import Speed
from mlops_assets.ml.search.baselines import CONSTANT_BASELINE, MODEL
from mlops_assets.ml.search.leaderboard import LeaderboardEntry
from mlops_assets.ml.search.trials import TrialSummary

_OF_ROWS = ("truth", "predictions", "clusters", "weights", "bounds", "row_thresholds")
"""Arrays with a value for each row of the holdout."""


@dataclass(frozen=True)
class Predicted:
    """Predictions of a model in the form of `Task`, and its decision threshold, if it has one."""

    predictions: NDArray
    threshold: Threshold = None


@dataclass(frozen=True)
class TableQuality:
    """Validation results of a table that the model is derived from.

    Attributes
    ----------
    validated, quarantined
        Number of valid and of quarantined rows.
    rules
        The rules that were violated most often, with the number of rows; a row may violate several.
    """

    table: str
    validated: int
    quarantined: int
    rules: list[tuple[str, int]]


@dataclass(frozen=True)
class PeriodScore:
    """The metric of the rows of one period.

    Attributes
    ----------
    role
        How the rows were used: for training, left out between training and holdout, or for evaluation.
    score, low, high
        The metric and its 95 % confidence interval; NaN where undefined.
    """

    period: str
    role: Literal["train", "embargo", "holdout"]
    rows: int
    score: float
    low: float
    high: float


@dataclass(frozen=True)
class Evaluation:
    """The results of evaluating a model on its holdout.

    Attributes
    ----------
    metric
        The primary metric.
    scores
        For the model and each baseline, every metric of the task on the holdout.
    truth, predictions
        The true values of the holdout, shape `(n,)`, and its predictions, of the shape that `Task` defines;
        in units of the target, not in the reported unit.
    unit, unit_size
        The reported unit of `rmse` and `mae`, and its size in units of the target.
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
    """Mean permutation importance: the decrease in quality of the primary metric, largest first."""
    trials: list[TrialSummary] = field(repr=False)
    training_seconds: float
    peak_memory_bytes: int
    """Peak resident memory of the training process."""
    facts: dict[str, str]
    """The provenance of the model: table versions, code version, run ids and digest."""
    permutation: dict[str, PermutationImportance] = field(default_factory=dict)
    """The permutation importances with their spread over shuffles and their confidence intervals."""
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    """For the model and each baseline, the 95 % confidence interval of `metric`; NaN where undefined."""
    baseline_gate: GateResult | None = None
    """The result of the gate `better_than_baseline`; None before the comparison."""
    clusters: NDArray | None = field(default=None, repr=False)
    """The cluster of each row of the holdout, shape `(n,)`, which intervals and tests resample; None if rows
    are independent."""
    weights: NDArray | None = field(default=None, repr=False)
    """The weight of each row of the holdout, shape `(n,)`; None if rows count the same."""
    weight: str = ""
    """The column with the weights; empty if there is none."""
    quantile: QuantileShare | None = None
    """Of a regression whose target is a quantile: the share of rows at or below the prediction."""
    monotone: list[MonotoneResult] = field(default_factory=list)
    """The verification of each declared monotone constraint."""
    cluster_columns: list[str] = field(default_factory=list)
    """The columns that identify a cluster."""
    split: str = ""
    """The times of the holdout and of training, such as `tested on 2025-03, trained on 2024-01 to 2024-12`;
    empty in a project that is not split over time."""
    threshold: float | None = None
    """The minimum probability to predict the second class; None for the likelier class."""
    row_thresholds: NDArray | None = field(default=None, repr=False)
    """With a fairness constraint, the decision threshold of each row of the holdout, shape `(n,)`."""
    mitigation: Mitigation | None = None
    """The effect of the fairness constraint."""
    coverage: Coverage | None = None
    """The coverage of prediction intervals or prediction sets; None if the model has neither."""
    bounds: NDArray | None = field(default=None, repr=False)
    """Lower and upper bounds of the prediction intervals in units of the target, shape `(2, n)`."""
    shap: dict[str, float] = field(default_factory=dict)
    """Mean absolute SHAP values, largest first."""
    shap_scale: ContributionScale = "prediction"
    shap_rows: int = 0
    """Number of rows whose SHAP values were computed."""
    dependences: list[PartialDependence] = field(default_factory=list)
    """Partial dependence on the most important features."""
    dependence_of: str = ""
    """The output that the partial dependence describes: the prediction, or the probability of a class."""
    slices: list[SliceScore] = field(default_factory=list)
    weakest: WeakestSlices | None = None
    slice_loss: str = ""
    """Name of the loss that the significance test of slices compares."""
    fairness: list[Fairness] = field(default_factory=list)
    periods: list[PeriodScore] = field(default_factory=list)
    """The metric by period, in chronological order."""
    error_map: ErrorMap | None = None
    learning_curve: list[CurvePoint] = field(default_factory=list)
    leaderboard: list[LeaderboardEntry] = field(default_factory=list)
    served: Speed | None = None
    """Latency and throughput from model input to prediction, including the computation of features."""
    behaviour: list[BehaviourResult] = field(default_factory=list)
    quality: list[TableQuality] = field(default_factory=list)
    intended_use: str = ""
    limits: list[str] = field(default_factory=list)

    @property
    def holdout_rows(self) -> int:
        return len(self.truth)

    @property
    def cluster_count(self) -> int:
        """Number of clusters in the holdout; the number of rows if rows are independent."""
        return count_clusters(cluster_codes(self.clusters, len(self.truth)))

    @property
    def best_baseline(self) -> str:
        """The baseline with the best primary metric."""
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
        """Whether the model passes the gate `better_than_baseline`."""
        return self.baseline_gate is not None and self.baseline_gate.passed

    @property
    def leakage_warning(self) -> str:
        """A warning about a near-perfect score; empty otherwise."""
        return leakage_warning(self.task, self.scores[MODEL], self.importances)

    def predicted_classes(self) -> NDArray:
        """The index of the predicted class of each row of the holdout, shape `(n,)`."""
        threshold = self.threshold if self.row_thresholds is None else self.row_thresholds
        return predicted_classes(self.task, self.predictions, threshold)

    def confusion(self) -> NDArray:
        """Rows are true classes, columns predicted ones; shape `(classes, classes)`."""
        return confusion_matrix(self.truth, self.predicted_classes(), labels=np.arange(len(self.classes)))

    def calibration(self) -> Reliability:
        """The reliability of the probability of the second of two classes, or of the predicted class."""
        if self.task == "binary":
            return reliability(self.truth == 1, self.predictions, weights=self.weights)
        correct = self.predictions.argmax(axis=1) == self.truth
        return reliability(correct, self.predictions.max(axis=1), weights=self.weights)

    def to_json(self) -> dict[str, Any]:
        """The evaluation as JSON, without rows; undefined and infinite numbers are None."""
        none: dict[str, Any] = dict.fromkeys(_OF_ROWS)
        numbers = asdict(replace(self, **(none | {"truth": np.empty(0), "predictions": np.empty(0)})))
        for name in _OF_ROWS:
            del numbers[name]
        extra: dict[str, Any] = {"holdout_rows": self.holdout_rows, "beats_baseline": self.beats_baseline}
        extra["holdout_clusters"] = self.cluster_count
        extra["best_baseline"] = self.best_baseline
        if self.mitigation is None:
            del numbers["mitigation"]
        else:
            numbers["mitigation"] |= {"measure": self.mitigation.measure, "holds": self.mitigation.holds}
        if self.task != "regression":
            extra["confusion_matrix"] = self.confusion().tolist()
            curve = self.calibration()
            extra["calibration"] = {"error": curve.error, "bias": curve.bias}
        written: dict[str, Any] = nonfinite_to_none(numbers | extra)
        return written


def nonfinite_to_none(value: Any) -> Any:
    """Replace NaN and infinite numbers, which JSON cannot represent, by None; arrays become lists."""
    match value:
        case dict():
            return {name: nonfinite_to_none(item) for name, item in value.items()}
        case list() | tuple():
            return [nonfinite_to_none(item) for item in value]
        case np.ndarray() | np.generic():
            return nonfinite_to_none(value.tolist())
        case float() if not math.isfinite(value):
            return None
    return value


def score_all(
    measure: Measure, truth: NDArray, compared: Mapping[str, Predicted], *, weights: NDArray | None = None
) -> dict[str, dict[str, float]]:
    """Every metric of the task for every model, by name, each with its own decision threshold."""
    return {
        name: compute_metrics(measure, truth, each.predictions, threshold=each.threshold, weights=weights)
        for name, each in compared.items()
    }


def score_intervals(
    measure: Measure,
    truth: NDArray,
    compared: Mapping[str, Predicted],
    *,
    weights: NDArray | None = None,
    clusters: NDArray | None = None,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """The 95 % confidence interval of a metric for every model, on common bootstrap samples."""
    intervals = {
        name: bootstrap_interval(
            measure,
            truth,
            each.predictions,
            threshold=each.threshold,
            weights=weights,
            clusters=clusters,
            seed=seed,
        )
        for name, each in compared.items()
    }
    return {name: (interval.low, interval.high) for name, interval in intervals.items()}
