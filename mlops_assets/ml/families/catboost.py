"""CatBoost: gradient boosted symmetric trees; optional, by the extra `catboost`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from mlops_assets.core.errors import ModelError
from mlops_assets.ml.families.base import FitRows, Params, Prepared, Settings
from mlops_assets.ml.families.xgboost import XGBoostEstimator, XGBoostFamily
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
    import catboost as cb
    import optuna

_OBJECTIVES: dict[Task, str] = {"regression": "RMSE", "binary": "Logloss", "multiclass": "MultiClass"}
_FEW_WEIGHTS = 1e-3
"""The weight of a leaf without training rows; XGBoost's SHAP values divide by weights."""
_LEAST_SHARE = 1e-6
_NEVER = -100.0
"""Log-odds of a class without training rows."""


class CatBoostFamily:
    """Boosted trees with the same split in all nodes of a level, with early stopping.

    Parameters and their ranges are those of TabArena (Erickson et al. 2025), with higher learning rates,
    because trials here have minutes and few cores. The pipeline encodes categories.
    """

    name = "catboost"

    def defaults(self) -> dict[str, Any]:
        return {
            "learning_rate": 0.1,
            "depth": 6,
            "l2_leaf_reg": 3.0,
            "subsample": 0.8,
            "rsm": 1.0,
            "leaf_estimation_iterations": 1,
        }

    def portfolio(self) -> list[dict[str, Any]]:
        """Shallow trees, and trees that see half of the columns, at a lower learning rate."""
        shallow = {"learning_rate": 0.08, "depth": 4, "l2_leaf_reg": 0.5, "leaf_estimation_iterations": 4}
        return [self.defaults() | shallow, self.defaults() | {"learning_rate": 0.05, "rsm": 0.5}]

    def suggest(self, trial: "optuna.Trial") -> dict[str, Any]:
        name = self.name
        return {
            "learning_rate": trial.suggest_float(f"{name}_learning_rate", 0.02, 0.2, log=True),
            "depth": trial.suggest_int(f"{name}_depth", 4, 8),
            "l2_leaf_reg": trial.suggest_float(f"{name}_l2_leaf_reg", 1e-3, 10.0, log=True),
            "subsample": trial.suggest_float(f"{name}_subsample", 0.6, 1.0),
            "rsm": trial.suggest_float(f"{name}_rsm", 0.5, 1.0),
            "leaf_estimation_iterations": trial.suggest_int(
                f"{name}_leaf_estimation_iterations", 1, 10, log=True
            ),
        }

    def prepare(self, train: FitRows, valid: FitRows, settings: Settings) -> Prepared:
        return _PreparedFold(train, valid, settings)

    def fit(self, rows: FitRows, params: Params, rounds: int | None, settings: Settings) -> XGBoostEstimator:
        if _is_constant(rows):
            return _constant_model(rows, settings)
        model = _model(params, rows, settings, rounds or settings.max_rounds)
        model.fit(_pool(rows, settings))
        return XGBoostEstimator(_converted(model, rows, settings))

    load = XGBoostFamily.load


@dataclass(frozen=True)
class _PreparedFold:
    train: FitRows
    valid: FitRows
    settings: Settings

    def fit(self, params: Params) -> tuple[NDArray, int | None]:
        if _is_constant(self.train):
            return _constant_model(self.train, self.settings).predict(self.valid.matrix), 1
        model = _model(params, self.train, self.settings, self.settings.max_rounds)
        model.fit(
            _pool(self.train, self.settings),
            eval_set=_pool(self.valid, self.settings),
            early_stopping_rounds=self.settings.early_stopping_rounds,
            use_best_model=True,
        )
        kind = "RawFormulaVal" if self.settings.task == "regression" else "Probability"
        predicted = model.predict(
            finite(self.valid.matrix), prediction_type=kind, thread_count=self.settings.threads
        )
        return (predicted[:, 1] if self.settings.task == "binary" else predicted), model.tree_count_


def _model(params: Params, rows: FitRows, settings: Settings, rounds: int) -> "cb.CatBoost":
    import catboost as cb

    objective = _OBJECTIVES[settings.task]
    if settings.quantile is not None:
        objective = f"Quantile:alpha={settings.quantile!r}"
    found = {
        **params,
        "loss_function": objective,
        "iterations": rounds,
        "bootstrap_type": "Bernoulli",
        "boosting_type": "Plain",
        "random_seed": settings.seed,
        "thread_count": settings.threads,
        "allow_writing_files": False,  # otherwise a folder `catboost_info` in the working directory
        "logging_level": "Silent",
    }
    if settings.task == "multiclass":
        found["classes_count"] = settings.classes
    if rows.directions is not None:
        found["monotone_constraints"] = list(rows.directions)
    return cb.CatBoost(found)


def _pool(rows: FitRows, settings: Settings) -> "cb.Pool":
    import catboost as cb

    return cb.Pool(finite(rows.matrix), rows.target, weight=rows.weights, thread_count=settings.threads)


def _is_constant(rows: FitRows) -> bool:
    """Whether target or all columns have one value, which CatBoost refuses."""
    if np.all(rows.target == rows.target[0]):
        return True
    single = finite(rows.matrix)
    return bool(np.all((single == single[0]) | (np.isnan(single) & np.isnan(single[0]))))


def _constant_model(rows: FitRows, settings: Settings) -> XGBoostEstimator:
    trees = [leaf(value, output) for output, value in enumerate(_constant(rows, settings))]
    return XGBoostEstimator(_booster(trees, rows, settings))


