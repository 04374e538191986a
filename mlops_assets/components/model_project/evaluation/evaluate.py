"""The evaluation of a trained model on its holdout: metrics, baselines and analyses for the report."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlops_assets.components.model_project.evaluation import analyses
from mlops_assets.components.model_project.evaluation.behaviour_checks import run_behaviour_tests
from mlops_assets.components.model_project.evaluation.holdout_evaluation import EvaluatedModel
from mlops_assets.components.model_project.evaluation.model_comparison import SPEED_ROWS, compared_models
from mlops_assets.components.model_project.evaluation.quarantine_summary import tables_quality
from mlops_assets.components.model_project.project.files import FEATURES_SQL
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.training.search import fit_settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlops_assets.ml.evaluation.evaluation import Evaluation
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
    predictions, linear = _predictions(evaluated)
    shared: dict[str, Any] = {"classes": evaluated.classes, "unit_size": evaluated.unit_size}
    importances = analyses.importances(evaluated)
    dependences, dependence_of = analyses.dependences(evaluated, importances)
    scores = score_all(settings.task, truth, predictions, **shared)
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
        trials=tracking.trials(project.name, trained.run_id, evaluated.metric),
        training_seconds=float(trained.facts["training_seconds"]),
        peak_memory_bytes=int(trained.facts["peak_memory_bytes"]),
        facts=_provenance(trained),
        intervals=score_intervals(settings.task, evaluated.metric, truth, predictions, **shared),
        split=project.time.describe_split(trained.facts["cutoff"]) if project.timeline else "",
        threshold=evaluated.threshold,
        shap=analyses.contributions(evaluated),
        shap_scale=evaluated.model.estimator.contribution_scale,
        shap_rows=shap_rows(evaluated.model, len(truth)),
        dependences=dependences,
        dependence_of=dependence_of,
        slices=analyses.slices(evaluated),
        weakest=analyses.weakest_slices(evaluated, importances),
        slice_loss=loss_name(settings.task, evaluated.metric),
        fairness=analyses.fairness(evaluated),
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
    return evaluation, _over_baselines(evaluated, evaluation, predictions)


def _predictions(evaluated: EvaluatedModel) -> "tuple[dict[str, NDArray], TabularModel]":
    """Predictions of the holdout by the model and its baselines, and the linear baseline."""
    from mlops_assets.ml.search.baselines import (
        CONSTANT_BASELINE,
        LINEAR_BASELINE,
        MODEL,
        constant_predictions,
        fit_linear_baseline,
    )

    project, holdout = evaluated.project, evaluated.holdout
    linear = fit_linear_baseline(
        evaluated.model.spec,
        project.files.text(FEATURES_SQL),
        evaluated.train,
        project.files.make_pipeline(),
        fit_settings(project, len(evaluated.model.spec.classes)),
    )
    rows, task = len(holdout.target), project.settings.task
    return {
        MODEL: evaluated.predictions,
        CONSTANT_BASELINE: constant_predictions(task, evaluated.train.target, rows, evaluated.classes),
        LINEAR_BASELINE: linear.predict_features(holdout.features),
    }, linear


def _over_baselines(
    evaluated: EvaluatedModel, evaluation: "Evaluation", predictions: "Mapping[str, NDArray]"
) -> dict[str, float]:
    from mlops_assets.ml.search.baselines import CONSTANT_BASELINE

    over: dict[str, float] = {}
    for role, name in (("constant", CONSTANT_BASELINE), ("baseline", evaluation.best_baseline)):
        low, high = evaluated.gain(evaluated.predictions, predictions[name])
        over |= {f"over_{role}_low": low, f"over_{role}_high": high}
    return over


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
