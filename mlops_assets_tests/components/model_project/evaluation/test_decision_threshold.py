"""One decision threshold everywhere, and clusters of correlated rows, in an evaluation of a trained model."""

from types import SimpleNamespace

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from mlops_assets.components.model_project.evaluation.evaluate import evaluate
from mlops_assets.components.model_project.evaluation.holdout_evaluation import EvaluatedModel
from mlops_assets.components.model_project.promotion import champion_comparison
from mlops_assets.components.resources import resources
from mlops_assets.ml.metrics.bootstrap import bootstrap_interval
from mlops_assets.ml.metrics.metrics import compute_metric
from mlops_assets.ml.metrics.tasks import Measure
from mlops_assets.ml.search.baselines import CONSTANT_BASELINE, LINEAR_BASELINE, MODEL
from mlops_assets.stores.tracking.registry import Version
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.loan_assets import LOAN_DATA, LOAN_MODEL, materialize
from mlops_assets_tests.support.loans import SCHEMA, loans
from mlops_assets_tests.support.loans_project import loans_project
from mlops_assets_tests.support.shop import Shop

ROWS = 600


def visits() -> pd.DataFrame:
    """Loans of branches, which are paid or late together more often than by chance."""
    frame = loans(ROWS).assign(branch=[f"b{number // 15:02}" for number in range(ROWS)])
    strict = frame["branch"].isin([f"b{number:02}" for number in range(0, 40, 4)])
    frame.loc[strict, "outcome"] = "late"
    return frame


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory, empty_tracking_store):
    """The trained model with a threshold far from 0.5, and its evaluation; no test changes them."""
    root = tmp_path_factory.mktemp("threshold")
    state = Shop.make_state(root / "state", empty_tracking_store)
    tracking = TrackingStore(state.tracking_uri, state.mlflow / "artifacts")
    project = loans_project(
        root,
        schema=SCHEMA.replace("    purpose: str = pa", "    branch: str\n    purpose: str = pa"),
        tuning={
            "trials": 1,
            "folds": 2,
            "threads": 1,
            "families": ["linear"],
            "metric": "f1",
            "decision": {"false_positive": 1, "false_negative": 5},
            "calibrate": False,
        },
        evaluation={"slices": ["purpose"], "sensitive": ["purpose"], "learning_curve": True},
        split={"method": "group", "group": ["branch"], "holdout": 0.4},
        behaviour={
            "examples": [
                {
                    "name": "any",
                    "row": {"income": 3_000, "amount": 9_000, "purpose": "car", "branch": "b"},
                    "label": "paid",
                }
            ]
        },
    )
    (root / "data").mkdir()
    visits().to_csv(root / "data" / "loans.csv", index=False)
    with dg.DagsterInstance.ephemeral() as instance:
        assets = [build(project) for build in LOAN_DATA + LOAN_MODEL[:2]]
        result = materialize(assets, resources(state), instance)
    assert result.success
    warehouse = Warehouse(state.warehouse)
    trained = tracking.trained_model(project.name, dagster_run_id=result.run_id, cutoff=None)
    model = EvaluatedModel.read(project, tracking, trained, warehouse)
    evaluation, over = evaluate(project, tracking, trained, warehouse)
    return SimpleNamespace(model=model, evaluation=evaluation, over=over)


