"""The results of a backtest: collecting the evaluations of past cut-offs, and writing the page."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dagster import AssetKey, DagsterInstance

from mlops_assets.components.model_project.project.materializations import latest_materializations
from mlops_assets.core import names
from mlops_assets.ml.evaluation.backtest import Backtest, CutoffScore
from mlops_assets.ml.features.timeline import Timeline
from mlops_assets.ml.reports.backtest_page import render_backtest
from mlops_assets.ml.search.baselines import MODEL
from mlops_assets.stores.system.disk_errors import translated_disk_errors, write_atomically
from mlops_assets.stores.system.own_files import own_report

PAGE, NUMBERS = "backtest.html", "backtest.json"


def collect_backtest(
    instance: DagsterInstance, project: str, timeline: Timeline, cutoffs: Sequence[str], *, reports: Path
) -> Backtest:
    """Return the scores of the cut-offs that have an evaluation, read from their reports.

    Parameters
    ----------
    reports
        The folder of the project's reports. The recorded paths are those of another folder if the state
        directory was moved or copied.
    """
    key = AssetKey(names.project_asset(project, names.EVALUATION_REPORT))
    found = {}
    for cutoff, record in latest_materializations(instance, key, cutoffs).items():
        if cutoff and record.asset_materialization:
            page = own_report(str(record.asset_materialization.metadata["report"].value), reports)
            found[cutoff] = json.loads(page.with_suffix(".json").read_text("utf-8"))
    newest = found[max(found)] if found else {}
    return Backtest(
        project,
        newest.get("description", ""),
        newest.get("metric", ""),
        newest.get("unit", ""),
        tuple(_score(cutoff, timeline, found[cutoff]) for cutoff in sorted(found)),
    )


def write_backtest(backtest: Backtest, folder: Path) -> Path:
    """Write the page and its figures as JSON; return the path of the page."""
    with translated_disk_errors("the backtest page", folder):
        write_atomically(folder / NUMBERS, json.dumps(backtest.to_json(), indent=2))
        write_atomically(folder / PAGE, render_backtest(backtest))
    return folder / PAGE


def _score(cutoff: str, timeline: Timeline, report: dict[str, Any]) -> CutoffScore:
    metric, train = report["metric"], timeline.training_periods(cutoff)
    baselines = {name: scores[metric] for name, scores in report["scores"].items() if name != MODEL}
    best = report["best_baseline"]
    low, high = (_number(value) for value in report["intervals"].get(MODEL, (None, None)))
    return CutoffScore(
        cutoff=cutoff,
        tested_on=timeline.holdout_period(cutoff),
        trained_on=f"{train[0]} to {train[-1]}",
        train_rows=report["train_rows"],
        test_rows=report["holdout_rows"],
        family=report["family"],
        score=_number(report["scores"][MODEL][metric]),
        low=low,
        high=high,
        baseline=_number(baselines[best]),
        baseline_name=best,
    )


def _number(value: float | None) -> float:
    """Return NaN for null, since JSON has no NaN."""
    return float("nan") if value is None else value
