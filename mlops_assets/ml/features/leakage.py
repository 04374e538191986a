"""Features that seem to contain the target: a near-copy of it, or columns that it was computed from.

A single feature that predicts other rows almost perfectly is rarely a cause; more often it was recorded after
the target, or is derived from it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.ml.metrics.tasks import Task
from mlops_assets.ml.number_format import number

SAMPLE_ROWS = 20_000
_CELLS = 2_000_000
"""Maximum number of values that are examined; of a wide table fewer rows."""
_LEAST_ROWS = 40
_LEAST_KNOWN = 0.5
_PERFECT = {"regression": 0.99, "binary": 0.995, "multiclass": 0.995}
"""Minimum R² or ROC AUC of a single feature on other rows."""
_EXACT = 0.9999
"""Minimum R² of a linear combination."""
_DEPENDENT = 1e-10
"""Maximum relative size of the part of a column that others do not explain, for it to depend on them."""
_MOST_COLUMNS = 4
"""Maximum number of columns of a combination."""
_SCREENED_CLASS = 0.01
"""Minimum share of each class for the screen of a feature: of rarer classes, too few rows are neighbours."""
_UNORDERED = 0.9
"""Minimum of `_neighbour_difference` of a feature that can't be perfect: with `_PERFECT` and leaves of three
rows of one half it is below 2/3, and of a feature without information it is about 1."""
_NAMES = {"regression": "R²", "binary": "ROC AUC", "multiclass": "ROC AUC"}


@dataclass(frozen=True)
class Suspect:
    """Features that may contain the target.

    Attributes
    ----------
    columns
        One feature, or the features of a combination.
    reason
        What they do, with the figure: the end of a sentence that begins with the columns.
    """

    columns: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        return f"{' and '.join(self.columns)} {self.reason}"


def sample_rows(features: int) -> int:
    """The number of rows that `find_suspects` needs at most, for a number of features."""
    return min(SAMPLE_ROWS, max(1_000, _CELLS // max(features, 1)))


def find_suspects(features: pd.DataFrame, target: Sequence[Any], task: Task) -> list[Suspect]:
    """Find features that predict the target alone, and for a regression columns that it is computed from.

    Each feature is the input of a small tree, which is fitted on one half of the rows and evaluated on the
    other half.

    Parameters
    ----------
    features
        Feature columns: numbers, texts, booleans or times, with missing values.
    target
        Target values, without missing ones, as long as the frame.

    Returns
    -------
    The suspects, single features first.
    """
    known = pd.Series(target).reset_index(drop=True)
    rows = features.reset_index(drop=True)
    if len(rows) < _LEAST_ROWS or known.nunique() < 2:
        return []
    values = known.to_numpy(dtype=float) if task == "regression" else pd.factorize(known)[0]
    half = np.random.default_rng(0).permutation(len(rows)) % 2 == 0
    found = []
    for name in rows:
        score = _single_score(rows[name], values, half, task)
        if score >= _PERFECT[task]:
            figure = number(score, 4)
            found.append(Suspect((str(name),), f"alone predicts other rows with {_NAMES[task]} {figure}"))
    if task == "regression":
        found += _combinations(rows, values, {name for suspect in found for name in suspect.columns})
    return found


def _single_score(column: pd.Series, target: NDArray, half: NDArray, task: Task) -> float:
    """The better score of a feature: on all rows, or on those where it is known, if they are many."""
    inputs = _as_numbers(column, target, half)
    known = np.isfinite(inputs)
    if not known.any():
        return 0.0
    scores = [_tree_score(inputs, target, half, task)]
    if not known.all() and known.mean() >= _LEAST_KNOWN:
        scores.append(_tree_score(inputs[known], target[known], half[known], task))
    return max(scores)


def _tree_score(values: NDArray, target: NDArray, half: NDArray, task: Task) -> float:
    """R² or ROC AUC of a tree on one feature, fitted on one half of the rows; 0 if it can't be perfect."""
    if _neighbour_difference(values, target, task) >= _UNORDERED:  # a hundred times faster than a tree
        return 0.0
    from sklearn.metrics import r2_score, roc_auc_score
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    inputs = values[:, None]
    fit, rest = (inputs[half], target[half]), (inputs[~half], target[~half])
    if min(len(fit[1]), len(rest[1])) < _LEAST_ROWS // 2:
        return 0.0
    if task == "regression":
        tree = DecisionTreeRegressor(max_leaf_nodes=256, min_samples_leaf=3, random_state=0).fit(*fit)
        return float(r2_score(rest[1], tree.predict(rest[0])))
    classes = np.unique(fit[1])
    if len(classes) < 2 or not np.array_equal(classes, np.unique(rest[1])):
        return 0.0
    model = DecisionTreeClassifier(max_leaf_nodes=64, min_samples_leaf=3, random_state=0).fit(*fit)
    chances = model.predict_proba(rest[0])
    if len(classes) == 2:
        return float(roc_auc_score(rest[1], chances[:, 1]))
    return float(roc_auc_score(rest[1], chances, multi_class="ovr"))


