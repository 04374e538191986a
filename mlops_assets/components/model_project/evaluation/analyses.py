"""What is told of a judged model beside its metrics."""

from typing import TYPE_CHECKING, Any

from mlops_assets.components.model_project.evaluation.holdout_evaluation import JudgedModel
from mlops_assets.components.model_project.project.files import FEATURES_SQL
from mlops_assets.components.model_project.training.search import fit_settings
from mlops_assets.core import names

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from mlops_assets.ml.evaluation.error_map import ErrorMap, PeriodScore
    from mlops_assets.ml.evaluation.fairness import Fairness
    from mlops_assets.ml.evaluation.learning_curve import CurvePoint
    from mlops_assets.ml.evaluation.partial_dependence import Dependence
    from mlops_assets.ml.evaluation.slices import SliceScore, WeakestSlices

SHOWN_DEPENDENCES = 6
MOST_PERIODS, MOST_ROWS_OF_A_PERIOD = 24, 5_000


def slices(judged: JudgedModel) -> "list[SliceScore]":
    """The metric by each declared column."""
    from mlops_assets.ml.evaluation.column_groups import cut
    from mlops_assets.ml.evaluation.slices import score_slices

    declared = judged.project.settings.evaluation.slices
    cuts = [cut(judged.column(name), name=name) for name in declared]
    return score_slices(cuts, _losses(judged), judged.score)


def weakest_slices(judged: JudgedModel, importances: dict[str, float]) -> "WeakestSlices | None":
    """The weakest slices by the features, the most important first, and the declared columns."""
    import pandas as pd

    from mlops_assets.ml.evaluation.slices import find_weakest

    if not judged.project.settings.evaluation.weakest:
        return None
    declared = judged.project.settings.evaluation.slices
    wanted = dict.fromkeys([*declared, *importances, *judged.model.spec.features])
    columns = pd.DataFrame({name: judged.column(name) for name in wanted})
    return find_weakest(columns, _losses(judged), judged.score, seed=judged.seed)


def fairness(judged: JudgedModel) -> "list[Fairness]":
    """How alike the groups of each sensitive column are treated."""
    from mlops_assets.ml.evaluation.column_groups import cut
    from mlops_assets.ml.evaluation.evaluation import chosen_classes
    from mlops_assets.ml.evaluation.fairness import measure_fairness

    task, said = judged.project.settings.task, judged.predictions
    chosen = said if task == "regression" else chosen_classes(task, said, judged.threshold)
    return [
        measure_fairness(
            task,
            cut(judged.column(name), name=name),
            judged.holdout.target,
            said,
            chosen,
            unit_size=judged.unit_size,
        )
        for name in judged.project.settings.evaluation.sensitive
    ]


def importances(judged: JudgedModel) -> dict[str, float]:
    """How much worse the deciding metric gets when a feature is shuffled."""
    from mlops_assets.ml.evaluation.importances import shuffled_importances
    from mlops_assets.ml.metrics.tasks import HIGHER_IS_BETTER

    sign = -1.0 if judged.metric in HIGHER_IS_BETTER else 1.0

    def loss(positions: "NDArray", predictions: "NDArray") -> float:
        return sign * judged.value(positions, predictions)

    return shuffled_importances(
        judged.model.predict_features, judged.holdout.features, loss, seed=judged.seed
    )


def contributions(judged: JudgedModel) -> dict[str, float]:
    """Mean absolute SHAP values, in the reported unit or as log-odds; empty of a family that gives none."""
    from mlops_assets.ml.evaluation.importances import shap_importances

    scale = judged.unit_size if judged.project.settings.task == "regression" else 1.0
    found = shap_importances(judged.model, judged.holdout.features, seed=judged.seed)
    return {name: value / scale for name, value in found.items()}


def dependences(judged: JudgedModel, importances: dict[str, float]) -> "tuple[list[Dependence], str]":
    """How the most important features move the prediction, and what of the prediction is meant."""
    from mlops_assets.ml.evaluation.partial_dependence import dependence

    spec, unit = judged.model.spec, judged.project.settings.target.unit
    index = 1
    if spec.task == "multiclass":  # the most frequent class: one curve a feature, not one a class
        index = int(max(range(judged.classes), key=lambda each: (judged.holdout.target == each).sum()))

    def amounts(features: "pd.DataFrame") -> "NDArray":
        predictions = judged.model.predict_features(features)
        if spec.task == "regression":
            return predictions / judged.unit_size
        return predictions if spec.task == "binary" else predictions[:, index]

    leading = list(importances)[:SHOWN_DEPENDENCES]
    found = [dependence(amounts, judged.holdout.features, name, seed=judged.seed) for name in leading]
    if spec.task == "regression":
        return [each for each in found if each], f"prediction ({unit})" if unit else "prediction"
    return [each for each in found if each], f"probability of {spec.classes[index]}"


