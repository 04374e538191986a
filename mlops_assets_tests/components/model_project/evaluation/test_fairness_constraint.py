"""A fairness constraint from the declaration to the report, in a trained and evaluated project."""

import json
from types import SimpleNamespace

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from mlops_assets.components.model_project.evaluation.holdout_evaluation import EvaluatedModel
from mlops_assets.components.model_project.maintenance.reproduce_job import reproduce
from mlops_assets.components.model_project.project.metadata_names import NUMBERS, PAGE
from mlops_assets.components.model_project.promotion import champion_comparison
from mlops_assets.ml.metrics.disparity import disparity
from mlops_assets.ml.model.group_thresholds import GroupThresholds
from mlops_assets.ml.model.input_rows import InputError
from mlops_assets.ml.number_format import number
from mlops_assets.stores.tracking.registry import Version
from mlops_assets_tests.support.loan_assets import LOAN_DATA, LOAN_MODEL, check, materialize
from mlops_assets_tests.support.loans import SCHEMA

ROWS = 3_000


def applications() -> pd.DataFrame:
    """Loans that two large branches repay at different rates, and a branch with few loans."""
    random = np.random.default_rng(0)
    branch = random.choice(["east", "west", "tiny"], ROWS, p=[0.5, 0.48, 0.02])
    income = (random.uniform(1_000, 8_000, ROWS) + np.where(branch == "west", 1_500, 0)).round(2)
    score = income / 5_000 - 1 + random.normal(0, 0.3, ROWS)
    return pd.DataFrame(
        {
            "income": income,
            "amount": random.uniform(100, 9_000, ROWS).round(2),
            "branch": branch,
            "purpose": random.choice(["car", "house", "other"], ROWS),
            "outcome": np.where(score > 0, "paid", "late"),
        }
    )


@pytest.fixture
def evaluated(make_project, stores, instance: dg.DagsterInstance, tracking, warehouse, write_loans):
    """The project with its registered version, its trained model, and the page and numbers of the report."""
    project = make_project(
        schema=SCHEMA.replace("    purpose: str = pa", "    branch: str\n    purpose: str = pa"),
        features_sql="select row_id, income, amount / income as share, purpose from loans",
        tuning={"trials": 1, "folds": 3, "threads": 1, "families": ["linear"], "metric": "accuracy"},
        evaluation={"sensitive": ["branch"], "slices": ["purpose"]},
        fairness={"constraint": "demographic_parity", "at_most": 0.05},
        gates={"fairness": {"demographic parity difference": 0.15}},
    )
    write_loans(applications())
    result = materialize([build(project) for build in LOAN_DATA + LOAN_MODEL[:3]], stores, instance)
    assert result.success
    trained = tracking.trained_model(project.name, dagster_run_id=result.run_id, cutoff=None)
    numbers = json.loads(tracking.file_text(trained.run_id, f"report/{NUMBERS}"))
    page = tracking.file_text(trained.run_id, f"report/{PAGE}")
    model = EvaluatedModel.read(project, tracking, trained, warehouse)
    return SimpleNamespace(
        result=result,
        trained=trained,
        model=model,
        numbers=numbers,
        page=page,
        tracking_metrics=trained.metrics,
    )


