"""Conversion of trees of other libraries to XGBoost boosters: one file format, fast predictions, SHAP values.

Trees of scikit-learn are Cython objects that skops does not trust, and a forest takes a hundred megabytes;
trees of LightGBM and CatBoost could only be loaded where these are installed. A booster takes a third, is
loaded by trusted code, predicts a row in microseconds and computes contributions of columns. Thresholds are
converted exactly: the others send `x <= t` to the left, XGBoost `x < t` in single precision, and columns are
single-precision numbers when a tree is grown.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from mlops_assets.core.errors import ModelError
from mlops_assets.ml.metrics.tasks import Task

OBJECTIVES: dict[Task, str] = {
    "regression": "reg:squarederror",
    "binary": "binary:logistic",
    "multiclass": "multi:softprob",
}
"""What a booster of gradient boosted trees does with their sum."""
COMPARED_ROWS = 256
_LARGEST = np.finfo(np.float32).max
ROOTS_PARENT = 2**31 - 1


@dataclass(frozen=True)
class Tree:
    """A tree as arrays by node, the root first; a leaf has -1 as its children.

    Attributes
    ----------
    threshold
        A row goes left if its `feature`, in single precision, is at most the threshold.
    missing_left
        Whether a row with a missing value goes left.
    value
        Contribution of a leaf to the prediction.
    rows
        Number of training rows that reached a node.
    output
        Class that the tree contributes to, or 0.
    """

    left: NDArray
    right: NDArray
    feature: NDArray
    threshold: NDArray
    missing_left: NDArray
    value: NDArray
    rows: NDArray
    output: int = 0


def in_single_precision(matrix: NDArray) -> NDArray[np.float32]:
    """The matrix in single precision, in which loaded models compare thresholds and trees are grown."""
    with np.errstate(over="ignore"):  # XGBoost reads a number beyond its own as infinite, too
        return matrix.astype(np.float32)


def finite(matrix: NDArray) -> NDArray[np.float32]:
    """The matrix in single precision without infinite numbers, with the largest ones in their place.

    CatBoost makes an infinite threshold beside them. LightGBM makes one between numbers and missing values,
    and XGBoost sends infinity to the right of it.
    """
    single = in_single_precision(matrix)
    return np.clip(single, -_LARGEST, _LARGEST)


def leaf(value: float, output: int = 0) -> Tree:
    """A tree with the same contribution to every row."""
    none = np.array([-1])
    zero = np.zeros(1)
    return Tree(none, none, zero, zero, zero, np.array([value]), np.ones(1), output)


def booster_of(trees: Sequence[Tree], columns: int, objective: str, outputs: int) -> xgb.Booster:
    """A booster that predicts the sum of trees.

    Parameters
    ----------
    columns
        Number of columns of the matrix that the trees were fitted on.
    objective
        Objective of XGBoost: `reg:squarederror` predicts the sum, `binary:logistic` and `multi:softprob`
        transform it to probabilities.
    outputs
        Number of predictions for a row; more than one for classes.
    """
    model = _empty_model(columns, objective, outputs)
    learner = model["learner"]["gradient_booster"]["model"]
    learner["trees"] = [_as_xgboost(tree, number, columns) for number, tree in enumerate(trees)]
    learner["tree_info"] = [tree.output for tree in trees]
    learner["gbtree_model_param"]["num_trees"] = str(len(trees))
    learner["iteration_indptr"] = [0, len(trees)]
    return xgb.Booster(model_file=bytearray(_ubjson(model)))


def require_equal(
    booster: xgb.Booster, outputs: Sequence[int], added: Callable[[NDArray], NDArray], matrix: NDArray
) -> None:
    """Compare a booster with the library that grew its trees, to the last bit, on some of the training rows.

    Parameters
    ----------
    outputs
        For each tree the class that it contributes to, or 0.
    added
        The value that each tree adds to each row, shape `(n, trees)`, by the library.
    matrix
        Training rows in single precision.

    Raises
    ------
    ModelError
        If a row reaches another leaf.
    """
    rows = matrix[:: max(1, len(matrix) // COMPARED_ROWS)]
    margins = booster.inplace_predict(rows, predict_type="margin").reshape(len(rows), -1)
    values, places = added(rows).astype(np.float32), np.asarray(outputs)
    start = np.full((len(rows), 1), 0.5 if margins.shape[1] > 1 else 0.0, dtype=np.float32)
    for output in range(margins.shape[1]):
        steps = np.hstack([start, values[:, places == output]])
        expected = np.add.accumulate(steps, axis=1)[:, -1]  # one by one, as XGBoost adds them
        if not np.array_equal(expected, margins[:, output]):
            raise ModelError(
                f"trees could not be converted: {np.sum(expected != margins[:, output])} of {len(rows)} "
                "training rows have another prediction",
                hint="remove the family from tuning.families, and report this with the library's version",
            )


def _empty_model(columns: int, objective: str, outputs: int) -> dict[str, Any]:
    """The model of an empty booster, as the installed version of XGBoost writes it."""
    several = outputs > 1
    params: dict[str, Any] = {"objective": objective, "base_score": 0.5 if ":soft" in objective else 0.0}
    if objective == "binary:logistic":
        params["base_score"] = 0.5  # a probability of one half adds zero to the sum
    if objective == "multi:softprob":
        params["num_class"] = outputs
    target = np.zeros((2, outputs)) if several and objective == "reg:squarederror" else np.zeros(2)
    empty = xgb.train(params, xgb.DMatrix(np.zeros((2, columns)), target), num_boost_round=0)
    model: dict[str, Any] = json.loads(bytes(empty.save_raw("json")))
    return model


def _as_xgboost(tree: Tree, number: int, columns: int) -> dict[str, Any]:
    """A tree in the file format of XGBoost."""
    tree = _with_siblings_side_by_side(tree)
    nodes = len(tree.left)
    is_leaf = tree.left < 0
    below = _single_at_most(np.where(is_leaf, 0.0, tree.threshold))
    value = tree.value.astype(np.float32)
    conditions = np.where(is_leaf, value, np.nextafter(below, np.float32(np.inf)))
    parents = np.full(nodes, ROOTS_PARENT, dtype=np.int32)
    inner = np.flatnonzero(~is_leaf)
    parents[tree.left[inner]] = inner
    parents[tree.right[inner]] = inner
    none32, none64 = np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64)
    return {
        "base_weights": value,
        "categories": none32,
        "categories_nodes": none32,
        "categories_segments": none64,
        "categories_sizes": none64,
        "default_left": np.where(is_leaf, 0, tree.missing_left).astype(np.uint8),
        "id": number,
        "left_children": tree.left.astype(np.int32),
        "loss_changes": np.zeros(nodes, dtype=np.float32),
        "parents": parents,
        "right_children": tree.right.astype(np.int32),
        "split_conditions": conditions.astype(np.float32),
        "split_indices": np.where(is_leaf, 0, tree.feature).astype(np.int32),
        "split_type": np.zeros(nodes, dtype=np.uint8),
        "sum_hessian": tree.rows.astype(np.float32),
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(columns),
            "num_nodes": str(nodes),
            "size_leaf_vector": "1",
        },
    }


def _with_siblings_side_by_side(tree: Tree) -> Tree:
    """The tree with each right child directly after the left one, which XGBoost requires."""
    levels = [np.array([0])]
    while len(parents := levels[-1][tree.left[levels[-1]] >= 0]):
        levels.append(np.column_stack([tree.left[parents], tree.right[parents]]).ravel())
    order = np.concatenate(levels)
    place = np.empty(len(tree.left), dtype=np.int64)
    place[order] = np.arange(len(order))

    def moved(children: NDArray) -> NDArray:
        return np.where(children < 0, -1, place[children])[order]

    return Tree(
        left=moved(tree.left),
        right=moved(tree.right),
        feature=tree.feature[order],
        threshold=tree.threshold[order],
        missing_left=tree.missing_left[order],
        value=tree.value[order],
        rows=tree.rows[order],
        output=tree.output,
    )


def _single_at_most(values: NDArray) -> NDArray:
    """The largest single-precision numbers that are not greater than `values`."""
    single = values.astype(np.float32)
    with np.errstate(over="ignore"):  # below the lowest number, which CatBoost compares with, is infinity
        return np.where(single > values, np.nextafter(single, np.float32(-np.inf)), single).astype(np.float32)


_UBJSON_TYPES = {
    "float32": (b"d", ">f4"),
    "uint8": (b"U", "u1"),
    "int32": (b"l", ">i4"),
    "int64": (b"L", ">i8"),
}


def _ubjson(value: Any) -> bytes:
    """Encode Universal Binary JSON (ubjson.org, draft 12), limited to the types in files of XGBoost."""
    match value:
        case dict():
            return b"{" + b"".join(_text(key) + _ubjson(each) for key, each in value.items()) + b"}"
        case str():
            return b"S" + _text(value)
        case bool():
            return b"T" if value else b"F"
        case int():
            return b"L" + value.to_bytes(8, "big", signed=True)
        case list():
            return b"[#" + _ubjson(len(value)) + b"".join(map(_ubjson, value))
        case np.ndarray():
            kind, order = _UBJSON_TYPES[value.dtype.name]
            return b"[$" + kind + b"#" + _ubjson(len(value)) + value.astype(order).tobytes()
    raise TypeError(f"files of XGBoost can't contain a {type(value)}")


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _ubjson(len(encoded)) + encoded
