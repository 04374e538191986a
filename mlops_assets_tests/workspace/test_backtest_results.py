"""The results of a backtest, collected from the reports of materialized evaluations."""

import json
import math
from pathlib import Path

import dagster as dg
import pytest

from mlops_assets.core.periods import Periods
from mlops_assets.ml.features.timeline import Timeline
from mlops_assets.ml.search.baselines import MODEL
from mlops_assets.workspace.backtest_results import NUMBERS, collect_backtest, write_backtest

TIMELINE = Timeline(Periods("monthly", "2024-01"), horizon=1)
KEY = dg.AssetKey(["shop", "evaluation_report"])


def report(score: float | None, interval: list[float | None]) -> dict:
    return {
        "description": "Who buys again.",
        "metric": "roc_auc",
        "unit": "",
        "scores": {MODEL: {"roc_auc": score}, "prior": {"roc_auc": 0.5}, "linear": {"roc_auc": 0.7}},
        "best_baseline": "linear",
        "intervals": {MODEL: interval},
        "train_rows": 100,
        "holdout_rows": 40,
        "family": "xgboost",
    }


@pytest.fixture
def evaluate(instance: dg.DagsterInstance, tmp_path: Path):
    """Materialize the evaluation of a cut-off: the report as JSON, and its page in the metadata.

    The recorded path is that of the place from which the state directory was moved.
    """

    def materialize(cutoff: str, content: dict) -> None:
        folder = tmp_path / cutoff
        folder.mkdir(exist_ok=True)
        (folder / "page.json").write_text(json.dumps(content), "utf-8")
        metadata = {"report": dg.MetadataValue.path(str(Path("/former") / cutoff / "page.html"))}
        event = dg.AssetMaterialization(KEY, partition=cutoff, metadata=metadata)
        instance.report_runless_asset_event(event)

    return materialize


def test_a_score_has_the_periods_of_its_cutoff_and_the_best_baseline(instance, evaluate, tmp_path):
    evaluate("2024-05", report(0.8, [0.75, 0.85]))
    [score] = collect_backtest(instance, "shop", TIMELINE, ["2024-05"], reports=tmp_path).scores
    train = TIMELINE.training_periods("2024-05")
    assert (score.cutoff, score.tested_on) == ("2024-05", TIMELINE.holdout_period("2024-05"))
    assert score.trained_on == f"{train[0]} to {train[-1]}"
    assert (score.train_rows, score.test_rows, score.family) == (100, 40, "xgboost")
    assert (score.score, score.low, score.high) == (0.8, 0.75, 0.85)
    assert (score.baseline, score.baseline_name) == (0.7, "linear")


def test_only_requested_cutoffs_with_an_evaluation_are_collected_in_order(instance, evaluate, tmp_path):
    for cutoff in ("2024-06", "2024-04", "2024-05"):
        evaluate(cutoff, report(0.8, [0.75, 0.85]))
    found = collect_backtest(instance, "shop", TIMELINE, ["2024-07", "2024-06", "2024-05"], reports=tmp_path)
    assert [score.cutoff for score in found.scores] == ["2024-05", "2024-06"]
    assert (found.project, found.metric, found.description) == ("shop", "roc_auc", "Who buys again.")


def test_the_latest_evaluation_of_a_cutoff_counts(instance, evaluate, tmp_path):
    evaluate("2024-05", report(0.8, [0.75, 0.85]))
    evaluate("2024-05", report(0.6, [0.55, 0.65]))
    [score] = collect_backtest(instance, "shop", TIMELINE, ["2024-05"], reports=tmp_path).scores
    assert score.score == 0.6


def test_an_undefined_score_is_nan(instance, evaluate, tmp_path):
    evaluate("2024-05", report(None, [None, None]))
    [score] = collect_backtest(instance, "shop", TIMELINE, ["2024-05"], reports=tmp_path).scores
    assert all(math.isnan(value) for value in (score.score, score.low, score.high))


def test_the_page_and_its_figures_are_written(instance, evaluate, tmp_path: Path):
    for cutoff in ("2024-05", "2024-06"):
        evaluate(cutoff, report(0.8, [0.75, 0.85]))
    found = collect_backtest(instance, "shop", TIMELINE, ["2024-05", "2024-06"], reports=tmp_path)
    page = write_backtest(found, tmp_path / "reports")
    assert "2024-05" in page.read_text("utf-8")
    assert json.loads(page.with_name(NUMBERS).read_text("utf-8")) == json.loads(json.dumps(found.to_json()))
