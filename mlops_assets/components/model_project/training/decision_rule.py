"""How a classifier decides: calibration, decision threshold and thresholds by group, from the search."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.settings.protected_columns import fairness_rule
from mlops_assets.core.errors import TrackingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlops_assets.ml.model.model_spec import ModelSpec
    from mlops_assets.ml.search.decision_threshold import Decision
    from mlops_assets.ml.search.fairness_trade_off import TradeOff
    from mlops_assets.ml.search.search import SearchResult
    from mlops_assets.ml.search.training_data import TrainingData
    from mlops_assets.stores.tracking.tracking import TrackingStore


def with_decision_rule(
    project: Project, spec: "ModelSpec", train: "TrainingData", result: "SearchResult"
) -> "tuple[ModelSpec, TradeOff | None]":
    """The spec with calibration and decision thresholds, chosen on the out-of-fold predictions.

    Returns
    -------
    The spec, and with a fairness constraint the thresholds for several limits.
    """
    from mlops_assets.ml.model.class_weights import class_weight_threshold
    from mlops_assets.ml.search.decision_threshold import choose_threshold
    from mlops_assets.ml.search.fit_calibration import choose_calibration

    tuning, truth, predictions = project.settings.tuning, train.target[result.rows], result.out_of_fold
    weights = train.weights_of(result.rows)
    if project.settings.task != "regression" and tuning.calibrate:
        calibration = choose_calibration(
            project.settings.task,
            truth,
            predictions,
            seed=tuning.seed,
            weights=weights,
            class_weights=spec.class_weights,
            times=None if train.times is None else train.times[result.rows],
            groups=None if train.groups is None else train.groups[result.rows],
        )
        spec = replace(spec, calibration=calibration)
        predictions = calibration.apply(predictions) if calibration else predictions
    if tuning.decision:
        threshold = choose_threshold(objective(project), truth, predictions, weights)
        spec = replace(spec, threshold=threshold)
    elif spec.class_weights and project.settings.task == "binary" and tuning.calibrate:
        spec = replace(spec, threshold=class_weight_threshold(spec.class_weights))
    decision = objective(project, spec.class_weights)
    return with_group_thresholds(project, spec, train, result.rows, predictions, decision)


def with_group_thresholds(
    project: Project,
    spec: "ModelSpec",
    train: "TrainingData",
    rows: "NDArray",
    predictions: "NDArray",
    decision: "Decision",
) -> "tuple[ModelSpec, TradeOff | None]":
    """The spec with thresholds by group, if the project declares a fairness constraint.

    Parameters
    ----------
    rows, predictions
        Positions of training rows, and their out-of-fold probabilities of the second class.
    decision
        What the thresholds optimise.
    """
    from mlops_assets.ml.search.fairness_trade_off import choose_group_thresholds

    rule = fairness_rule(project.settings)
    if rule is None:
        return spec, None
    fair, trade_off = choose_group_thresholds(
        rule,
        decision,
        train.target[rows],
        predictions,
        train.protected_values(rule.column)[rows],
        threshold=spec.threshold,
        seed=project.settings.tuning.seed,
        subject=project.name,
        times=None if train.times is None else train.times[rows],
        together=None if train.groups is None else train.groups[rows],
    )
    return replace(spec, group_thresholds=fair), trade_off


def objective(project: Project, class_weights: Sequence[float] = ()) -> "Decision":
    """The objective of the thresholds: `tuning.decision`, the costs of class weights, or accuracy."""
    from mlops_assets.ml.search.decision_threshold import Decision

    declared = project.settings.tuning.decision
    if declared:
        return Decision(**declared.model_dump())
    if len(class_weights) == 2:
        return Decision(false_positive=class_weights[0], false_negative=class_weights[1])
    return Decision(metric="accuracy")


def read_trade_off(tracking: "TrackingStore", run_id: str) -> "TradeOff":
    """The thresholds for several limits that `log_trade_off` logged.

    Raises
    ------
    TrackingError
        If the run has none.
    """
    from mlops_assets.ml.search.fairness_trade_off import TRADE_OFF_FILE, TradeOff
    from mlops_assets.ml.search.leaderboard import LEADERBOARD_FOLDER

    path = f"{LEADERBOARD_FOLDER}/{TRADE_OFF_FILE}"
    text = tracking.file_text(run_id, path)
    if text is None:
        raise TrackingError(
            f"MLflow run {run_id} has no {path}, which the evaluation of a fairness constraint requires",
            hint="materialize tuned_model again",
        )
    return TradeOff.of_json(text)


def log_trade_off(tracking: "TrackingStore", run_id: str, trade_off: "TradeOff | None") -> None:
    """Log the thresholds for several limits with the run, for the report."""
    from mlops_assets.ml.search.fairness_trade_off import TRADE_OFF_FILE
    from mlops_assets.ml.search.leaderboard import LEADERBOARD_FOLDER

    if trade_off is None:
        return
    with TemporaryDirectory() as scratch:
        (Path(scratch) / TRADE_OFF_FILE).write_text(trade_off.to_json(), "utf-8")
        tracking.log_files(run_id, Path(scratch), LEADERBOARD_FOLDER)
