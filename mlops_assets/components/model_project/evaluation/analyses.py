"""Analyses of an evaluated model beside its metrics: slices, importances, errors over time."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.evaluation.holdout_evaluation import EvaluatedModel
from mlops_assets.components.model_project.evaluation.row_clusters import row_clusters
from mlops_assets.components.model_project.training.search import fit_settings
from mlops_assets.core import names
from mlops_assets.stores.project_folder.files import FEATURES_SQL

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from mlops_assets.ml.evaluation.evaluation import PeriodScore
    from mlops_assets.ml.evaluation.groups.error_map import ErrorMap
    from mlops_assets.ml.evaluation.groups.slices import SliceScore
    from mlops_assets.ml.evaluation.groups.weakest_slices import WeakestSlices
    from mlops_assets.ml.evaluation.importances import PermutationImportance, ShapImportance
    from mlops_assets.ml.evaluation.learning_curve import CurvePoint
    from mlops_assets.ml.evaluation.monotone_check import MonotoneResult
    from mlops_assets.ml.evaluation.partial_dependence import PartialDependence
    from mlops_assets.ml.evaluation.quantile_share import QuantileShare
    from mlops_assets.ml.metrics.weighted_metrics import Weighted

SHOWN_DEPENDENCES = 6
MOST_PERIODS, MOST_ROWS_OF_A_PERIOD = 24, 5_000


def slices(evaluated: EvaluatedModel) -> "list[SliceScore]":
    """The primary metric by the values of each declared column."""
    from mlops_assets.ml.evaluation.groups.slices import score_slices

    return score_slices(
        [evaluated.groups(name) for name in evaluated.project.settings.evaluation.slices],
        _losses(evaluated),
        evaluated.score,
        clusters=evaluated.clusters,
        weights=evaluated.holdout.weights,
    )


def weakest_slices(evaluated: EvaluatedModel, importances: dict[str, float]) -> "WeakestSlices | None":
    """The weakest slices, by declared columns and by features in the order of their importance.

    A slice is described by values, so sensitive columns are left out.
    """
    import pandas as pd

    from mlops_assets.ml.evaluation.groups.weakest_slices import SEARCHED_COLUMNS, find_weakest_slices

    if not evaluated.project.settings.evaluation.weakest:
        return None
    declared = evaluated.project.settings.evaluation.slices
    wanted = dict.fromkeys([*declared, *importances, *evaluated.model.spec.features])
    shown = [name for name in wanted if name not in evaluated.project.sensitive][:SEARCHED_COLUMNS]
    if not shown:
        return None
    columns = pd.DataFrame({name: evaluated.column(name) for name in shown})
    return find_weakest_slices(
        columns,
        _losses(evaluated),
        evaluated.score,
        seed=evaluated.seed,
        clusters=evaluated.clusters,
        weights=evaluated.holdout.weights,
    )


def importances(
    evaluated: EvaluatedModel, shap: "Mapping[str, ShapImportance]"
) -> "dict[str, PermutationImportance]":
    """How much worse the primary metric gets when a feature is shuffled; of many, when a leading one is."""
    from mlops_assets.ml.evaluation.importances import leading_features, permutation_importances
    from mlops_assets.ml.evaluation.shuffled_rows import ShuffledMatrix
    from mlops_assets.ml.metrics.metrics import at_rows
    from mlops_assets.ml.metrics.tasks import HIGHER_IS_BETTER
    from mlops_assets.ml.metrics.weighted_metrics import weighted_metric

    sign = -1.0 if evaluated.metric in HIGHER_IS_BETTER else 1.0

    def loss(positions: "NDArray", predictions: "NDArray") -> "Weighted":
        metric_of = weighted_metric(
            evaluated.measure,
            evaluated.holdout.target[positions],
            predictions,
            threshold=at_rows(evaluated.threshold, positions),
            weights=evaluated.holdout.weights_of(positions),
        )
        return lambda weights: sign * metric_of(weights)

    return permutation_importances(
        evaluated.model.predict_features,
        evaluated.holdout.features,
        loss,
        names=leading_features(shap, list(evaluated.holdout.features.columns)),
        seed=evaluated.seed,
        clusters=evaluated.clusters,
        shuffled=partial(ShuffledMatrix, evaluated.model, seed=evaluated.seed),
    )


def contributions(evaluated: EvaluatedModel) -> "dict[str, ShapImportance]":
    """Mean absolute SHAP values, in the reported unit or on the scale of the estimator."""
    from mlops_assets.ml.evaluation.importances import shap_importances

    scale = evaluated.unit_size if evaluated.project.settings.task == "regression" else 1.0
    found = shap_importances(evaluated.model, evaluated.holdout.features, seed=evaluated.seed)
    return {name: replace(each, mean=each.mean / scale) for name, each in found.items()}


def dependences(
    evaluated: EvaluatedModel, importances: dict[str, float]
) -> "tuple[list[PartialDependence], str]":
    """Partial dependence on the most important features, and the name of the quantity that is shown.

    A curve shows values of its feature, so sensitive features are left out.
    """
    from mlops_assets.ml.evaluation.partial_dependence import partial_dependence

    spec, unit = evaluated.model.spec, evaluated.project.settings.target.unit
    index = 1
    if spec.task == "multiclass":  # the most frequent class: one curve a feature, not one a class
        index = int(max(range(evaluated.classes), key=lambda each: (evaluated.holdout.target == each).sum()))

    def amounts(features: "pd.DataFrame") -> "NDArray":
        predictions = evaluated.model.predict_features(features)
        if spec.task == "regression":
            return predictions / evaluated.unit_size
        return predictions if spec.task == "binary" else predictions[:, index]

    quotable = [name for name in importances if name not in evaluated.project.sensitive]
    leading = quotable[:SHOWN_DEPENDENCES]
    found = [
        partial_dependence(amounts, evaluated.holdout.features, name, seed=evaluated.seed) for name in leading
    ]
    if spec.task == "regression":
        return [each for each in found if each], f"prediction ({unit})" if unit else "prediction"
    return [each for each in found if each], f"probability of {spec.classes[index]}"


def periods(evaluated: EvaluatedModel) -> "list[PeriodScore]":
    """The primary metric over time: by partition in an event project, otherwise by the column that the
    rows are split by, or the first date column.

    In an event project the training partitions are included, with their role.
    """
    if evaluated.project.timeline is not None:
        return _partition_scores(evaluated)
    known = evaluated.model.spec.columns
    times = [one.name for one in known if one.sql_type in ("TIMESTAMP", "DATE") and not one.sensitive]
    by_time = [name for name in times if name == evaluated.project.settings.split.column]
    return _time_scores(evaluated, [*by_time, *times][0]) if times else []


def monotone(evaluated: EvaluatedModel) -> "list[MonotoneResult]":
    """The verification of the monotone constraints of the model."""
    from mlops_assets.ml.evaluation.monotone_check import verify_monotone

    if not evaluated.model.spec.monotone:
        return []
    return verify_monotone(
        evaluated.model, evaluated.train.features, evaluated.holdout.features, seed=evaluated.seed
    )


def quantile_share(evaluated: EvaluatedModel) -> "QuantileShare | None":
    """The share of holdout rows at or below the prediction, if the model predicts a quantile."""
    from mlops_assets.ml.evaluation.quantile_share import share_at_or_below

    quantile = evaluated.model.spec.quantile
    if quantile is None:
        return None
    return share_at_or_below(
        quantile,
        evaluated.holdout.target,
        evaluated.predictions,
        clusters=evaluated.clusters,
        weights=evaluated.holdout.weights,
    )


def error_map(evaluated: EvaluatedModel) -> "ErrorMap | None":
    """Errors of a regression by location, if latitude and longitude are known."""
    from mlops_assets.ml.evaluation.groups.error_map import error_map, find_coordinates

    known = {column.name for column in evaluated.model.spec.columns} | set(evaluated.model.spec.features)
    found = find_coordinates(known - evaluated.project.sensitive)
    if evaluated.project.settings.task != "regression" or found is None:
        return None
    latitude, longitude = (evaluated.column(name).to_numpy(dtype=float) for name in found)
    errors = (evaluated.predictions - evaluated.holdout.target) / evaluated.unit_size
    return error_map(latitude, longitude, errors)


def learning_curve(evaluated: EvaluatedModel) -> "list[CurvePoint]":
    """The score of the model fitted on parts of its rows; empty unless the project declares it."""
    from mlops_assets.ml.evaluation.learning_curve import learning_curve
    from mlops_assets.ml.model.tabular_model import TabularModel

    project, train = evaluated.project, evaluated.train
    if not project.settings.evaluation.learning_curve:
        return []
    shared = fit_settings(project, evaluated.classes)
    sql, make_pipeline = project.files.text(FEATURES_SQL), project.files.make_pipeline()

    def fit(keep: "NDArray") -> "NDArray":
        part = train.only(keep)
        made = TabularModel.fit(
            evaluated.model.spec,
            sql,
            part.features,
            part.target,
            make_pipeline,
            shared,
            weights=part.weights,
        )
        return made.predict_features(evaluated.holdout.features)

    return learning_curve(
        fit,
        lambda predictions: evaluated.score_of(
            evaluated.holdout.target,
            predictions,
            evaluated.clusters,
            evaluated.holdout.weights,
            threshold=evaluated.threshold,
        ),
        lambda ours, theirs: evaluated.gain(ours, theirs, threshold=evaluated.threshold),
        len(train.target),
        seed=evaluated.seed,
        times=train.times,
        classes=None if project.settings.task == "regression" else train.target,
    )


def _losses(evaluated: EvaluatedModel) -> "NDArray":
    from mlops_assets.ml.metrics.metrics import row_losses

    return row_losses(
        evaluated.measure,
        evaluated.holdout.target,
        evaluated.predictions,
        threshold=evaluated.threshold,
    )


def _partition_scores(evaluated: EvaluatedModel) -> "list[PeriodScore]":
    from mlops_assets.ml.evaluation.evaluation import PeriodScore
    from mlops_assets.ml.search.training_data import TrainingData

    known = sorted(evaluated.frame[names.PERIOD].unique())[-MOST_PERIODS:]
    found = []
    for period in known:
        rows = evaluated.frame[evaluated.frame[names.PERIOD] == period]
        rows = rows.sample(min(MOST_ROWS_OF_A_PERIOD, len(rows)), random_state=evaluated.seed)
        rows = rows.sort_values(names.ROW_ID)  # the order of TrainingData
        data = TrainingData.of(
            rows,
            target=evaluated.project.settings.target.column,
            classes=evaluated.model.spec.classes,
            subject=evaluated.project.name,
            aside=evaluated.project.settings.entity,
        )
        scores = evaluated.score_of(
            data.target,
            evaluated.model.predict_features(data.features),
            row_clusters(evaluated.project, rows),
            data.weights,
            threshold=evaluated.threshold_of(data),
        )
        role = rows[names.SPLIT].iloc[0]
        found.append(PeriodScore(period, role, len(rows), *scores))
    return found


def _time_scores(evaluated: EvaluatedModel, name: str) -> "list[PeriodScore]":
    import numpy as np
    import pandas as pd

    from mlops_assets.ml.evaluation.evaluation import PeriodScore

    times = pd.to_datetime(evaluated.column(name))
    days = (times.max() - times.min()).days if times.notna().any() else 0
    spans = times.dt.to_period("Y" if days > 1_500 else "M" if days > 60 else "D")
    found = []
    for period in sorted(spans.dropna().unique())[-MOST_PERIODS:]:
        rows = np.flatnonzero((spans == period).to_numpy())
        found.append(PeriodScore(str(period), "holdout", len(rows), *evaluated.score(rows)))
    return found
