"""The evaluation: the best baseline, the confusion matrix, and strict JSON."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mlops_assets.ml.evaluation.evaluation import Evaluation, Predicted, score_all, score_intervals
from mlops_assets.ml.evaluation.gates import GateResult
from mlops_assets.ml.metrics.tasks import Measure
from mlops_assets.ml.search.baselines import CONSTANT_BASELINE, LINEAR_BASELINE, MODEL
from mlops_assets.ml.search.trials import TrialSummary

NAN = float("nan")


def evaluation(metric: Any = "rmse", *, scores: tuple[float, float, float] = (0.4, 0.9, 0.6)) -> Evaluation:
    """A regression with the scores of model, constant and linear baseline."""
    names = (MODEL, CONSTANT_BASELINE, LINEAR_BASELINE)
    return Evaluation(
        project="garage",
        description="",
        task="regression",
        target="price",
        metric=metric,
        unit="",
        unit_size=1.0,
        classes=[],
        family="linear",
        params={"penalty": 0.5},
        scores={name: {metric: score} for name, score in zip(names, scores, strict=True)},
        truth=np.array([1.0, 2.0]),
        predictions=np.array([1.0, 3.0]),
        train_rows=7,
        features=["size"],
        importances={"size": 0.1},
        trials=[TrialSummary(0, "linear", {"penalty": 0.5}, 0.4, "complete", 0.1)],
        training_seconds=1.0,
        peak_memory_bytes=1,
        facts={"digest": "abc"},
    )


@pytest.mark.parametrize(
    ("metric", "scores", "best"),
    [
        ("rmse", (0.4, 0.9, 0.6), LINEAR_BASELINE),
        ("rmse", (0.7, 0.9, 0.6), LINEAR_BASELINE),
        ("rmse", (0.4, 0.5, 0.6), CONSTANT_BASELINE),
        ("r2", (0.9, 0.0, 0.8), LINEAR_BASELINE),
        ("r2", (0.1, 0.2, -0.8), CONSTANT_BASELINE),
        ("rmse", (0.4, NAN, 0.6), LINEAR_BASELINE),
        ("rmse", (0.4, 0.5, NAN), CONSTANT_BASELINE),
        ("rmse", (0.4, NAN, NAN), CONSTANT_BASELINE),
        ("rmse", (NAN, 0.5, 0.6), CONSTANT_BASELINE),
    ],
)
def test_the_model_is_compared_with_the_best_baseline(metric: str, scores: Any, best: str):
    evaluated = evaluation(metric, scores=scores)
    assert evaluated.best_baseline == best


def test_json_has_the_numbers_and_no_rows():
    gate = GateResult("better_than_baseline", True, "rmse 0.4", {"low": NAN})
    written = replace(evaluation(), baseline_gate=gate).to_json()
    assert written["baseline_gate"]["figures"] == {"low": None}
    assert written["scores"][MODEL] == {"rmse": 0.4}
    assert written["holdout_rows"] == 2
    assert written["beats_baseline"] is True
    assert written["trials"] == [
        {
            "number": 0,
            "family": "linear",
            "params": {"penalty": 0.5},
            "score": 0.4,
            "state": "complete",
            "seconds": 0.1,
        }
    ]
    assert not {"truth", "predictions"} & written.keys()


def test_json_is_strict_when_numbers_are_undefined_or_infinite():
    evaluated = replace(
        evaluation(scores=(0.4, NAN, float("inf"))),
        importances={"size": NAN},
        trials=[TrialSummary(0, "linear", {"penalty": float("inf")}, NAN, "complete", 0.1)],
        training_seconds=NAN,
    )
    written = json.loads(json.dumps(evaluated.to_json(), allow_nan=False))
    assert written["scores"] == {
        MODEL: {"rmse": 0.4},
        CONSTANT_BASELINE: {"rmse": None},
        LINEAR_BASELINE: {"rmse": None},
    }
    assert (
        written["trials"][0]["score"] is written["importances"]["size"] is written["training_seconds"] is None
    )


def test_the_confusion_matrix_has_true_classes_as_rows_including_absent_ones():
    evaluated = replace(
        evaluation(),
        task="multiclass",
        classes=["a", "b", "c"],
        truth=np.array([0, 0, 1]),
        predictions=np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.1, 0.8, 0.1]]),
    )
    assert evaluated.confusion().tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert evaluated.to_json()["confusion_matrix"] == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_every_set_of_predictions_has_every_metric():
    scores = score_all(
        Measure("regression", "rmse", 1, unit_size=2.0),
        np.array([1.0, 2.0]),
        {"good": Predicted(np.array([1.0, 2.0])), "bad": Predicted(np.array([3.0, 4.0]))},
    )
    assert scores["good"]["rmse"] == 0.0
    assert scores["bad"]["rmse"] == 1.0


def test_confidence_intervals_are_in_the_reported_unit():
    truth = np.random.default_rng(0).normal(0, 100, 200)
    compared = {"right": Predicted(truth), "off": Predicted(truth + 50.0)}
    intervals = score_intervals(Measure("regression", "rmse", 1, 10.0), truth, compared)
    assert intervals == {"right": (0.0, 0.0), "off": (pytest.approx(5.0), pytest.approx(5.0))}


def test_json_has_the_intervals_and_the_split():
    written = replace(
        evaluation(), intervals={MODEL: (0.3, 0.5), CONSTANT_BASELINE: (NAN, NAN)}, split="tested on 2025-03"
    ).to_json()
    assert written["intervals"] == {MODEL: [0.3, 0.5], CONSTANT_BASELINE: [None, None]}
    assert written["split"] == "tested on 2025-03"
    assert evaluation().to_json()["intervals"] == {}