def _neighbour_difference(values: NDArray, target: NDArray, task: Task) -> float:
    """How much the targets of neighbours in the order of a feature differ, as a share of all pairs of rows.

    It is half the von Neumann ratio; of classes, the share of different neighbours. 0 if it proves nothing.
    """
    ordered = target[np.argsort(values, kind="stable")]
    if task == "regression":
        of_all = 2 * float(np.var(ordered))
        return float(np.mean(np.square(np.diff(ordered)))) / of_all if of_all else 0.0
    shares = np.bincount(ordered) / len(ordered)
    if shares[shares > 0].min() < _SCREENED_CLASS:
        return 0.0
    of_all = 1 - float(np.square(shares).sum())
    return float(np.mean(ordered[1:] != ordered[:-1])) / of_all if of_all else 0.0


def _as_numbers(column: pd.Series, target: NDArray, half: NDArray) -> NDArray:
    """A column as numbers; a text as the mean target of its value in the first half of the rows."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.astype("datetime64[us]").astype("int64").where(column.notna(), np.nan).to_numpy(float)
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        numbers = column.to_numpy(dtype=float, na_value=np.nan)
        return np.where(np.isinf(numbers), np.nan, numbers)
    means = pd.Series(target[half]).groupby(column[half].astype(str).to_numpy()).mean()
    return column.astype(str).map(means).to_numpy(dtype=float)


def _combinations(rows: pd.DataFrame, target: NDArray, alone: set[str]) -> list[Suspect]:
    """Few columns whose sum or difference, or whose product or ratio, is the target."""
    numeric = [
        str(name)
        for name in rows
        if pd.api.types.is_numeric_dtype(rows[name]) and rows[name].nunique() > 2 and name not in alone
    ]
    if len(numeric) < 2:
        return []
    columns = rows[numeric].to_numpy(dtype=float, na_value=np.nan)
    kinds: list[tuple[str, Callable[[NDArray], NDArray]]] = [("a linear combination", lambda values: values)]
    if (target > 0).all():
        kinds.append(("a product or ratio", lambda values: np.log(np.where(values > 0, values, np.nan))))
    for kind, scale in kinds:
        chosen = _exact_columns(scale(columns), scale(target))
        if chosen:
            return [Suspect(tuple(numeric[index] for index in chosen), f"give the target as {kind}")]
    return []


def _exact_columns(columns: NDArray, target: NDArray) -> list[int]:
    """The few columns, by forward selection, whose linear combination is the target; empty without any."""
    usable = [int(index) for index in np.flatnonzero(np.isfinite(columns).mean(axis=0) > _LEAST_KNOWN)]
    chosen: list[int] = []
    while len(chosen) < min(_MOST_COLUMNS, len(usable)):
        scores = _linear_fits(columns, chosen, [index for index in usable if index not in chosen], target)
        best = max(scores, key=lambda index: scores[index])
        chosen.append(best)
        if scores[best] >= _EXACT:
            return chosen if len(chosen) > 1 else []
    return []


def _linear_fits(
    columns: NDArray, chosen: list[int], others: Sequence[int], target: NDArray
) -> dict[int, float]:
    """R² of the linear fit on the chosen columns and each other one; of complete columns by one product."""
    known = np.isfinite(columns[:, chosen]).all(axis=1) & np.isfinite(target)
    complete = [index for index in others if np.isfinite(columns[known, index]).all()]
    scores = {
        index: _linear_fit(columns[:, [*chosen, index]], target) for index in set(others) - set(complete)
    }
    if not complete or known.sum() < _LEAST_ROWS:
        return scores | dict.fromkeys(complete, 0.0)
    basis = _orthonormal(columns[np.ix_(known, chosen)])
    added = _without(basis, _scaled(columns[np.ix_(known, complete)]))
    rest = _without(basis, _scaled(target[known, None]))[:, 0]
    sizes = np.linalg.norm(added, axis=0)
    independent = sizes > _DEPENDENT * np.sqrt(len(added))
    explained = np.square(rest @ added / np.where(independent, sizes, np.inf)) / len(rest)
    unexplained = float(rest @ rest) / len(rest)
    return scores | dict(zip(complete, (1 - unexplained + explained).tolist(), strict=True))


def _scaled(columns: NDArray) -> NDArray:
    """Columns with mean 0 and standard deviation 1; constant ones are 0."""
    centred = columns - columns.mean(axis=0)
    size = centred.std(axis=0)
    return np.asarray(centred / np.where(size > 0, size, 1))


def _orthonormal(columns: NDArray) -> NDArray:
    """An orthonormal basis of the scaled columns."""
    vectors, sizes, _ = np.linalg.svd(_scaled(columns), full_matrices=False)
    return np.asarray(vectors[:, sizes > _DEPENDENT * np.sqrt(len(columns))])


def _without(basis: NDArray, columns: NDArray) -> NDArray:
    """The part of columns that is orthogonal to a basis."""
    return np.asarray(columns - basis @ (basis.T @ columns))


def _linear_fit(columns: NDArray, target: NDArray) -> float:
    """R² of a linear fit on the rows without missing values."""
    complete = np.isfinite(columns).all(axis=1) & np.isfinite(target)
    if complete.sum() < _LEAST_ROWS:
        return 0.0
    known = target[complete] - target[complete].mean()
    inputs = columns[complete] - columns[complete].mean(axis=0)
    size = inputs.std(axis=0)
    inputs = inputs / np.where(size > 0, size, 1)
    weights = np.linalg.lstsq(inputs, known, rcond=None)[0]
    spread = float(known @ known)
    return 1 - float(((known - inputs @ weights) ** 2).sum()) / spread if spread else 0.0
