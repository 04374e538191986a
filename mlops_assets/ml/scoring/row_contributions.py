"""Contributions of the features to single predictions, as columns beside the predictions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.ml.features.preprocessing import feature_frame, transform
from mlops_assets.ml.model.tabular_model import TabularModel

BASE, REST = "contribution_base", "contribution_rest"
_SOURCE_ROWS = 2_000
_CHUNK = 500
"""Rows of one call of an estimator, which can't be interrupted."""
_MAX_NAMED = 3
_OTHER = "other columns"


def contribution_columns(count: int) -> dict[str, type]:
    """The columns of `RowContributions.columns` with their type, in order; empty for 0 features."""
    ranks = range(1, count + 1)
    named = [(f"contribution_{rank}_feature", f"contribution_{rank}_value") for rank in ranks]
    columns: dict[str, type] = {BASE: float} if count else {}
    for feature, value in named:
        columns |= {feature: str, value: float}
    return columns | ({REST: float} if count else {})


@dataclass(frozen=True)
class RowContributions:
    """Contributions to the predictions of a model.

    Attributes
    ----------
    count
        Number of features that are listed for each row.
    labels, groups
        Names of features, and for each column of the pipeline's output the place of its name.
    """

    model: TabularModel
    count: int
    labels: tuple[str, ...]
    groups: NDArray

    @classmethod
    def of(
        cls, model: TabularModel, features: pd.DataFrame, count: int, *, seed: int = 0
    ) -> "RowContributions":
        """Find the features that each column of the pipeline's output depends on.

        Parameters
        ----------
        features
            Rows with the usual values of the features, of which at most 2,000 are used.
        """
        step = max(1, -(-len(features) // _SOURCE_ROWS))
        sample = feature_frame(features.iloc[::step][list(model.spec.features)]).reset_index(drop=True)
        sources = column_sources(model, sample, seed=seed)
        names = [joined(found) if found else "" for found in sources]
        named = [name or _label_by_name(model, place) for place, name in enumerate(names)]
        labels = tuple(dict.fromkeys(named))
        return cls(model, count, labels, np.array([labels.index(name) for name in named]))

    def columns(self, features: pd.DataFrame) -> dict[str, NDArray]:
        """The features with the largest contributions to each prediction.

        Contributions are SHAP values in units of the target, or as a probability: of the second of two
        classes, otherwise of the predicted class. In each row, `contribution_base`, all
        `contribution_N_value` and `contribution_rest` add up to the prediction before calibration and bounds.
        The base is the same for all rows; with several classes, for all rows of a predicted class.

        Parameters
        ----------
        features
            As `TabularModel.compute_features` returns them.

        Returns
        -------
        The columns of `contribution_columns`, each of shape `(n,)`; a feature is None where fewer contribute.
        """
        rows, found = len(features), contribution_columns(self.count)
        if not rows:
            return {name: np.empty(0, dtype=object if kind is str else float) for name, kind in found.items()}
        frame = feature_frame(features[list(self.model.spec.features)])
        matrix = transform(self.model.pipeline, frame)
        chosen = None
        if self.model.spec.task == "multiclass":
            chosen = self.model.predict_features(features).argmax(axis=1)
        parts = [
            self._of_rows(matrix[start : start + _CHUNK], _part(chosen, start))
            for start in range(0, rows, _CHUNK)
        ]
        base, values = (np.concatenate(part) for part in zip(*parts, strict=True))
        order = np.argsort(-np.abs(values), axis=1, kind="stable")[:, : self.count]
        top = np.take_along_axis(values, order, axis=1)
        names = np.array(self.labels, dtype=object)[order]
        names[top == 0] = None
        columns: dict[str, NDArray] = {BASE: base}
        for rank in range(self.count):
            known = rank < top.shape[1]
            columns[f"contribution_{rank + 1}_feature"] = names[:, rank] if known else np.full(rows, None)
            columns[f"contribution_{rank + 1}_value"] = top[:, rank] if known else np.zeros(rows)
        columns[REST] = values.sum(axis=1) - top.sum(axis=1)
        return columns

    def _of_rows(self, matrix: NDArray, chosen: NDArray | None) -> tuple[NDArray, NDArray]:
        """The base of each row, and its contributions by label, of shape `(n, labels)`."""
        values = self.model.estimator.prediction_contributions(matrix)
        raw = self.model.estimator.predict(matrix)
        if chosen is not None:
            places = np.arange(len(matrix))
            values, raw = values[places, chosen], raw[places, chosen]
        summed = np.zeros((len(matrix), len(self.labels)))
        for column, group in enumerate(self.groups):
            summed[:, group] += values[:, column]
        return raw - values.sum(axis=1), summed


def column_sources(model: TabularModel, frame: pd.DataFrame, *, seed: int) -> list[tuple[str, ...]]:
    """The features that each column of the pipeline's output depends on.

    Dependencies are found by shuffling features, because a transformer may give columns any name. Features
    are shuffled together by the bits of their number, which takes few transformations of thousands of them: a
    column of one feature changes in the rounds of its bits and in no other one.
    """
    shuffles = _Shuffles(model, frame, seed)
    names = [str(name) for name in frame.columns]
    places = np.arange(len(names))
    bits = [places >> bit & 1 == 1 for bit in range(max(1, (len(names) - 1).bit_length()))]
    ones, zeros = (
        [shuffles.changed(places[side]) for side in sides] for sides in (bits, [~bit for bit in bits])
    )
    single = np.all([one != zero for one, zero in zip(ones, zeros, strict=True)], axis=0)
    several = np.any([one & zero for one, zero in zip(ones, zeros, strict=True)], axis=0)
    numbers = np.sum([one.astype(int) << bit for bit, one in enumerate(ones)], axis=0)
    sources: list[tuple[str, ...]] = [
        (names[number],) if alone else () for number, alone in zip(numbers, single, strict=True)
    ]
    for place, column in shuffles.pairs(places, several) if several.any() else ():
        sources[column] = (*sources[column], names[place])
    return sources


class _Shuffles:
    """The columns of a pipeline's output that change when features are shuffled together."""

    def __init__(self, model: TabularModel, frame: pd.DataFrame, seed: int) -> None:
        self._pipeline, self._frame = model.pipeline, frame
        self._before = transform(model.pipeline, frame)
        order, moved = np.random.default_rng(seed).permutation(len(frame)), np.empty(len(frame), dtype=int)
        moved[order] = np.roll(order, 1)  # no row stays, so that a value of a single row moves, too
        self._shuffled = frame.iloc[moved].set_axis(frame.index)

    def changed(self, places: NDArray) -> NDArray[np.bool_]:
        """Whether each column of the output changes with the features at these places."""
        if not len(places):
            return np.zeros(self._before.shape[1], dtype=bool)
        kept = np.setdiff1d(np.arange(self._frame.shape[1]), places)
        mixed = pd.concat([self._frame.iloc[:, kept], self._shuffled.iloc[:, places]], axis=1)
        after = transform(self._pipeline, mixed[self._frame.columns])
        same = (self._before == after) | (np.isnan(self._before) & np.isnan(after))
        return np.asarray(~same.all(axis=0))

    def pairs(self, places: NDArray, columns: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
        """Each feature with each of the columns that depends on it, in the order of the features."""
        found = columns & self.changed(places)
        if not found.any():
            return
        if len(places) == 1:
            yield from ((int(places[0]), int(column)) for column in np.flatnonzero(found))
            return
        for half in np.array_split(places, 2):
            yield from self.pairs(half, found)


def joined(names: Sequence[str]) -> str:
    """The features of a column as one label."""
    if len(names) <= _MAX_NAMED:
        return " + ".join(names)
    return f"{' + '.join(names[:2])} + {len(names) - 2} more"


def _label_by_name(model: TabularModel, place: int) -> str:
    """The feature of a column that is constant in the sample, such as a rare category, by its name."""
    try:
        name = str(model.pipeline.get_feature_names_out()[place])
    except (AttributeError, ValueError, TypeError, IndexError):  # a transformer without names
        return _OTHER
    known = [each for each in model.spec.features if name == each or name.startswith(f"{each}_")]
    return max(known, key=len, default=_OTHER)


def _part(values: NDArray | None, start: int) -> NDArray | None:
    return None if values is None else values[start : start + _CHUNK]