def test_every_number_of_the_report_uses_the_threshold_that_is_deployed(evaluated):
    model, evaluation = evaluated.model, evaluated.evaluation
    truth, predictions, threshold = model.holdout.target, model.predictions, model.model.spec.threshold
    assert threshold < 0.3

    served = model.model.predict(model.rows())["prediction"].to_numpy()
    classes = np.array(model.model.spec.classes)
    recall = float(np.mean(served[truth == 1] == classes[1]))
    assert evaluation.scores[MODEL]["recall"] == pytest.approx(recall)
    assert evaluation.scores[MODEL]["accuracy"] == pytest.approx(float(np.mean(served == classes[truth])))
    confusion = evaluation.confusion()
    assert confusion[1, 1] / confusion[1].sum() == pytest.approx(recall)

    f1 = compute_metric(Measure("binary", "f1"), truth, predictions, threshold=threshold)
    assert evaluation.scores[MODEL]["f1"] == pytest.approx(f1)
    assert f1 != pytest.approx(compute_metric(Measure("binary", "f1"), truth, predictions)), (
        "otherwise nothing is tested"
    )
    assert evaluation.learning_curve[-1].score == pytest.approx(f1, abs=0.02)

    purpose = model.column("purpose").to_numpy()
    for each in evaluation.slices:
        rows = purpose == each.value
        expected = compute_metric(
            Measure("binary", "f1"), truth[rows], predictions[rows], threshold=threshold
        )
        assert each.score == pytest.approx(expected)
    for group in evaluation.fairness[0].groups:
        rows = (purpose == group.value) & (truth == 1)
        rate = float(np.mean(served[rows] == classes[1]))
        assert group.measures["true positive rate"] == pytest.approx(rate)


def test_baselines_have_thresholds_by_the_same_choice(evaluated):
    scores = evaluated.evaluation.scores
    assert scores[CONSTANT_BASELINE]["recall"] == 1.0, "missing a row costs five times as much"
    assert scores[LINEAR_BASELINE]["recall"] > 0.9
    gain = scores[MODEL]["f1"] - scores[CONSTANT_BASELINE]["f1"]
    assert evaluated.over["over_constant_low"] <= gain <= evaluated.over["over_constant_high"]


def test_intervals_resample_the_groups_of_the_split(evaluated):
    model, evaluation = evaluated.model, evaluated.evaluation
    branches = model.column("branch").to_numpy()
    assert evaluation.cluster_columns == ["branch"]
    assert evaluation.cluster_count == len(set(branches)) < 30
    arguments = (Measure("binary", "f1"), model.holdout.target, model.predictions)
    threshold = model.model.spec.threshold
    by_branch = bootstrap_interval(*arguments, threshold=threshold, clusters=model.clusters)
    assert evaluation.intervals[MODEL] == (by_branch.low, by_branch.high)
    by_row = bootstrap_interval(*arguments, threshold=threshold)
    assert by_branch.high - by_branch.low > 1.3 * (by_row.high - by_row.low)
    assert evaluation.to_json()["holdout_clusters"] == evaluation.cluster_count


def test_champion_and_challenger_each_have_their_own_threshold(make_project, monkeypatch):
    random = np.random.default_rng(0)
    late = random.integers(0, 2, 400)
    rows = pd.DataFrame(
        {"outcome": np.where(late, "paid", "late"), "score": late * 0.2 + random.random(400) * 0.3}
    )
    project = make_project(tuning={"metric": "f1", "families": ["linear"]})
    monkeypatch.setattr(champion_comparison, "rows_unseen_by", lambda *_: rows)
    monkeypatch.setattr(champion_comparison, "missing_features", lambda *_: [])

    def model(threshold: float | None) -> SimpleNamespace:
        return SimpleNamespace(
            spec=SimpleNamespace(
                task="binary", target="outcome", classes=("late", "paid"), group_thresholds=None
            ),
            as_sent=lambda frame: frame,
            compute_features=lambda frame: frame,
            predict_features=lambda frame: frame["score"].to_numpy(),
            decision_thresholds=lambda _: threshold,
        )

    models = {1: model(None), 2: model(0.25)}
    tracking = SimpleNamespace(load=lambda version: models[version.version])
    champion, challenger = (
        Version(
            "lending",
            number,
            "run",
            "models:/m",
            {"training_set_digest": "d", "inputs": '{"lending/validated_loans": 1}'},
        )
        for number in (1, 2)
    )
    found = champion_comparison.compare_with_champion(project, tracking, None, challenger, champion)
    assert found.figures["champion"] == 0.0, "no probability reaches one half"
    expected = compute_metric(Measure("binary", "f1"), late, rows["score"].to_numpy(), threshold=0.25)
    assert found.figures["challenger"] == pytest.approx(expected)
    assert found.passed
    assert 0.5 < found.figures["low"] < expected < found.figures["high"]
