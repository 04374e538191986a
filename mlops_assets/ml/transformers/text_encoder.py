"""TextEncoder: topics of free text, and a cross-fitted prediction of the target from its letters."""

from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold
from sklearn.preprocessing import normalize
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

BUCKETS = 2**14
"""Number of buckets that sequences of letters are hashed into."""
_LENGTHS = 3, 4
_FOLDS = 5
_PENALTY = 1.0


class TextEncoder(TransformerMixin, BaseEstimator):
    """Encode each column of text by a few numbers.

    Sequences of three and four letters within words are hashed into 16,384 buckets and weighted by TF-IDF.
    *Topics* are the scores of the rows on its largest singular vectors (latent semantic analysis). A further
    column is the prediction of the target by a ridge regression on all buckets; of more than two classes, one
    for each. Training rows are cross-fitted in `fit_transform`, so that no row sees its own target. Without a
    target there are only topics.

    Parameters
    ----------
    topics
        Maximum number of topics of a column.
    characters
        Number of characters that are read of a text; the rest is ignored.
    rows
        Maximum number of training rows, drawn at random, from which topics and prediction are fitted.
    random_state
        Seed of the folds, the drawn rows and the singular vectors.

    Notes
    -----
    A missing text is NaN in all columns. A text without known sequences has topics of 0, and the intercept as
    prediction. An integer target is treated as classes. Unlike a vocabulary, the buckets limit the size of
    the model: some 2 MB a column.

    References
    ----------
    S. Deerwester et al., Indexing by latent semantic analysis, JASIS 41(6), 1990.
    K. Weinberger et al., Feature hashing for large scale multitask learning, ICML 2009.

    Examples
    --------
    >>> import pandas as pd
    >>> import numpy as np
    >>> notes = pd.DataFrame({"note": ["very good", "bad", "good", "so bad"] * 25 + [None]})
    >>> stars = np.array([5.0, 1.0, 5.0, 1.0] * 25 + [3.0])
    >>> encoder = TextEncoder(topics=2).fit(notes, stars)
    >>> encoder.get_feature_names_out(["note"]).tolist()
    ['note_topic_1', 'note_topic_2', 'note_target']
    >>> encoder.transform(pd.DataFrame({"note": ["good", "bad", None]}))[:, -1].round()
    array([ 5.,  1., nan])
    """

    def __init__(
        self,
        topics: int = 30,
        *,
        characters: int = 1_000,
        rows: int = 20_000,
        random_state: int | None = None,
    ) -> None:
        self.topics = topics
        self.characters = characters
        self.rows = rows
        self.random_state = random_state

    def fit(self, texts: pd.DataFrame | NDArray, target: ArrayLike | None = None) -> Self:
        """Fit topics and prediction of each column."""
        self.fit_transform(texts, target)
        return self

    def fit_transform(self, texts: pd.DataFrame | NDArray, target: ArrayLike | None = None) -> NDArray:
        """Fit, and return the columns of the training rows, with cross-fitted predictions."""
        frame = pd.DataFrame(texts)
        self.n_features_in_ = frame.shape[1]
        self.seed_ = self.random_state or 0
        values = None if target is None else _amounts(np.asarray(target))
        self.idf_: list[NDArray] = []
        self.weights_: list[NDArray] = []
        self.intercepts_: list[NDArray] = []
        self.topics_: list[int] = []
        with threadpool_limits(1):  # sums of several threads have no order
            return np.hstack([self._fit_column(column, values) for _, column in frame.items()])

    def transform(self, texts: pd.DataFrame | NDArray) -> NDArray:
        """Topics and predictions, shape `(n, columns)`."""
        check_is_fitted(self, "weights_")
        fitted = zip(self.idf_, self.weights_, self.intercepts_, strict=True)
        columns = (column for _, column in pd.DataFrame(texts).items())
        return np.hstack(
            [
                _scored(self._counts(column), column.isna().to_numpy(), *each)
                for column, each in zip(columns, fitted, strict=True)
            ]
        )

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> NDArray:
        """Names such as `note_topic_1` and `note_target`; with several classes `note_target_1`."""
        named = [f"x{place}" for place in range(self.n_features_in_)]
        given = named if input_features is None else list(input_features)
        names = []
        for name, topics, weights in zip(given, self.topics_, self.weights_, strict=True):
            names += [f"{name}_topic_{number + 1}" for number in range(topics)]
            targets = weights.shape[1] - topics
            names += [f"{name}_target" + f"_{number}" * (targets > 1) for number in range(targets)]
        return np.array(names, dtype=object)

    def _fit_column(self, column: pd.Series, values: NDArray | None) -> NDArray:
        missing, counts = column.isna().to_numpy(), self._counts(column)
        known = np.flatnonzero(~missing)
        random = np.random.default_rng(self.seed_)
        if len(known) > self.rows:
            known = np.sort(random.choice(known, self.rows, replace=False))
        frequency = np.bincount(counts[known].indices, minlength=BUCKETS)
        idf = (np.log((1 + len(known)) / (1 + frequency)) + 1).astype(np.float32)
        matrix = _weighted(counts, idf)
        weights = [self._components(matrix[known], column.iloc[known].nunique())]
        intercepts = [np.zeros(weights[0].shape[1], dtype=np.float32)]
        self.topics_.append(weights[0].shape[1])
        if values is not None:
            slopes, intercept = _ridge(matrix[known], values[known])
            weights.append(slopes)
            intercepts.append(intercept)
        self.idf_.append(idf)
        self.weights_.append(np.ascontiguousarray(np.hstack(weights)))
        self.intercepts_.append(np.concatenate(intercepts))
        result = _scored(counts, missing, idf, self.weights_[-1], self.intercepts_[-1])
        if values is not None:
            result[:, self.topics_[-1] :] = self._cross_fitted(matrix, values, known, missing)
        return result

    def _cross_fitted(
        self, matrix: sparse.csr_matrix, values: NDArray, known: NDArray, missing: NDArray
    ) -> NDArray:
        """The prediction for each row by the rows of the other folds."""
        result, fitted = np.full(values.shape, np.nan), np.zeros(len(values), dtype=bool)
        fitted[known] = True
        if fitted.sum() < 2:  # nothing to learn from without the row itself
            return result
        folds = KFold(min(_FOLDS, len(values)), shuffle=True, random_state=self.seed_)
        for train, apart in folds.split(values):
            slopes, intercept = _ridge(matrix[train[fitted[train]]], values[train[fitted[train]]])
            result[apart] = matrix[apart] @ slopes + intercept
        result[missing] = np.nan
        return result

    def _components(self, matrix: sparse.csr_matrix, distinct: int) -> NDArray:
        """The largest singular vectors, shape `(BUCKETS, topics)`; none if all texts are equal."""
        topics = min(self.topics, distinct - 1, len(np.unique(matrix.indices)) - 1)
        if topics < 1:
            return np.zeros((BUCKETS, 0), dtype=np.float32)
        found = TruncatedSVD(topics, random_state=self.seed_).fit(matrix)
        return np.asarray(found.components_.T, dtype=np.float32)

    def _counts(self, column: pd.Series) -> sparse.csr_matrix:
        """How often each bucket occurs in each text; equal texts are hashed once."""
        read = column.astype("object").where(column.notna(), "").map(str).str[: self.characters]
        codes, texts = pd.factorize(read)
        hashing = HashingVectorizer(
            analyzer="char_wb",
            ngram_range=_LENGTHS,
            n_features=BUCKETS,
            alternate_sign=False,
            norm=None,
            dtype=np.float32,
        )
        return hashing.transform(texts)[codes]


