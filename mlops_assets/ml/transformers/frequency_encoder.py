"""FrequencyEncoder: the frequency of each value in the training rows."""

from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted


class FrequencyEncoder(TransformerMixin, BaseEstimator):
    """Replace each value by its share of the training rows.

    Each column becomes one column, for any number of values, and the target is not used. A value that is not
    in the training rows has the share 0; missing counts as a value.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"town": ["Ely", "Ely", "Rye", None]})
    >>> encoder = FrequencyEncoder().fit(frame)
    >>> encoder.transform(pd.DataFrame({"town": ["Ely", None, "Ham"]}))
    array([[0.5 ],
           [0.25],
           [0.  ]])
    """

    def fit(self, values: pd.DataFrame | NDArray, target: ArrayLike | None = None) -> Self:  # noqa: ARG002
        """Count the values of each column."""
        frame = pd.DataFrame(values)
        self.n_features_in_ = frame.shape[1]
        self.shares_ = []
        for _, column in frame.items():
            counts = as_text(column).value_counts().sort_index()
            shares = counts.to_numpy(dtype=float) / max(len(frame), 1)
            self.shares_.append((counts.index.to_numpy(dtype=str), shares))
        return self

    def transform(self, values: pd.DataFrame | NDArray) -> NDArray:
        """Shares, with the shape of the values."""
        check_is_fitted(self, "shares_")
        frame, columns = pd.DataFrame(values), []
        for (_, column), (known, shares) in zip(frame.items(), self.shares_, strict=True):
            texts = as_text(column).to_numpy(dtype=str)
            place = np.minimum(np.searchsorted(known, texts), len(known) - 1)
            columns.append(np.where(known[place] == texts, shares[place], 0.0))
        return np.column_stack(columns)

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> NDArray:
        """Names such as `town_share`."""
        named = [f"x{place}" for place in range(self.n_features_in_)]
        given = named if input_features is None else list(input_features)
        return np.array([f"{name}_share" for name in given], dtype=object)


def as_text(column: pd.Series) -> pd.Series:
    """Values as text; a missing value differs from an empty text."""
    return column.map(lambda value: "" if pd.isna(value) else f"={value}")
