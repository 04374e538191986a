"""RareValues: replace rare values of text columns by one value."""

from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin

RARE = "(rare)"
"""The replacement for rare values and for values that were not seen in training; `(rare)*` in a column that
has the text itself among its kept values."""


class RareValues(TransformerMixin, BaseEstimator):
    """Keep the frequent values of each column and replace all others by `(rare)`.

    `OneHotEncoder` can group rare values as well, but stores each of them: fitted on a column of a million
    values, it creates a model file of 400 MB.

    Parameters
    ----------
    min_share
        Minimum share of the rows for a value to be kept.
    max_values
        Maximum number of kept values of a column, the most frequent ones.

    Attributes
    ----------
    kept_ : list of lists
        The kept values of each column by descending frequency; ties are ordered by their text.

    Examples
    --------
    >>> colours = pd.DataFrame({"colour": ["red"] * 3 + ["blue"] * 2 + ["teal"]})
    >>> RareValues(min_share=0.3).fit_transform(colours)["colour"].tolist()
    ['red', 'red', 'red', 'blue', 'blue', '(rare)']
    """

    def __init__(self, min_share: float = 0.005, max_values: int = 49) -> None:
        self.min_share = min_share
        self.max_values = max_values

    def fit(self, frame: pd.DataFrame, target: ArrayLike | None = None) -> Self:  # noqa: ARG002
        """Count the values of each column; missing counts as a value."""
        self.kept_ = [self._frequent(frame[name]) for name in frame.columns]
        self.feature_names_in_ = np.asarray(frame.columns, dtype=object)
        return self

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Replace rare and unknown values; shape and index are unchanged."""
        columns = zip(self.feature_names_in_, self.kept_, strict=True)
        kept = {
            name: frame[name].where(frame[name].isin(values), _replacement(values))
            for name, values in columns
        }
        return pd.DataFrame(kept, index=frame.index, columns=self.feature_names_in_)

    def get_feature_names_out(self, names: ArrayLike | None = None) -> np.ndarray:  # noqa: ARG002
        """Names of the input columns."""
        return self.feature_names_in_

    def _frequent(self, column: pd.Series) -> list[object]:
        counts = column.value_counts(dropna=False)
        frequent = counts[counts >= self.min_share * len(column)]
        ranked = sorted(frequent.items(), key=lambda found: (-found[1], str(found[0])))
        return [value for value, _ in ranked[: self.max_values]]


def _replacement(kept: list[object]) -> str:
    """A text that differs from the kept values."""
    text = RARE
    while text in kept:
        text += "*"
    return text
