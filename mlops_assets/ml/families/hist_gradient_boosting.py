"""scikit-learn's histogram gradient boosting."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from mlops_assets.compat.sklearn import baseline_prediction, boosted_trees, keep_iterations
from mlops_assets.ml.families.base import FitRows, Params, Prepared, Settings
from mlops_assets.ml.families.xgboost import XGBoostEstimator, XGBoostFamily
from mlops_assets.ml.families.xgboost_conversion import (
    OBJECTIVES,
    Tree,
    booster_of,
    in_single_precision,
    leaf,
)

if TYPE_CHECKING:
    import optuna


class HistGradientBoostingFamily:
    """Boosted trees that grow leaf by leaf, with early stopping."""

    name = "hist_gradient_boosting"

    def defaults(self) -> dict[str, Any]:
        return {
            "learning_rate": 0.05,
            "max_leaf_nodes": 31,
            "min_samples_leaf": 20,
            "l2_regularization": 5.0,
            "max_features": 0.3,
        }

    def portfolio(self) -> list[dict[str, Any]]:
        """Many leaves with few columns, and few leaves with more columns."""
        wide = {"learning_rate": 0.03, "max_leaf_nodes": 64, "max_features": 0.2}
        narrow = {"learning_rate": 0.08, "max_leaf_nodes": 16, "min_samples_leaf": 10, "max_features": 0.4}
        return [self.defaults() | wide, self.defaults() | narrow]

    def suggest(self, trial: "optuna.Trial") -> dict[str, Any]:
        name = self.name
        return {
            "learning_rate": trial.suggest_float(f"{name}_learning_rate", 0.02, 0.3, log=True),
            "max_leaf_nodes": trial.suggest_int(f"{name}_max_leaf_nodes", 4, 128, log=True),
            "min_samples_leaf": trial.suggest_int(f"{name}_min_samples_leaf", 2, 100, log=True),
            "l2_regularization": trial.suggest_float(f"{name}_l2_regularization", 0.01, 100.0, log=True),
            "max_features": trial.suggest_float(f"{name}_max_features", 0.15, 1.0),
        }

    def prepare(self, train: FitRows, valid: FitRows, settings: Settings) -> Prepared:
        fittable = replace(train, matrix=_fittable(train.matrix))
        return _PreparedFold(fittable, replace(valid, matrix=in_single_precision(valid.matrix)), settings)

    def fit(self, rows: FitRows, params: Params, rounds: int | None, settings: Settings) -> XGBoostEstimator:
        most = rounds or settings.max_rounds
        model = _model(params, settings, rows, max_iter=most, early_stopping=False)
        with threadpool_limits(settings.threads, "openmp"):
            model.fit(_fittable(rows.matrix), rows.target, sample_weight=rows.weights)
        trees = list(_trees(model))
        outputs, columns = settings.classes if settings.task == "multiclass" else 1, rows.matrix.shape[1]
        return XGBoostEstimator(booster_of(trees, columns, OBJECTIVES[settings.task], outputs))

    load = XGBoostFamily.load


@dataclass(frozen=True)
class _PreparedFold:
    train: FitRows
    valid: FitRows
    settings: Settings

    def fit(self, params: Params) -> tuple[NDArray, int | None]:
        stopping = {"early_stopping": True, "n_iter_no_change": self.settings.early_stopping_rounds}
        most, train, valid = self.settings.max_rounds, self.train, self.valid
        model = _model(params, self.settings, train, max_iter=most, tol=0.0, **stopping)
        with threadpool_limits(self.settings.threads, "openmp"):
            model.fit(
                train.matrix,
                train.target,
                sample_weight=train.weights,
                X_val=valid.matrix,
                y_val=valid.target,
                sample_weight_val=valid.weights,
            )
            rounds = max(int(np.argmax(model.validation_score_)), 1)
            keep_iterations(model, rounds)
            if self.settings.task == "regression":
                return model.predict(valid.matrix), rounds
            probabilities = model.predict_proba(valid.matrix)
        return (probabilities[:, 1] if self.settings.task == "binary" else probabilities), rounds


def _model(
    params: Params, settings: Settings, rows: FitRows, **more: Any
) -> HistGradientBoostingClassifier | HistGradientBoostingRegressor:
    kind = HistGradientBoostingRegressor if settings.task == "regression" else HistGradientBoostingClassifier
    if settings.quantile is not None:
        more |= {"loss": "quantile", "quantile": settings.quantile}
    return kind(**params, monotonic_cst=rows.directions, random_state=settings.seed, **more)


def _fittable(matrix: NDArray) -> NDArray:
    """The matrix for a fit: columns without any value become constant.

    scikit-learn finds no thresholds in either, but reports so only for constant columns.
    """
    single = in_single_precision(matrix)
    single[:, np.isnan(single).all(axis=0)] = 0.0
    return single


def _trees(model: Any) -> Iterator[Tree]:
    """The baseline prediction as a leaf, and the boosted trees."""
    for output, start in enumerate(baseline_prediction(model)):
        yield leaf(float(start), output)
    for iteration in boosted_trees(model):
        for output, nodes in enumerate(iteration):
            yield _tree(nodes, output)


def _tree(nodes: NDArray[np.void], output: int) -> Tree:
    is_leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        left=np.where(is_leaf, -1, nodes["left"].astype(np.int64)),
        right=np.where(is_leaf, -1, nodes["right"].astype(np.int64)),
        feature=nodes["feature_idx"],
        threshold=nodes["num_threshold"],
        missing_left=nodes["missing_go_to_left"],
        value=nodes["value"],
        rows=nodes["count"],
        output=output,
    )
