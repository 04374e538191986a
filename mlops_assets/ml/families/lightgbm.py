"""LightGBM: gradient boosted trees that grow leaf by leaf; optional, by the extra `lightgbm`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.core.errors import ModelError
from mlops_assets.ml.families.base import FitRows, Params, Prepared, Settings
from mlops_assets.ml.families.xgboost import XGBoostEstimator, XGBoostFamily, bin_count
from mlops_assets.ml.families.xgboost_conversion import (
    OBJECTIVES,
    Tree,
    booster_of,
    finite,
    leaf,
    require_equal,
)
from mlops_assets.ml.metrics.tasks import Task

if TYPE_CHECKING:
    import lightgbm as lgb
    import optuna

_OBJECTIVES: dict[Task, str] = {"regression": "regression", "binary": "binary", "multiclass": "multiclass"}
_CATEGORICAL, _DEFAULT_LEFT, _MISSING_TYPE = 1, 2, 12
_NEVER_MISSING, _NAN_IS_MISSING = 0, 8
"""Bits of a decision in LightGBM's text format."""


class LightGBMFamily:
    """Boosted trees that grow leaf by leaf, with early stopping; splits at random thresholds if declared.

    Parameters and their ranges are those of TabArena (Erickson et al. 2025), with higher learning rates,
    because trials here have minutes and few cores.
    """

    name = "lightgbm"

    def defaults(self) -> dict[str, Any]:
        return {
            "learning_rate": 0.05,
            "num_leaves": 31,
            "min_data_in_leaf": 10,
            "feature_fraction": 0.5,
            "bagging_fraction": 0.9,
            "extra_trees": False,
            "lambda_l1": 0.1,
            "lambda_l2": 1.0,
        }

    def portfolio(self) -> list[dict[str, Any]]:
        """Few leaves, many leaves at random thresholds, and leaves of single rows at a low learning rate."""
        narrow = {"num_leaves": 8, "feature_fraction": 0.7, "bagging_fraction": 0.8}
        random = {"extra_trees": True, "num_leaves": 64, "min_data_in_leaf": 4, "learning_rate": 0.06}
        single = {"num_leaves": 24, "min_data_in_leaf": 1, "learning_rate": 0.03, "bagging_fraction": 0.8}
        return [self.defaults() | each for each in (narrow, random, single | {"lambda_l1": 0.6})]

    def suggest(self, trial: "optuna.Trial") -> dict[str, Any]:
        name = self.name
        return {
            "learning_rate": trial.suggest_float(f"{name}_learning_rate", 0.02, 0.2, log=True),
            "num_leaves": trial.suggest_int(f"{name}_num_leaves", 2, 200, log=True),
            "min_data_in_leaf": trial.suggest_int(f"{name}_min_data_in_leaf", 1, 64, log=True),
            "feature_fraction": trial.suggest_float(f"{name}_feature_fraction", 0.2, 1.0),
            "bagging_fraction": trial.suggest_float(f"{name}_bagging_fraction", 0.5, 1.0),
            "extra_trees": trial.suggest_categorical(f"{name}_extra_trees", [False, True]),
            "lambda_l1": trial.suggest_float(f"{name}_lambda_l1", 1e-4, 1.0),
            "lambda_l2": trial.suggest_float(f"{name}_lambda_l2", 1e-4, 10.0, log=True),
        }

    def prepare(self, train: FitRows, valid: FitRows, settings: Settings) -> Prepared:
        binned = _binned(train, settings)
        return _PreparedFold(binned, _binned(valid, settings, reference=binned), train, valid, settings)

    def fit(self, rows: FitRows, params: Params, rounds: int | None, settings: Settings) -> XGBoostEstimator:
        booster = _train(params, _binned(rows, settings), rows, settings, rounds or settings.max_rounds)
        return XGBoostEstimator(_converted(booster, rows.matrix, settings))

    load = XGBoostFamily.load


@dataclass(frozen=True)
class _PreparedFold:
    binned: "lgb.Dataset"
    binned_valid: "lgb.Dataset"
    train: FitRows
    valid: FitRows
    settings: Settings

    def fit(self, params: Params) -> tuple[NDArray, int | None]:
        most = self.settings.max_rounds
        booster = _train(params, self.binned, self.train, self.settings, most, stopped_by=self.binned_valid)
        rounds = booster.best_iteration
        predicted = booster.predict(finite(self.valid.matrix), num_iteration=rounds)
        return np.asarray(predicted, dtype=float), rounds


def _train(
    params: Params,
    binned: "lgb.Dataset",
    rows: FitRows,
    settings: Settings,
    rounds: int,
    *,
    stopped_by: "lgb.Dataset | None" = None,
) -> "lgb.Booster":
    """A booster of so many rounds; with validation rows, of the rounds until their score got worse."""
    import lightgbm as lgb

    all_params = _booster_params(params, rows, settings)
    if stopped_by is None:
        return lgb.train(all_params, binned, rounds)
    stopping = lgb.early_stopping(settings.early_stopping_rounds, verbose=False)
    return lgb.train(all_params, binned, rounds, valid_sets=[stopped_by], callbacks=[stopping])