def test_a_constraint_is_kept_and_shown_from_the_search_to_the_deployed_model(evaluated, tracking, warehouse):
    model, numbers = evaluated.model, evaluated.numbers["mitigation"]
    fair = model.model.spec.group_thresholds
    assert fair.labels == ("east", "west")
    assert numbers["ungrouped"].keys() == {"tiny"}
    assert numbers["before"]["disparity"] > 0.15
    assert numbers["after"]["disparity"] < 0.05
    assert numbers["holds"]
    low, high = numbers["cost"]
    cost = numbers["after"]["objective"] - numbers["before"]["objective"]
    assert low < cost < min(high, 0)
    assert [point["limit"] for point in numbers["curve"]][-1] is None
    assert len(numbers["curve"]) > 5

    truth, branch = model.holdout.target, model.column("branch").to_numpy()
    rows = model.rows()
    served = model.model.predict(rows)["prediction"].to_numpy()
    expected = model.predictions >= np.select(
        [branch == "east", branch == "west"], fair.thresholds, fair.unconstrained
    )
    assert (served == np.array(["late", "paid"])[expected.astype(int)]).all()
    groups = np.select([branch == "east", branch == "west"], [0, 1], -1)
    found = disparity("demographic_parity", truth, expected.astype(int), groups)
    assert found == pytest.approx(numbers["after"]["disparity"])

    accuracy = float(np.mean(expected == truth))
    assert evaluated.numbers["scores"]["model"]["accuracy"] == pytest.approx(accuracy)
    assert numbers["metrics"]["accuracy"] == pytest.approx([numbers["before"]["objective"], accuracy])
    confusion = evaluated.numbers["confusion_matrix"]
    assert confusion[0][0] + confusion[1][1] == int((expected == truth).sum())
    for each in evaluated.numbers["slices"]:
        rows_of = model.column("purpose").to_numpy() == each["value"]
        assert each["score"] == pytest.approx(float(np.mean(expected[rows_of] == truth[rows_of])))
    baseline = evaluated.numbers["scores"]["linear baseline"]["accuracy"]
    assert baseline == pytest.approx(accuracy), "the linear baseline has the same constraint"
    measured = evaluated.numbers["fairness"][0]
    assert [group["value"] for group in measured["groups"]] == ["east", "west", "not constrained"]
    assert measured["criteria"]["demographic parity difference"] == pytest.approx(found)

    without = rows.assign(branch=["nowhere"] * len(rows))
    common = model.predictions >= fair.unconstrained
    assert (
        model.model.predict(without)["prediction"] == np.array(["late", "paid"])[common.astype(int)]
    ).all()
    with pytest.raises(InputError, match="missing input columns: branch"):
        model.model.predict(rows.drop(columns="branch"))

    version = tracking.registry.versions(model.project.name)[0]
    again = reproduce(model.project, warehouse, tracking, version)
    assert again.outcome == "identical"

    shown, page, result = evaluated.numbers["mitigation"], evaluated.page, evaluated.result
    before, after = (number(shown[each]["disparity"]) for each in ("before", "after"))
    described = f"demographic parity difference by branch {before} → {after} (95 % CI "
    checked = check(result, "fairness_constraint")
    assert checked.passed
    assert checked.description.startswith(described)
    (report,) = result.asset_materializations_for_node("lending__evaluation_report")
    assert report.metadata["fairness_constraint"].value == checked.description
    assert "| east | " in report.metadata["fairness_groups"].value
    assert "Constraint on branch: demographic parity difference at most 0.05" in page
    assert "The constraint holds on the holdout." in page
    assert "Decision thresholds depend on branch." in page
    assert "and are not compared:\ntiny (" in page
    gate = check(result, "gate_fair_groups")
    assert gate.passed
    assert "branch: demographic parity difference" in gate.description
    metrics = evaluated.tracking_metrics
    assert metrics["disparity"] == pytest.approx(shown["after"]["disparity"])
    assert metrics["disparity_unconstrained"] == pytest.approx(shown["before"]["disparity"])


def test_a_champion_without_the_constraint_is_named_as_such_when_it_scores_higher(make_project, monkeypatch):
    random = np.random.default_rng(0)
    sex = random.choice(["f", "m"], 800)
    score = np.clip(random.random(800) * 0.7 + np.where(sex == "m", 0.3, 0.0), 0, 1)
    outcome = np.where(random.random(800) < score, "paid", "late")
    rows = pd.DataFrame({"outcome": outcome, "score": score, "sex": sex})
    project = make_project(tuning={"metric": "accuracy", "families": ["linear"]})
    monkeypatch.setattr(champion_comparison, "rows_unseen_by", lambda *_: rows)
    monkeypatch.setattr(champion_comparison, "missing_features", lambda *_: [])
    fair = GroupThresholds("sex", ("f", "m"), (0.35, 0.65), 0.5, "demographic_parity", 0.1)

    def model(group_thresholds: GroupThresholds | None) -> SimpleNamespace:
        spec = SimpleNamespace(task="binary", target="outcome", classes=("late", "paid"))
        spec.group_thresholds = group_thresholds
        return SimpleNamespace(
            spec=spec,
            as_sent=lambda frame: frame,
            compute_features=lambda frame: frame,
            predict_features=lambda frame: frame["score"].to_numpy(),
            decision_thresholds=lambda frame: group_thresholds and group_thresholds.of(frame["sex"]),
        )

    models = {1: model(None), 2: model(fair)}
    tracking = SimpleNamespace(load=lambda version: models[version.version])
    facts = {"training_set_digest": "d", "inputs": '{"lending/validated_loans": 1}'}
    champion, challenger = (Version("lending", number, "run", "models:/m", facts) for number in (1, 2))
    found = champion_comparison.compare_with_champion(project, tracking, None, challenger, champion)
    assert not found.passed
    expected = [
        disparity("demographic_parity", outcome == "paid", chosen.astype(int), (sex == "m").astype(int))
        for chosen in (score > 0.5, score >= fair.of(sex))
    ]
    assert (
        "the champion was trained without this constraint: demographic parity difference by sex "
        f"{expected[0]:.3g}, of the challenger {expected[1]:.3g} (at most 0.1); to replace it, run "
        "`mlops approve lending 2 --against-gates --reason …`" in found.message
    )
    truth = (outcome == "paid").astype(int)
    accuracy = float(np.mean((score >= fair.of(sex)) == truth))
    assert found.figures["challenger"] == pytest.approx(accuracy)

    models[1] = model(fair)
    again = champion_comparison.compare_with_champion(project, tracking, None, challenger, champion)
    assert "constraint" not in again.message
    assert again.figures["champion"] == pytest.approx(accuracy)