def _amounts(target: NDArray) -> NDArray:
    """The target with shape `(n, 1)`; of more than two classes one column each."""
    if target.dtype.kind in "iub" and target.max() > 1:
        return np.eye(int(target.max()) + 1)[target.astype(int)]
    return target.astype(float)[:, None]


def _weighted(counts: sparse.csr_matrix, idf: NDArray) -> sparse.csr_matrix:
    """TF-IDF with rows of length 1."""
    matrix = counts.copy()
    matrix.data *= idf[matrix.indices]
    return normalize(matrix, copy=False)


def _scored(
    counts: sparse.csr_matrix, missing: NDArray, idf: NDArray, weights: NDArray, intercepts: NDArray
) -> NDArray:
    scores = np.asarray(_weighted(counts, idf) @ weights + intercepts, dtype=np.float64)
    scores[missing] = np.nan
    return scores


def _ridge(matrix: sparse.csr_matrix, values: NDArray) -> tuple[NDArray, NDArray]:
    """Slopes of shape `(BUCKETS, columns)`, and intercepts; without rows both are 0."""
    if not matrix.shape[0]:
        return np.zeros((BUCKETS, values.shape[1]), np.float32), np.zeros(values.shape[1], np.float32)
    found = Ridge(alpha=_PENALTY, solver="sparse_cg", tol=1e-3).fit(matrix, values)
    slopes = np.asarray(found.coef_, dtype=np.float32).reshape(values.shape[1], -1).T
    return np.ascontiguousarray(slopes), np.asarray(found.intercept_, dtype=np.float32).reshape(-1)
