"""TableEncoder: the default preprocessing, which encodes each column by its kind."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, TargetEncoder
from sklearn.utils.validation import check_is_fitted

from mlops_assets.ml.encodings import (
    ENCODINGS,
    FEW_VALUES,
    MANY_VALUES,
    MAX_TOPICS,
    TOPICS,
    Encoding,
)
from mlops_assets.ml.rare_values import RareValues
from mlops_assets.ml.transformers.column_kinds import Kind, column_kinds
from mlops_assets.ml.transformers.date_parts import DateParts
from mlops_assets.ml.transformers.frequency_encoder import FrequencyEncoder, as_text
from mlops_assets.ml.transformers.text_encoder import TextEncoder

_FOLDS = 5


class TableEncoder(TransformerMixin, BaseEstimator):
    """Encode a frame of features as numbers, each column by its kind.

    ==========  ==================================================  ==========================================
    kind        columns                                             encoding
    ==========  ==================================================  ==========================================
    `one_hot`   text with at most `few_values` distinct values      one column per value; rare ones share one
    `target`    text with more values, at most `many_values`, on    cross-fitted mean of the target of a value
                average in two rows or more                         (scikit-learn's `TargetEncoder`)
    `text`      all other text                                      topics and a cross-fitted prediction of
                                                                    the target (`TextEncoder`)
    `date`      dates and timestamps                                `DateParts`
    `number`    numbers                                             unchanged, missing values included
    ==========  ==================================================  ==========================================

    Parameters
    ----------
    few_values, many_values
        Limits of the kinds of text.
    topics
        Maximum number of topics of a column of text; at most 300 of all columns.
    encode
        Encodings by column, instead of those by kind: one of the above, or `frequency`
        (`FrequencyEncoder`).
    random_state
        Seed of the cross-fitting and the topics.

    Attributes
    ----------
    kinds_ : dict
        The kind of each column.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"size": [1.0, 2.0], "colour": ["red", "blue"]})
    >>> encoder = TableEncoder().fit(rows)
    >>> encoder.kinds_
    {'size': 'number', 'colour': 'one_hot'}
    >>> encoder.get_feature_names_out().tolist()
    ['colour_blue', 'colour_red', 'size']
    >>> encoder.transform(rows)
    array([[0., 1., 1.],
           [1., 0., 2.]])
    """

    def __init__(
        self,
        *,
        few_values: int = FEW_VALUES,
        many_values: int = MANY_VALUES,
        topics: int = TOPICS,
        encode: Mapping[str, Encoding] | None = None,
        random_state: int | None = None,
    ) -> None:
        self.few_values = few_values
        self.many_values = many_values
        self.topics = topics
        self.encode = encode
        self.random_state = random_state

    def fit(self, frame: pd.DataFrame, target: ArrayLike | None = None) -> Self:
        """Fit the encoding of each column."""
        self.fit_transform(frame, target)
        return self

    def fit_transform(self, frame: pd.DataFrame, target: ArrayLike | None = None) -> NDArray:
        """Fit, and return the matrix of the training rows, in which no row sees its own target."""
        self.kinds_: dict[str, Kind] = column_kinds(
            frame, encode=self.encode or {}, few_values=self.few_values, many_values=self.many_values
        )
        self.feature_names_in_ = np.asarray(frame.columns, dtype=object)
        self.steps_ = list(self._steps(len(frame), target))
        parts = [step.fit_transform(_values(frame, names, step), target) for names, step in self.steps_]
        return self._stacked(parts, frame)

    def transform(self, frame: pd.DataFrame) -> NDArray:
        """The matrix of the encoded columns, numbers last, shape `(n, columns)`."""
        check_is_fitted(self, "steps_")
        parts = [step.transform(_values(frame, names, step)) for names, step in self.steps_]
        return self._stacked(parts, frame)

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> NDArray:  # noqa: ARG002
        """Names such as `colour_red`, `note_topic_1`, `day_week_cos` and `size`."""
        check_is_fitted(self, "steps_")
        parts = [step.get_feature_names_out(np.asarray(names, dtype=object)) for names, step in self.steps_]
        return np.concatenate([*parts, np.asarray(self._of_kind("number"), dtype=object)])

    def _steps(self, rows: int, target: ArrayLike | None) -> Iterator[tuple[list[str], Any]]:
        seed = self.random_state or 0
        for kind in ENCODINGS:
            if not (names := self._of_kind(kind)):
                continue
            step: BaseEstimator
            match kind:
                case "one_hot":
                    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
                    step = make_pipeline(RareValues(max_values=max(self.few_values - 1, 1)), one_hot)
                case "target":
                    # A float is never a class, although `auto` takes whole numbers for classes.
                    is_amount = np.asarray(target).dtype.kind == "f"
                    folds = KFold(min(_FOLDS, rows), shuffle=True, random_state=seed)
                    step = TargetEncoder(target_type="continuous" if is_amount else "auto", cv=folds)
                case "frequency":
                    step = FrequencyEncoder()
                case "text":
                    step = TextEncoder(min(self.topics, MAX_TOPICS // len(names)), random_state=seed)
                case "date":
                    step = DateParts()
            yield names, step

    def _of_kind(self, kind: Kind) -> list[str]:
        return [name for name, found in self.kinds_.items() if found == kind]

    def _stacked(self, parts: list[NDArray], frame: pd.DataFrame) -> NDArray:
        numbers = frame[self._of_kind("number")].to_numpy(dtype=np.float64, na_value=np.nan)
        return np.hstack([*(np.asarray(part, dtype=np.float64) for part in parts), numbers])


def _values(frame: pd.DataFrame, names: list[str], step: BaseEstimator) -> pd.DataFrame | NDArray:
    """The columns of a step; for `TargetEncoder` as text, which it looks up faster and in any type."""
    if isinstance(step, TargetEncoder):
        return np.column_stack([as_text(frame[name]).to_numpy(dtype=object) for name in names])
    return frame[names]
