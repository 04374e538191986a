"""Random forests and extremely randomized trees of scikit-learn."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from mlops_assets.ml.families.base import FitRows, Params, Prepared, Settings
from mlops_assets.ml.families.xgboost import XGBoostEstimator, XGBoostFamily
from mlops_assets.ml.families.xgboost_conversion import Tree, booster_of

if TYPE_CHECKING:
    import optuna

TREES = 100


class _ForestFamily:
    """Averages of many deep trees; their number is not searched, since more trees are never worse."""

    name: str
    regressor: Any
    classifier: Any

    def defaults(self) -> dict[str, Any]:
        return {"max_features": 0.4, "min_samples_leaf": 3}

    def portfolio(self) -> list[dict[str, Any]]:
        return []

    def suggest(self, trial: "optuna.Trial") -> dict[str, Any]:
        return {
            "max_features": trial.suggest_float(f"{self.name}_max_features", 0.1, 0.8),
            "min_samples_leaf": trial.suggest_int(f"{self.name}_min_samples_leaf", 2, 50, log=True),
        }

    def prepare(self, train: FitRows, valid: FitRows, settings: Settings) -> Prepared:
        return _PreparedFold(self, train, valid.matrix, settings)

    def fit(
        self,
        rows: FitRows,
        params: Params,
        rounds: int | None,  # noqa: ARG002
        settings: Settings,
    ) -> XGBoostEstimator:
        forest = self.fitted_forest(rows, params, settings)
        outputs = settings.classes if settings.task == "multiclass" else 1
        trees = list(_trees(forest, settings))
        return XGBoostEstimator(booster_of(trees, rows.matrix.shape[1], "reg:squarederror", outputs))

    def fitted_forest(self, rows: FitRows, params: Params, settings: Settings) -> Any:
        kind = self.regressor if settings.task == "regression" else self.classifier
        forest = kind(
            TREES,
            **params,
            monotonic_cst=rows.directions,
            n_jobs=settings.threads,
            random_state=settings.seed,
        )
        return forest.fit(rows.matrix, rows.target, sample_weight=rows.weights)

    load = XGBoostFamily.load


class RandomForestFamily(_ForestFamily):
    """Trees on bootstrap samples with the best split among a random subset of columns."""

    name = "random_forest"
    regressor, classifier = RandomForestRegressor, RandomForestClassifier


class ExtraTreesFamily(_ForestFamily):
    """Trees on all rows with random splits: their errors differ from boosting, which helps ensembles."""

    name = "extra_trees"
    regressor, classifier = ExtraTreesRegressor, ExtraTreesClassifier


@dataclass(frozen=True)
class _PreparedFold:
    family: _ForestFamily
    train: FitRows
    valid: NDArray
    settings: Settings

    def fit(self, params: Params) -> tuple[NDArray, int | None]:
        forest = self.family.fitted_forest(self.train, params, self.settings)
        if self.settings.task == "regression":
            return np.asarray(forest.predict(self.valid), dtype=float), None
        probabilities = forest.predict_proba(self.valid)
        return (probabilities[:, 1] if self.settings.task == "binary" else probabilities), None


def _trees(forest: Any, settings: Settings) -> Iterator[Tree]:
    """The trees, scaled by their share of the mean; for multiclass one tree for each class."""
    outputs = {"regression": [0], "binary": [1], "multiclass": list(range(settings.classes))}[settings.task]
    for grown in forest.estimators_:
        tree = grown.tree_
        for output in outputs:
            yield Tree(
                left=tree.children_left,
                right=tree.children_right,
                feature=tree.feature,
                threshold=tree.threshold,
                missing_left=tree.missing_go_to_left,
                value=tree.value[:, 0, output] / len(forest.estimators_),
                rows=tree.n_node_samples,
                output=output if settings.task == "multiclass" else 0,
            )
