"""Evaluations for tests of the reports."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.ml.evaluation.behaviour_tests import BehaviourResult
from mlops_assets.ml.evaluation.comparison_gates import better_than_baseline
from mlops_assets.ml.evaluation.evaluation import Evaluation, PeriodScore, Predicted, TableQuality, score_all
from mlops_assets.ml.evaluation.groups.column_groups import group_column
from mlops_assets.ml.evaluation.groups.error_map import error_map
from mlops_assets.ml.evaluation.groups.fairness import Fairness, GroupMeasures
from mlops_assets.ml.evaluation.groups.slices import SliceScore
from mlops_assets.ml.evaluation.groups.weakest_slices import WeakestSlices
from mlops_assets.ml.evaluation.interval_coverage import Coverage, measure_coverage
from mlops_assets.ml.evaluation.learning_curve import CurvePoint
from mlops_assets.ml.evaluation.partial_dependence import PartialDependence
from mlops_assets.ml.metrics.bootstrap import Interval
from mlops_assets.ml.metrics.tasks import Measure, default_metric
from mlops_assets.ml.model.costs import Speed
from mlops_assets.ml.search.baselines import CONSTANT_BASELINE, LINEAR_BASELINE, MODEL
from mlops_assets.ml.search.leaderboard import LeaderboardEntry
from mlops_assets.ml.search.trials import TrialSummary

NAN = float("nan")


def trial(number: int, score: float, *, state: str = "complete", family: str = "linear") -> TrialSummary:
    """A trial of a search."""
    return TrialSummary(number, family, {"alpha": 0.5}, score, state, 1.0)


def regression(rows: int = 400, **changes: Any) -> Evaluation:
    """A regression that beats its baselines, without optional analyses."""
    random = np.random.default_rng(7)
    truth = random.uniform(1e5, 5e5, rows)
    evaluation = Evaluation(
        project="california_housing",
        description="What a house costs.",
        task="regression",
        target="median_house_value",
        metric="rmse",
        unit="100,000 USD",
        unit_size=1e5,
        classes=[],
        family="gradient_boosting",
        params={"learning_rate": 0.05, "max_depth": 6},
        scores={
            MODEL: {"rmse": 0.431, "mae": 0.30, "r2": 0.81, "mape": 0.17},
            CONSTANT_BASELINE: {"rmse": 1.15, "mae": 0.91, "r2": 0.0, "mape": 0.62},
            LINEAR_BASELINE: {"rmse": 0.64, "mae": 0.28, "r2": 0.66, "mape": 0.31},
        },
        truth=truth,
        predictions=truth + random.normal(0, 4e4, rows),
        train_rows=16_512,
        features=["income", "age"],
        importances={"income": 0.4, "age": 0.1},
        trials=[trial(0, 0.9), trial(1, 0.5, state="pruned", family="forest"), trial(2, 0.45)],
        training_seconds=252.0,
        peak_memory_bytes=3 * 2**29,
        facts={"features table": "version 12", "digest": "sha256:abc"},
    )
    return with_baseline_gate(replace(evaluation, **changes))


def with_baseline_gate(evaluation: Evaluation, *, half_width: float = 0.02) -> Evaluation:
    """The evaluation with the gate's result for intervals of a width around the differences of the scores."""
    metric = evaluation.metric
    ours, theirs, constant = (
        evaluation.scores[name][metric] for name in (MODEL, evaluation.best_baseline, CONSTANT_BASELINE)
    )
    over_constant, over_baseline = (
        Interval(ours - other - half_width, ours - other + half_width) for other in (constant, theirs)
    )
    gate = better_than_baseline(
        metric, ours, theirs, constant, over_constant=over_constant, over_baseline=over_baseline
    )
    return replace(evaluation, baseline_gate=gate)


