"""The default preprocessing beside skrub's `TableVectorizer`: the same table, models and folds.

Text that consists of dates in ISO 8601 is read as dates. Prints R², or for two classes ROC AUC, of a boosted
and of a linear model, the CPU time of a fit and of a single row, and the size of the fitted encoder.
Run: .venv/bin/pip install skrub, then .venv/bin/python benchmarks/preprocessing.py FILE.csv TARGET
"""

import pickle
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlops_assets.ml.features.preprocessing import default_pipeline, feature_frame

FOLDS, SINGLE_ROWS = 3, 30


def main(file: str, target: str) -> None:
    """Print one line for each encoder."""
    frame, labels = read(file, target)
    is_regression = labels.dtype.kind == "f"
    print(f"{len(frame):,} rows, {frame.shape[1]} columns; {'R²' if is_regression else 'ROC AUC'}")
    print("| encoder | columns | boosting | linear | fit s | one row ms | MB |")
    for name, make in encoders():
        print(f"| {name} | {' | '.join(measured(make, frame, labels))} |", flush=True)


def read(file: str, target: str) -> tuple[pd.DataFrame, NDArray]:
    """Features with dates as timestamps, and the target: numbers, or the index of one of two classes."""
    rows = pd.read_csv(file).dropna(subset=[target])
    labels, rows = rows[target], rows.drop(columns=target)
    for name in rows.select_dtypes(object):
        dates = pd.to_datetime(rows[name], format="ISO8601", errors="coerce")
        if dates.notna().sum() == rows[name].notna().sum() > 0:
            rows[name] = dates
    if labels.nunique() > 2:
        return feature_frame(rows), labels.to_numpy(dtype=float)
    return feature_frame(rows), pd.factorize(labels, sort=True)[0]


def encoders() -> Iterator[tuple[str, Callable[[], Any]]]:
    """The encoders by name."""
    yield "TableEncoder", lambda: default_pipeline(random_state=0)
    try:
        from skrub import MinHashEncoder, StringEncoder, TableVectorizer
    except ImportError:
        print("skrub is not installed")
        return
    yield "TableVectorizer", lambda: TableVectorizer(high_cardinality=StringEncoder(random_state=0))
    yield "with MinHashEncoder", lambda: TableVectorizer(high_cardinality=MinHashEncoder())


def measured(make: Callable[[], Any], frame: pd.DataFrame, target: NDArray) -> list[str]:
    """The cells of one encoder, as means over the folds."""
    is_regression = target.dtype.kind == "f"
    boosting: Any = HistGradientBoostingRegressor if is_regression else HistGradientBoostingClassifier
    regression: Any = (
        RidgeCV(np.logspace(-2, 4, 7)) if is_regression else LogisticRegression(C=0.1, max_iter=300)
    )
    splitter: Any = KFold if is_regression else StratifiedKFold
    scores, seconds, encoder, columns = [], 0.0, make(), 0
    for train, valid in splitter(FOLDS, shuffle=True, random_state=0).split(frame, target):
        encoder, started = make(), time.process_time()
        fitted = np.asarray(encoder.fit_transform(frame.iloc[train], target[train]), dtype=float)
        seconds += (time.process_time() - started) / FOLDS
        others, columns = np.asarray(encoder.transform(frame.iloc[valid]), dtype=float), fitted.shape[1]
        models = (
            boosting(random_state=0, max_iter=80, learning_rate=0.06),
            make_pipeline(SimpleImputer(), StandardScaler(), regression),
        )
        scores.append([score(model.fit(fitted, target[train]), others, target[valid]) for model in models])
    started = time.process_time()
    for _ in range(SINGLE_ROWS):
        encoder.transform(frame.iloc[[0]])
    single = 1000 * (time.process_time() - started) / SINGLE_ROWS
    means = np.mean(scores, axis=0)
    size = len(pickle.dumps(encoder)) / 1e6
    return [
        str(columns),
        *(f"{each:.3f}" for each in means),
        f"{seconds:.2f}",
        f"{single:.1f}",
        f"{size:.1f}",
    ]


def score(model: Any, matrix: NDArray, target: NDArray) -> float:
    """R² of a regression, ROC AUC of two classes."""
    if target.dtype.kind == "f":
        return float(r2_score(target, model.predict(matrix)))
    return float(roc_auc_score(target, model.predict_proba(matrix)[:, 1]))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
