"""Predictions for rows of which one feature is shuffled."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.ml.features.preprocessing import feature_frame, transform
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.ml.scoring.row_contributions import column_sources


class ShuffledRows(Protocol):
    """Rows whose features are shuffled one by one."""

    def predict(self, name: str, orders: Sequence[NDArray]) -> NDArray:
        """Predictions for all rows, once for each order of the values of a feature, one after another."""
        ...


class ShuffledFrame:
    """Rows as a frame of features, of any function that predicts."""

    def __init__(self, predict: Callable[[pd.DataFrame], NDArray], rows: pd.DataFrame) -> None:
        self._predict, self._rows = predict, rows

    def predict(self, name: str, orders: Sequence[NDArray]) -> NDArray:
        values = self._rows[name].to_numpy()
        shuffled = pd.concat([self._rows] * len(orders), ignore_index=True)
        shuffled[name] = np.concatenate([values[order] for order in orders])
        return self._predict(shuffled)


class ShuffledMatrix:
    """Rows that the pipeline of a model transforms once, and not for each shuffle.

    A shuffled feature moves the columns of the matrix that depend on it alone. One that shares a column with
    another feature is shuffled in the frame.
    """

    def __init__(self, model: TabularModel, rows: pd.DataFrame, *, seed: int) -> None:
        features = list(model.spec.features)
        frame = feature_frame(rows[features])
        self._model, self._frame = model, ShuffledFrame(model.predict_features, rows)
        self._matrix = transform(model.pipeline, frame)
        sources = column_sources(model, frame, seed=seed)
        shared = {name for names in sources if len(names) > 1 for name in names}
        self._columns: dict[str, list[int]] = {name: [] for name in features if name not in shared}
        for place, names in enumerate(sources):
            if len(names) == 1 and names[0] not in shared:
                self._columns[names[0]].append(place)

    def predict(self, name: str, orders: Sequence[NDArray]) -> NDArray:
        if name not in self._columns:
            return self._frame.predict(name, orders)
        columns = self._columns[name]
        shuffled = np.tile(self._matrix, (len(orders), 1))
        shuffled[:, columns] = self._matrix[np.concatenate(orders)][:, columns]
        return self._model.predict_matrix(shuffled)
