"""The fit of the winner of a search, and the artifacts that are logged with it."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any

from mlops_assets.components.model_project.project.column_checks import model_input_columns
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.training.decision_rule import log_trade_off, with_decision_rule
from mlops_assets.components.model_project.training.intervals import with_uncertainty
from mlops_assets.stores.project_folder.files import FEATURES_SQL

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from mlops_assets.ml.families import Settings
    from mlops_assets.ml.model.model_spec import ModelSpec
    from mlops_assets.ml.search.leaderboard import LeaderboardEntry
    from mlops_assets.ml.search.search import SearchResult
    from mlops_assets.ml.search.training_data import TrainingData
    from mlops_assets.stores.tracking.tracking import TrackingStore


@dataclass(frozen=True)
class Rows:
    """The rows of a training set by their use.

    Attributes
    ----------
    train
        Rows for the search and for the fit of the evaluated model.
    labelled
        Rows for the fit of the refitted model; None if the project does not refit.
    """

    train: "TrainingData"
    labelled: "TrainingData | None"
    classes: tuple[Any, ...]
    class_weights: tuple[float, ...] = ()
    """The factors of the weights of each class; empty if the project declares none."""


def fit_and_log(
    project: Project,
    rows: Rows,
    result: "SearchResult",
    shared: "Settings",
    tracking: "TrackingStore",
    run_id: str,
    facts: dict[str, str],
    log: "Callable[[str], None]",
) -> "list[LeaderboardEntry]":
    """Fit the winner on the training rows, and if the project refits also on all labelled rows; log both.

    Returns
    -------
    The leaderboard, the winner first. Digests and URIs of the models are added to `facts`.
    """
    from mlops_assets.ml.model.artifact import save_model
    from mlops_assets.ml.model.tabular_model import TabularModel
    from mlops_assets.ml.search.leaderboard import build_leaderboard

    spec, trade_off = with_decision_rule(project, _model_spec(project, rows, result), rows.train, result)
    if trade_off:
        log(trade_off.describe())
    spec = with_uncertainty(project, spec, rows.train, result, log)
    leaders: list[LeaderboardEntry] = []
    for role, data, name in (("model", rows.train, "model"), ("serving", rows.labelled, "refitted")):
        if data is None:
            continue
        purpose = " for deployment" if role == "serving" else ""
        log(f"fits the winner, {result.family}, on {len(data.target):,} rows{purpose}")
        sql, pipeline = project.files.text(FEATURES_SQL), project.files.make_pipeline()
        started = perf_counter()
        model = TabularModel.fit(
            spec, sql, data.features, data.target, pipeline, shared, weights=data.weights
        )
        seconds = perf_counter() - started
        if role == "model":
            log("fits and measures the best model of each family for the leaderboard")
            leaders = build_leaderboard(
                model,
                result,
                data.features,
                data.target,
                shared,
                weights=data.weights,
                fit_seconds=seconds,
            )
        with TemporaryDirectory() as scratch:
            folder = Path(scratch) / name
            facts[f"{role}_digest"] = save_model(model, folder)
            facts[f"{role}_uri"] = tracking.log_model(folder, spec, name=name)
    leaders.sort(key=lambda row: row.family != result.family)
    _log_search(project, result, leaders, tracking, run_id)
    log_trade_off(tracking, run_id, trade_off)
    return leaders


def _log_search(
    project: Project,
    result: "SearchResult",
    leaders: "list[LeaderboardEntry]",
    tracking: "TrackingStore",
    run_id: str,
) -> None:
    """Log the figures and the leaderboard of the search."""
    from mlops_assets.ml.reports.plots.search import search_figures
    from mlops_assets.ml.search.leaderboard import LEADERBOARD_FILE, LEADERBOARD_FOLDER, write_leaderboard

    metric = project.settings.primary_metric
    tracking.log_figures(run_id, search_figures(result.trials, metric))
    with TemporaryDirectory() as scratch:
        (Path(scratch) / LEADERBOARD_FILE).write_text(write_leaderboard(leaders), "utf-8")
        tracking.log_files(run_id, Path(scratch), LEADERBOARD_FOLDER)


def _model_spec(project: Project, rows: Rows, result: "SearchResult") -> "ModelSpec":
    from mlops_assets.ml.model.model_spec import ModelSpec

    target, features = project.settings.target.column, rows.train.features
    return ModelSpec(
        project=project.name,
        task=project.settings.task,
        target=target,
        table=None if project.timeline else project.table,
        columns=tuple(model_input_columns(project, _kinds(features))),
        features=tuple(features.columns),
        classes=rows.classes,
        family=result.family,
        params=result.params,
        rounds=result.rounds,
        seed=project.settings.tuning.seed,
        members=result.members if len(result.members) > 1 else (),
        bounds=(project.settings.target.minimum, project.settings.target.maximum),
        quantile=project.settings.target.quantile,
        class_weights=rows.class_weights,
        monotone=tuple(sorted(project.settings.monotone_signs.items())),
    )


def _kinds(features: "pd.DataFrame") -> dict[str, str]:
    """The SQL type of each feature, as `preprocessing.feature_frame` creates them."""
    kinds = {"f": "DOUBLE", "M": "TIMESTAMP"}
    return {str(name): kinds.get(kind.kind, "VARCHAR") for name, kind in features.dtypes.items()}