def classification(
    classes: int, *, rows: int = 600, absent_class: bool = False, **changes: Any
) -> Evaluation:
    """A classification into `classes` classes; with `absent_class` the holdout has no row of the last one."""
    random = np.random.default_rng(3)
    truth = random.integers(0, classes - absent_class, rows)
    weights = random.random((rows, classes)) + 1.5 * np.eye(classes)[truth]
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    flat = np.full_like(probabilities, 1 / classes)
    task = "binary" if classes == 2 else "multiclass"
    predictions = {MODEL: probabilities, CONSTANT_BASELINE: flat}
    if task == "binary":
        predictions = {name: values[:, 1] for name, values in predictions.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compared = {name: Predicted(values) for name, values in predictions.items()}
        scores = score_all(Measure(task, default_metric(task), classes), truth, compared)
    return regression(
        task=task,
        metric="log_loss",
        target="kind",
        unit="",
        unit_size=1.0,
        classes=[f"kind {index}" for index in range(classes)],
        scores=scores,
        truth=truth,
        predictions=predictions[MODEL],
        **changes,
    )


def with_intervals(share: float = 0.9, **changes: Any) -> Evaluation:
    """A regression with intervals of one width, which contain the true value in a share of the rows."""
    evaluation = regression(**changes)
    truth, rows = evaluation.truth, len(evaluation.truth)
    inside = np.arange(rows) < round(share * rows)
    centre = np.where(inside, truth, truth + 9e4)
    sizes = np.full(rows, 1.2)
    region = group_column(pd.Series(["north", "south"] * (rows // 2)), name="region")
    scores = measure_coverage(inside, sizes, 0.9, declared=[region])
    return replace(
        evaluation,
        coverage=Coverage("intervals", 0.9, 1_600, *scores),
        bounds=np.stack([centre - 6e4, centre + 6e4]),
    )


def with_model_score(metric: str, value: float) -> Evaluation:
    """A regression whose model has a given score."""
    evaluation = regression(metric=metric)
    changed = evaluation.scores[MODEL] | {metric: value}
    return with_baseline_gate(replace(evaluation, scores=evaluation.scores | {MODEL: changed}))


def full_evaluation() -> Evaluation:
    """A regression with every optional analysis."""
    slices = [
        SliceScore("region", "north", 200, 0.5, 0.4, 0.6, 1.4, 0.001),
        SliceScore("region", "south", 20, NAN, NAN, NAN, 0.7, NAN),
    ]
    groups = [
        GroupMeasures("north", 200, {"mean error": 0.1}, {"mean error": (0.05, 0.15)}, True),
        GroupMeasures("south", 20, {"mean error": -0.1}, {}, False),
    ]
    return regression(
        shap={"income": 0.3, "age + place": 0.1},
        dependences=[PartialDependence("income", [1.0, 2.0], [1.0, 3.0], [0.5, 2.0], [1.5, 4.0], 400)],
        dependence_of="prediction (100,000 USD)",
        slices=slices,
        slice_loss="squared error",
        weakest=WeakestSlices([replace(slices[0], column="age", value="1 to 9")], 500, 5, 200, 200),
        fairness=[Fairness("region", groups, [], {})],
        periods=[PeriodScore(str(year), "holdout", 200, 0.4, 0.3, 0.5) for year in (1990, 1991)],
        error_map=error_map(np.linspace(50, 51, 400), np.linspace(8, 9, 400), np.linspace(-1, 1, 400)),
        learning_curve=[
            CurvePoint(200, 0.5, 0.4, 0.6),
            CurvePoint(400, 0.4, 0.3, 0.5, (-0.2, -0.05)),
        ],
        leaderboard=[
            LeaderboardEntry(MODEL, "xgboost", NAN, 0.431, NAN, 1.5, 1e5, 2**20),
            LeaderboardEntry("champion, version 3", "linear", NAN, 0.44, note="on 90 rows new to both"),
            LeaderboardEntry("ensemble", "ensemble", 0.43, fit_seconds=12.0),
        ],
        served=Speed(8.0, 1e4),
        behaviour=[
            BehaviourResult("direction_income", "direction", "error", False, "more <b>", "it falls", 400, 0.2)
        ],
        quality=[TableQuality("districts", 990, 10, [("income: greater_than(0)", 9)])],
        intended_use="To show & tell.",
        limits=["Of 1990."],
    )