def periods(judged: JudgedModel) -> "list[PeriodScore]":
    """The metric over time: in an event project by partition, and else by a column of times, if there is one.

    Of an event project the partitions that trained are there, too, to compare with; each by its role.
    """
    if judged.project.timeline is not None:
        return _partition_scores(judged)
    times = [column for column in judged.model.spec.columns if column.sql_type in ("TIMESTAMP", "DATE")]
    return _time_scores(judged, times[0].name) if times else []


def error_map(judged: JudgedModel) -> "ErrorMap | None":
    """Errors of a regression by place, where latitude and longitude are known."""
    from mlops_assets.ml.evaluation.error_map import error_map, find_coordinates

    known = {column.name for column in judged.model.spec.columns} | set(judged.model.spec.features)
    found = find_coordinates(known)
    if judged.project.settings.task != "regression" or found is None:
        return None
    latitude, longitude = (judged.column(name).to_numpy(dtype=float) for name in found)
    errors = (judged.predictions - judged.holdout.target) / judged.unit_size
    return error_map(latitude, longitude, errors)


def learning_curve(judged: JudgedModel) -> "list[CurvePoint]":
    """The model fitted on parts of its rows, if the project asks for it."""
    from mlops_assets.ml.evaluation.learning_curve import learning_curve
    from mlops_assets.ml.model.tabular_model import TabularModel

    project, train = judged.project, judged.train
    if not project.settings.evaluation.learning_curve:
        return []
    shared = fit_settings(project, judged.classes)
    sql, make_pipeline = project.files.text(FEATURES_SQL), project.files.make_pipeline()

    def fit(keep: "NDArray") -> "NDArray":
        part = train.only(keep)
        made = TabularModel.fit(judged.model.spec, sql, part.features, part.target, make_pipeline, shared)
        return made.predict_features(judged.holdout.features)

    return learning_curve(
        fit,
        lambda predictions: judged.score_of(judged.holdout.target, predictions),
        judged.gain,
        len(train.target),
        seed=judged.seed,
    )


def _losses(judged: JudgedModel) -> "NDArray":
    from mlops_assets.ml.metrics.row_losses import row_losses

    task = judged.project.settings.task
    return row_losses(task, judged.metric, judged.holdout.target, judged.predictions)


def _partition_scores(judged: JudgedModel) -> "list[PeriodScore]":
    from mlops_assets.ml.evaluation.error_map import PeriodScore
    from mlops_assets.ml.search.training_data import TrainingData

    roles: dict[str, Any] = {
        names.TRAIN: "trained",
        names.EMBARGO: "kept out",
        names.HOLDOUT: "judges",
    }
    known = sorted(judged.frame[names.PERIOD].unique())[-MOST_PERIODS:]
    found = []
    for period in known:
        rows = judged.frame[judged.frame[names.PERIOD] == period]
        rows = rows.sample(min(MOST_ROWS_OF_A_PERIOD, len(rows)), random_state=judged.seed)
        data = TrainingData.of(
            rows,
            target=judged.project.settings.target.column,
            classes=judged.model.spec.classes,
            subject=judged.project.name,
            aside=judged.project.settings.entity,
        )
        scores = judged.score_of(data.target, judged.model.predict_features(data.features))
        role = roles[rows[names.SPLIT].iloc[0]]
        found.append(PeriodScore(period, role, len(rows), *scores))
    return found


def _time_scores(judged: JudgedModel, name: str) -> "list[PeriodScore]":
    import numpy as np
    import pandas as pd

    from mlops_assets.ml.evaluation.error_map import PeriodScore

    times = pd.to_datetime(judged.column(name))
    days = (times.max() - times.min()).days if times.notna().any() else 0
    spans = times.dt.to_period("Y" if days > 1_500 else "M" if days > 60 else "D")
    found = []
    for period in sorted(spans.dropna().unique())[-MOST_PERIODS:]:
        rows = np.flatnonzero((spans == period).to_numpy())
        found.append(PeriodScore(str(period), "holdout", len(rows), *judged.score(rows)))
    return found
