"""Boosted trees on one row in NumPy: all trees take a step at a time, in a tenth of the time of XGBoost.

XGBoost compares a value in single precision with the threshold of a node, and adds the leaves of a row to the
base score in the order of the trees, in single precision. So does this module.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import xgboost as xgb
from numpy.typing import NDArray

from mlops_assets.ml.scoring.compiled.not_compiled import NotCompiledError

_FORMAT = [3, 0, 0]
_MOST_BYTES = 24_000_000
"""Maximum size of a booster; the text of a larger one takes seconds to read."""


@dataclass(frozen=True)
class Forest:
    """The trees of one booster or several, in arrays by node; the right child of a node follows the left one.

    Attributes
    ----------
    feature, threshold, left
        A row goes right if its value of the feature is not below the threshold. The feature of a leaf is an
        additional value, 0, which is below its threshold, and its left child is the leaf itself.
    missing_right
        Whether a missing value goes right.
    value
        Contribution of a leaf.
    roots
        The first node of each tree, the deepest tree first.
    active
        For each step the number of trees that are deep enough.
    order
        Places of the trees in `roots`, in their original order.
    ends
        For each booster the end of its trees.
    starts
        The base score of each booster.
    """

    feature: NDArray[np.intp]
    threshold: NDArray[np.float32]
    left: NDArray[np.intp]
    missing_right: NDArray[np.bool_]
    value: NDArray[np.float32]
    roots: NDArray[np.intp]
    active: tuple[int, ...]
    order: NDArray[np.intp]
    ends: tuple[int, ...]
    starts: NDArray[np.float32]

    @classmethod
    def of(cls, parsed: Sequence[Any]) -> "Forest":
        """The trees of boosters as `read_learner` returns them."""
        trees = [tree for learner in parsed for tree in learner["gradient_booster"]["model"]["trees"]]
        sizes = [len(tree["left_children"]) for tree in trees]
        offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        columns = max(int(learner["learner_model_param"]["num_feature"]) for learner in parsed)
        left = np.concatenate([np.array(tree["left_children"]) for tree in trees])
        is_leaf, start = left < 0, np.repeat(offsets, sizes)
        condition = np.concatenate([np.array(tree["split_conditions"], np.float32) for tree in trees])
        feature = np.concatenate([np.array(tree["split_indices"]) for tree in trees])
        default_left = np.concatenate([np.array(tree["default_left"], bool) for tree in trees])
        depths = np.array([_depth(tree) for tree in trees])
        order = np.argsort(-depths, kind="stable")
        place = np.empty(len(trees), np.intp)
        place[order] = np.arange(len(trees))
        counts = [len(learner["gradient_booster"]["model"]["trees"]) for learner in parsed]
        return cls(
            feature=np.where(is_leaf, columns, feature).astype(np.intp),
            threshold=np.where(is_leaf, np.float32(1), condition).astype(np.float32),
            left=np.where(is_leaf, np.arange(len(left)), left + start).astype(np.intp),
            missing_right=~default_left,
            value=condition,
            roots=offsets[order].astype(np.intp),
            active=tuple(int((depths > step).sum()) for step in range(depths.max(initial=0))),
            order=place,
            ends=tuple(np.cumsum(counts).tolist()),
            starts=np.array([_base_margin(learner) for learner in parsed], np.float32),
        )

    def margins(self, row: NDArray) -> list[np.float32]:
        """The sum of the trees of each booster for a row, shape `(columns,)`, before its transformation."""
        values = np.zeros(len(row) + 1, np.float32)
        with np.errstate(over="ignore"):  # XGBoost reads a number beyond its own as infinite, too
            values[:-1] = row
        missing = np.isnan(values)
        has_missing = bool(missing.any())
        nodes = self.roots.copy()
        for active in self.active:
            at = nodes[:active]
            feature = self.feature.take(at)
            goes_right = values.take(feature) >= self.threshold.take(at)
            if has_missing:
                goes_right |= missing.take(feature) & self.missing_right.take(at)
            np.add(self.left.take(at), goes_right, out=at)
        leaves = self.value.take(nodes.take(self.order))
        sums, begin = [], 0
        for end, start in zip(self.ends, self.starts, strict=True):
            part = leaves[begin:end]
            part[0] += start
            sums.append(np.add.accumulate(part)[-1])  # one by one, as XGBoost adds them
            begin = end
        return sums


def read_learner(booster: xgb.Booster) -> Any:
    """The parameters and the trees of a booster.

    Raises
    ------
    NotCompiledError
        When it has several outputs, categorical splits, or too many trees.
    """
    if len(booster.save_raw("ubj")) > _MOST_BYTES:
        raise NotCompiledError("a booster of many trees")
    learner = orjson.loads(booster.save_raw("json"))["learner"]
    model = learner["gradient_booster"].get("model")
    if learner["gradient_booster"]["name"] != "gbtree" or not model["trees"] or any(model["tree_info"]):
        raise NotCompiledError("a booster of several outputs, or without trees")
    for tree in model["trees"]:
        if tree["categories_nodes"] or _has_distant_children(tree):
            raise NotCompiledError("categorical splits, or children that are not side by side")
    return learner


def single_leaf(learner: Any) -> xgb.Booster:
    """A booster that adds 0 to the base score, or to the margin that it receives, and transforms it."""
    model = learner["gradient_booster"]["model"]
    tree: dict[str, Any] = {
        key: value[:1] if isinstance(value, list) else value for key, value in model["trees"][0].items()
    }
    tree |= {"left_children": [-1], "right_children": [-1], "split_conditions": [0.0], "id": 0}
    tree |= {"tree_param": {**tree["tree_param"], "num_nodes": "1"}}
    parameters = {**model["gbtree_model_param"], "num_trees": "1"}
    one = {**model, "trees": [tree], "tree_info": [0], "iteration_indptr": [0, 1]}
    one["gbtree_model_param"] = parameters
    copy = {**learner, "gradient_booster": {**learner["gradient_booster"], "model": one}}
    return xgb.Booster(model_file=bytearray(orjson.dumps({"learner": copy, "version": _FORMAT})))


def _has_distant_children(tree: Any) -> bool:
    left, right = np.array(tree["left_children"]), np.array(tree["right_children"])
    inner = left >= 0
    return bool((right[inner] != left[inner] + 1).any())


def _depth(tree: Any) -> int:
    depths = [0] * len(tree["left_children"])
    for node, (left, right) in enumerate(zip(tree["left_children"], tree["right_children"], strict=True)):
        if left >= 0:
            depths[left] = depths[right] = depths[node] + 1
    return max(depths)


def _base_margin(learner: Any) -> float:
    row = np.zeros((1, int(learner["learner_model_param"]["num_feature"])))
    return float(single_leaf(learner).inplace_predict(row, predict_type="margin")[0])