def _constant(rows: FitRows, settings: Settings) -> list[float]:
    """The best prediction without columns for each output, before its transformation."""
    weights = np.ones(len(rows.target)) if rows.weights is None else rows.weights
    if settings.quantile is not None:
        order = np.argsort(rows.target)
        reached = np.cumsum(weights[order]) >= settings.quantile * weights.sum()
        return [float(rows.target[order][np.argmax(reached)])]
    if settings.task == "regression":
        return [float(np.average(rows.target, weights=weights))]
    shares = (
        np.array([weights[rows.target == place].sum() for place in range(max(settings.classes, 2))])
        / weights.sum()
    )
    shares = np.clip(shares, _LEAST_SHARE, 1 - _LEAST_SHARE)
    return [float(logit(shares[1]))] if settings.task == "binary" else np.log(shares).tolist()


def _booster(trees: Sequence[Tree], rows: FitRows, settings: Settings) -> Any:
    outputs = settings.classes if settings.task == "multiclass" else 1
    return booster_of(trees, rows.matrix.shape[1], OBJECTIVES[settings.task], outputs)


def _converted(model: "cb.CatBoost", rows: FitRows, settings: Settings) -> Any:
    """The booster of XGBoost with the same trees, verified on training rows."""
    import catboost as cb

    described = _described(model)
    scale, biases = described["scale_and_bias"]
    if scale != 1:
        raise ModelError(f"CatBoost scales its trees by {scale}")
    outputs = settings.classes if settings.task == "multiclass" else 1
    classes = np.unique(rows.target).astype(int).tolist() if settings.task == "multiclass" else [0]
    start = np.full(outputs, _NEVER)
    start[classes] = biases or 0.0  # none where CatBoost starts at zero
    trees = [leaf(bias, output) for output, bias in enumerate(start)]
    values = []
    missing_left = [_missing_left(column) for column in described["features_info"]["float_features"]]
    for one in described["oblivious_trees"]:
        values.append(np.array(one["leaf_values"]).reshape(-1, len(classes)))
        trees += _trees(one, values[-1], missing_left, classes)
    booster = _booster(trees, rows, settings)

    def added(few: NDArray) -> NDArray:
        places = model.calc_leaf_indexes(cb.Pool(few), thread_count=settings.threads).reshape(len(few), -1)
        return np.hstack(
            [np.tile(start, (len(few), 1)), *(each[at] for each, at in zip(values, places.T, strict=True))]
        )

    require_equal(booster, [tree.output for tree in trees], added, finite(rows.matrix))
    return booster


def _described(model: "cb.CatBoost") -> dict[str, Any]:
    """The model in CatBoost's JSON format, which it writes to files alone."""
    with TemporaryDirectory(prefix="mlops_catboost_") as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def _missing_left(column: Mapping[str, Any]) -> bool:
    """Whether a missing value is below all borders; without any in training, no border is below it."""
    return bool(column["nan_value_treatment"] != "AsTrue")


def _trees(
    tree: Mapping[str, Any], values: NDArray, missing_left: Sequence[bool], classes: Sequence[int]
) -> Iterator[Tree]:
    """A tree for each class, or one: level by level, with the last split at the root.

    The first split is the lowest bit of the number of a leaf, so leaves are in the order of their numbers.
    """
    splits = (tree["splits"] or [])[::-1]  # none where no column improved the score
    counts = [2**level for level in range(len(splits))]
    features = [split["float_feature_index"] for split in splits]
    borders = [split["border"] for split in splits]
    weights = np.maximum(tree["leaf_weights"], _FEW_WEIGHTS)
    weights[~_reachable(features, borders)] = 0.0
    nothing = np.zeros(len(values))
    for column, output in enumerate(classes):
        left, right, value = _merged(values[:, column], weights > 0)
        yield Tree(
            left=left,
            right=right,
            feature=np.append(np.repeat(features, counts), nothing).astype(int),
            threshold=np.append(np.repeat(borders, counts), nothing),
            missing_left=np.append(np.repeat([missing_left[place] for place in features], counts), nothing),
            value=value,
            rows=np.concatenate([*(weights.reshape(count, -1).sum(axis=1) for count in counts), weights]),
            output=output,
        )


def _reachable(features: Sequence[int], borders: Sequence[float]) -> NDArray[np.bool_]:
    """For each leaf whether a row can reach it: not if it is below a border and above a higher one."""
    depth = len(features)
    above = np.arange(2**depth)[:, None] >> np.arange(depth)[::-1] & 1
    found = np.ones(2**depth, dtype=bool)
    for low in range(depth):
        for high in range(depth):
            if features[low] == features[high] and borders[low] < borders[high]:
                found &= ~((above[:, low] == 0) & (above[:, high] == 1))
    return found


def _merged(leaves: NDArray, reachable: NDArray[np.bool_]) -> tuple[NDArray, NDArray, NDArray]:
    """Children and values of a tree without nodes that decide nothing.

    A node with a side that no row reaches is replaced by the other side, and one with equal leaves by a leaf.
    """
    inner = len(leaves) - 1
    left, right = np.full((2, inner + len(leaves)), -1)
    value = np.append(np.zeros(inner), leaves)
    place = np.where(np.append(np.zeros(inner, dtype=bool), reachable), np.arange(len(value)), -1)
    for node in range(inner - 1, -1, -1):
        below, above = place[2 * node + 1], place[2 * node + 2]
        if below < 0 or above < 0:
            place[node] = max(below, above)
            continue
        place[node] = node
        if left[below] < 0 and left[above] < 0 and value[below] == value[above]:
            value[node] = value[below]
        else:
            left[node], right[node] = below, above
    return left, right, value