def _shared_params(settings: Settings) -> dict[str, Any]:
    """Parameters of rows and of boosters: the same bits on any number of threads, without messages."""
    return {
        "num_threads": settings.threads,
        "deterministic": True,
        "force_row_wise": True,
        "seed": settings.seed,
        "verbosity": -1,
    }


def _binned(rows: FitRows, settings: Settings, *, reference: "lgb.Dataset | None" = None) -> "lgb.Dataset":
    """The rows with binned columns; those of the reference if it is given.

    Columns have no names: LightGBM refuses some characters in them.
    """
    import lightgbm as lgb

    shared = _shared_params(settings) | {"feature_pre_filter": False}
    bins = bin_count(len(rows.target) if reference is None else reference.num_data())
    return lgb.Dataset(
        finite(rows.matrix),
        rows.target,
        weight=rows.weights,
        reference=reference,
        params=shared | {"max_bin": bins - 1},
        free_raw_data=False,
    ).construct()


def _booster_params(params: Params, rows: FitRows, settings: Settings) -> dict[str, Any]:
    found = {**params, **_shared_params(settings), "objective": _OBJECTIVES[settings.task], "bagging_freq": 1}
    if settings.task == "multiclass":
        found["num_class"] = settings.classes
    if settings.quantile is not None:
        found |= {"objective": "quantile", "alpha": settings.quantile}
    if rows.directions is not None:
        found["monotone_constraints"] = list(rows.directions)
    return found


def _converted(booster: "lgb.Booster", matrix: NDArray, settings: Settings) -> Any:
    """The booster of XGBoost with the same trees, verified on training rows."""
    outputs = settings.classes if settings.task == "multiclass" else 1
    trees, values = [], []
    for number, fields in enumerate(_tree_fields(booster.model_to_string())):
        tree, leaves = _tree(fields, number % outputs)
        trees.append(tree)
        values.append(leaves)
    converted = booster_of(trees, matrix.shape[1], OBJECTIVES[settings.task], outputs)

    def added(rows: NDArray) -> NDArray:
        places = np.asarray(booster.predict(rows, pred_leaf=True), dtype=int).reshape(len(rows), -1)
        return np.column_stack([leaves[at] for leaves, at in zip(values, places.T, strict=True)])

    require_equal(converted, [tree.output for tree in trees], added, finite(matrix))
    return converted


def _tree_fields(text: str) -> Iterator[dict[str, str]]:
    """The fields of each tree in the text format of LightGBM, version 4."""
    if not text.startswith("tree\nversion=v4\n"):
        raise ModelError(
            f"LightGBM writes models in an unknown format: {text[:40]!r}",
            hint="pip install 'mlops-assets[lightgbm]' for a version that is supported",
        )
    for section in text.split("\nTree=")[1:]:
        lines = section.split("\n\n", 1)[0].splitlines()[1:]
        yield dict(line.split("=", 1) for line in lines)


def _tree(fields: dict[str, str], output: int) -> tuple[Tree, NDArray]:
    """A tree whose inner nodes come before its leaves, and the values of the leaves."""
    values = _numbers(fields["leaf_value"])
    inner = len(values) - 1
    if inner == 0:
        return leaf(float(values[0]), output), values
    decisions = _numbers(fields["decision_type"]).astype(int)
    missing, threshold = decisions & _MISSING_TYPE, _numbers(fields["threshold"])
    if (decisions & _CATEGORICAL).any() or not np.isin(missing, (_NEVER_MISSING, _NAN_IS_MISSING)).all():
        raise ModelError("LightGBM made splits by category, or of zeros as missing values")
    children = [_numbers(fields[side]).astype(int) for side in ("left_child", "right_child")]
    left, right = (np.where(side < 0, inner + ~side, side) for side in children)
    nothing = np.zeros(len(values))
    # Where a column had no missing value in training, LightGBM reads one as zero.
    missing_left = np.where(missing == _NAN_IS_MISSING, decisions & _DEFAULT_LEFT > 0, threshold >= 0)
    return Tree(
        left=np.append(left, nothing - 1).astype(int),
        right=np.append(right, nothing - 1).astype(int),
        feature=np.append(_numbers(fields["split_feature"]), nothing).astype(int),
        threshold=np.append(threshold, nothing),
        missing_left=np.append(missing_left, nothing),
        value=np.append(nothing[1:], values),
        rows=np.append(_numbers(fields["internal_count"]), _numbers(fields["leaf_count"])),
        output=output,
    ), values


def _numbers(text: str) -> NDArray[np.float64]:
    return np.array(text.split(), dtype=float)
