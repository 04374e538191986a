"""The evaluation of a trained model on its holdout: metrics, baselines and analyses for the report."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.evaluation import analyses, fairness_analyses
from mlops_assets.components.model_project.evaluation.behaviour_checks import run_behaviour_tests
from mlops_assets.components.model_project.evaluation.coverage import coverage
from mlops_assets.components.model_project.evaluation.holdout_evaluation import EvaluatedModel
from mlops_assets.components.model_project.evaluation.model_comparison import SPEED_ROWS, compared_models
from mlops_assets.components.model_project.evaluation.quarantine_summary import tables_quality
from mlops_assets.components.model_project.evaluation.row_clusters import cluster_columns
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.training.decision_rule import objective, with_group_thresholds
from mlops_assets.components.model_project.training.row_weights import with_weight
from mlops_assets.components.model_project.training.search import fit_settings, search_folds
from mlops_assets.core import names
from mlops_assets.stores.project_folder.files import FEATURES_SQL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlops_assets.ml.evaluation.evaluation import Evaluation, Predicted
    from mlops_assets.ml.evaluation.gates import GateResult
    from mlops_assets.ml.model.model_spec import ModelSpec
    from mlops_assets.ml.model.tabular_model import TabularModel
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.tracking.trained_model import TrainedModel
    from mlops_assets.stores.warehouse.warehouse import Warehouse


def evaluate(
    project: Project, tracking: "TrackingStore", trained: "TrainedModel", warehouse: "Warehouse"
) -> "tuple[Evaluation, dict[str, float]]":
    """Evaluate a model on the holdout of the table version that it was trained on.

    Returns
    -------
    The evaluation, and as metrics the 95 % confidence intervals of the gain of the primary metric over the
    constant and over the best baseline.
    """
    from mlops_assets.ml.evaluation.evaluation import Evaluation, score_all, score_intervals
    from mlops_assets.ml.evaluation.importances import shap_rows
    from mlops_assets.ml.metrics.metrics import loss_name
    from mlops_assets.ml.model.costs import measure_speed

    evaluated = EvaluatedModel.read(project, tracking, trained, warehouse)
    behaviour = run_behaviour_tests(evaluated)
    settings, spec, truth = project.settings, evaluated.model.spec, evaluated.holdout.target
    compared, linear = _compared(evaluated)
    shap = analyses.contributions(evaluated)
    permuted = analyses.importances(evaluated, shap)
    importances = {name: each.mean for name, each in permuted.items()}
    dependences, dependence_of = analyses.dependences(evaluated, importances)
    scores = score_all(evaluated.measure, truth, compared, weights=evaluated.holdout.weights)
    evaluation = Evaluation(
        project=project.name,
        description=settings.description,
        task=settings.task,
        target=settings.target.column,
        metric=evaluated.metric,
        unit=settings.target.unit,
        unit_size=evaluated.unit_size,
        classes=[str(label) for label in spec.classes],
        family=spec.family,
        params=spec.params,
        scores=scores,
        truth=truth,
        predictions=evaluated.predictions,
        train_rows=len(evaluated.train.target),
        features=list(spec.features),
        importances=importances,
        permutation=permuted,
        trials=tracking.trials(project.name, trained.run_id, evaluated.metric),
        training_seconds=float(trained.facts["training_seconds"]),
        peak_memory_bytes=int(trained.facts["peak_memory_bytes"]),
        facts=_provenance(trained),
        intervals=score_intervals(
            evaluated.measure,
            truth,
            compared,
            weights=evaluated.holdout.weights,
            clusters=evaluated.clusters,
        ),
        clusters=evaluated.clusters,
        cluster_columns=cluster_columns(project),
        weights=evaluated.holdout.weights,
        weight=settings.weight or "",
        quantile=analyses.quantile_share(evaluated),
        monotone=analyses.monotone(evaluated),
        split=_describe_split(evaluated),
        threshold=spec.threshold,
        row_thresholds=evaluated.group_thresholds,
        mitigation=fairness_analyses.mitigation(evaluated, tracking),
        coverage=coverage(evaluated),
        bounds=evaluated.bounds if spec.intervals else None,
        shap={name: each.mean for name, each in shap.items()},
        shap_scale=evaluated.model.estimator.contribution_scale,
        shap_rows=shap_rows(evaluated.model, len(truth)),
        dependences=dependences,
        dependence_of=dependence_of,
        slices=analyses.slices(evaluated),
        weakest=analyses.weakest_slices(evaluated, importances),
        slice_loss=loss_name(settings.task, evaluated.metric),
        fairness=fairness_analyses.fairness(evaluated),
        periods=analyses.periods(evaluated),
        error_map=analyses.error_map(evaluated),
        learning_curve=analyses.learning_curve(evaluated),
        leaderboard=compared_models(evaluated, tracking, linear, scores),
        served=measure_speed(evaluated.model.predict, evaluated.rows(most=SPEED_ROWS)),
        behaviour=behaviour,
        quality=tables_quality(project, warehouse, trained.facts),
        intended_use=settings.intended_use,
        limits=list(settings.limits),
    )
    over = _over_baselines(evaluated, evaluation, compared)
    return replace(evaluation, baseline_gate=_baseline_gate(project, evaluation, over)), over


def _describe_split(evaluated: EvaluatedModel) -> str:
    """The times of holdout and training; empty if rows are not split over time."""
    from mlops_assets.ml.search.time_split import describe_time_split, sides_of

    project, frame = evaluated.project, evaluated.frame
    if project.timeline is not None:
        return project.time.describe_split(evaluated.trained.facts["cutoff"])
    if names.TIME not in frame:
        return ""
    sides = sides_of(frame[names.TIME], frame[names.SPLIT])
    return describe_time_split(sides, project.settings.split.column or names.TIME)


def _compared(evaluated: EvaluatedModel) -> "tuple[dict[str, Predicted], TabularModel]":
    """Predictions of the holdout by the model and its baselines, and the linear baseline.

    With `tuning.decision`, each baseline has a threshold that is chosen as that of the model is. With a
    fairness constraint the linear baseline has thresholds by group; the constant one satisfies every one.
    """
    from mlops_assets.ml.evaluation.evaluation import Predicted
    from mlops_assets.ml.search.baselines import (
        CONSTANT_BASELINE,
        LINEAR_BASELINE,
        MODEL,
        constant_predictions,
        constant_threshold,
        fit_linear_baseline,
        linear_out_of_fold,
    )

    project, train, holdout = evaluated.project, evaluated.train, evaluated.holdout
    sql, shared = project.files.text(FEATURES_SQL), fit_settings(project, len(evaluated.model.spec.classes))
    rows, settings = len(holdout.target), project.settings
    linear = fit_linear_baseline(evaluated.model.spec, sql, train, project.files.make_pipeline(), shared)
    constant = constant_predictions(
        settings.task,
        train.target,
        rows,
        evaluated.classes,
        weights=train.weights,
        quantile=settings.target.quantile,
    )
    of_constant = None
    if settings.tuning.decision:
        of_constant = constant_threshold(objective(project), train.target, train.weights)
    elif evaluated.model.spec.class_weights:  # the threshold follows from the weights, not from a model
        of_constant = evaluated.model.spec.threshold
        linear = replace(linear, spec=replace(linear.spec, threshold=of_constant))
    if settings.tuning.decision or evaluated.model.spec.group_thresholds:
        folds, make_pipeline = search_folds(project, train), project.files.make_pipeline()
        known = linear_out_of_fold(linear, train, folds, make_pipeline, shared)
        linear = replace(linear, spec=_linear_rule(evaluated, linear.spec, *known))
    fair, threshold = linear.spec.group_thresholds, linear.spec.threshold
    of_linear = fair.of(holdout.protected_values(fair.column)) if fair else threshold
    return {
        MODEL: Predicted(evaluated.predictions, evaluated.threshold),
        CONSTANT_BASELINE: Predicted(constant, of_constant),
        LINEAR_BASELINE: Predicted(linear.predict_features(holdout.features), of_linear),
    }, linear


def _linear_rule(
    evaluated: EvaluatedModel, spec: "ModelSpec", rows: "NDArray", predictions: "NDArray"
) -> "ModelSpec":
    """The decision thresholds of the linear baseline, chosen as those of the model are."""
    from mlops_assets.ml.search.decision_threshold import choose_threshold

    project, train = evaluated.project, evaluated.train
    if project.settings.tuning.decision:
        weights = train.weights_of(rows)
        threshold = choose_threshold(objective(project), train.target[rows], predictions, weights)
        spec = replace(spec, threshold=threshold)
    if evaluated.model.spec.group_thresholds is None:
        return spec
    decision = objective(project, evaluated.model.spec.class_weights)
    return with_group_thresholds(project, spec, train, rows, predictions, decision)[0]


def _over_baselines(
    evaluated: EvaluatedModel, evaluation: "Evaluation", compared: "Mapping[str, Predicted]"
) -> dict[str, float]:
    from mlops_assets.ml.search.baselines import CONSTANT_BASELINE

    over: dict[str, float] = {}
    for role, name in (("constant", CONSTANT_BASELINE), ("baseline", evaluation.best_baseline)):
        other = compared[name]
        low, high = evaluated.gain(evaluated.predictions, other.predictions, threshold=other.threshold)
        over |= {f"over_{role}_low": low, f"over_{role}_high": high}
    return over


def _baseline_gate(project: Project, evaluation: "Evaluation", over: Mapping[str, float]) -> "GateResult":
    """The result of the gate, from the numbers that are recorded and that the gate of a version reads."""
    from mlops_assets.ml.evaluation.comparison_gates import better_than_baseline
    from mlops_assets.ml.metrics.bootstrap import Interval
    from mlops_assets.ml.search.baselines import CONSTANT_BASELINE, MODEL

    metric, scores = evaluation.metric, evaluation.scores
    result = better_than_baseline(
        metric,
        *(scores[name][metric] for name in (MODEL, evaluation.best_baseline, CONSTANT_BASELINE)),
        over_constant=Interval(over["over_constant_low"], over["over_constant_high"]),
        over_baseline=Interval(over["over_baseline_low"], over["over_baseline_high"]),
        margin=project.settings.gates.baseline_margin,
        clusters=evaluation.cluster_count if evaluation.cluster_columns else None,
    )
    return with_weight(project, result)


def _provenance(trained: "TrainedModel") -> dict[str, str]:
    facts = trained.facts
    tables = {f"table {name}": f"version {version}" for name, version in json.loads(facts["inputs"]).items()}
    return {
        **tables,
        **({"cut-off": facts["cutoff"]} if "cutoff" in facts else {}),
        "training set": f"version {facts['training_set_version']}, digest {facts['training_set_digest']}",
        "code version": facts["code_version"],
        "model digest": facts["model_digest"],
        "Dagster run": facts["dagster_run_id"],
        "MLflow run": trained.run_id,
    }
