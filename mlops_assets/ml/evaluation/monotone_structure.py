"""Monotone constraints in the structure of a model: the splits of all trees and the signs of coefficients."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_assets.ml.families.linear import LinearEstimator
from mlops_assets.ml.families.xgboost import XGBoostEstimator
from mlops_assets.ml.model.ensemble import EnsembleEstimator

MOST_SPLITS = 600
"""Most splits of a tree whose leaves are compared by pairs; a symmetric tree of depth 8 has 255."""
_Ranges = Mapping[int, tuple[float, float] | None]
"""Where the value of a column lies; None if it is missing."""


def holds_in_structure(estimator: Any, columns: Mapping[int, int]) -> bool:
    """Whether each split of each tree and the sign of each coefficient hold the constraints of columns.

    Parameters
    ----------
    columns
        For constrained columns of the matrix 1 for increasing, -1 for decreasing.
    """
    match estimator:
        case EnsembleEstimator():
            return all(holds_in_structure(member, columns) for member in estimator.members)
        case LinearEstimator():
            coefficients = np.asarray(estimator.pipeline[-1].coef_, dtype=float).ravel()
            return all(sign * coefficients[place] >= 0 for place, sign in columns.items())
        case XGBoostEstimator():
            return all(_tree_holds(tree, columns) for tree in _trees(estimator))
    return False


@dataclass(frozen=True)
class _Tree:
    """Nodes of a tree; `value` is the value of a leaf and the threshold of a split."""

    left: NDArray
    right: NDArray
    column: NDArray
    value: NDArray
    missing_left: NDArray

    def branches(self, node: int, ranges: _Ranges) -> Iterator[tuple[int, _Ranges]]:
        """The children that rows within the ranges reach, with their ranges."""
        column, threshold = int(self.column[node]), float(self.value[node])
        left, right = int(self.left[node]), int(self.right[node])
        known = ranges.get(column, (-np.inf, np.inf))
        if known is None or column not in ranges:
            yield left if self.missing_left[node] else right, {**ranges, column: None}
        if known is not None:
            low, high = known
            if low < threshold:
                yield left, {**ranges, column: (low, min(high, threshold))}
            if threshold < high:
                yield right, {**ranges, column: (max(low, threshold), high)}


def _trees(estimator: XGBoostEstimator) -> Iterator[_Tree]:
    model = json.loads(bytes(estimator.booster.save_raw("json")))
    names = ("left_children", "right_children", "split_indices", "split_conditions", "default_left")
    for tree in model["learner"]["gradient_booster"]["model"]["trees"]:
        yield _Tree(*(np.asarray(tree[name]) for name in names))


def _tree_holds(tree: _Tree, columns: Mapping[int, int]) -> bool:
    """Whether no leaf left of a split of these columns is above a leaf right of it, or below for -1.

    Two rows that differ in one column part at a split of it. First all leaves of both sides are compared,
    which suffices; where some are in the wrong order, only leaves that such rows reach.
    """
    low, high = tree.value.astype(float), tree.value.astype(float)
    order, stack = [], [0]
    while stack:
        node = stack.pop()
        if tree.left[node] >= 0:
            order.append(node)
            stack += [int(tree.left[node]), int(tree.right[node])]
    doubtful = []
    for node in reversed(order):
        one, other = tree.left[node], tree.right[node]
        sign = columns.get(int(tree.column[node]), 0)
        if (sign > 0 and high[one] > low[other]) or (sign < 0 and low[one] < high[other]):
            doubtful.append(node)
        low[node], high[node] = min(low[one], low[other]), max(high[one], high[other])
    if len(order) > MOST_SPLITS:
        return not doubtful
    return all(_split_holds(tree, node, columns[int(tree.column[node])]) for node in doubtful)


def _split_holds(tree: _Tree, node: int, sign: int) -> bool:
    """Whether a split holds for each pair of leaves that two rows reach which differ in its column alone."""
    free = tree.column[node]
    pairs: list[tuple[int, int, _Ranges]] = [(int(tree.left[node]), int(tree.right[node]), {})]
    while pairs:
        one, other, ranges = pairs.pop()
        if tree.left[one] < 0 and tree.left[other] < 0:
            if sign * (tree.value[other] - tree.value[one]) < 0:
                return False
            continue
        at = one if tree.left[one] >= 0 else other
        if tree.column[at] == free:
            reached = [(int(tree.left[at]), ranges), (int(tree.right[at]), ranges)]
        else:
            reached = list(tree.branches(at, ranges))
        pairs += [(child, other, each) if at == one else (one, child, each) for child, each in reached]
    return True
