"""One peer on one table, in its own environment: python peer.py PEER FOLDER SECONDS SEED

It reads what `tables.py` wrote into the folder, and writes `predictions.parquet`: the column `prediction` of
a regression, else the probability of each class in a column of its name.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

THREADS = 2
SHARE_TO_SEARCH = 0.8
"""Of the seconds; the rest is for the trial that runs when the time is up, and for the fit."""
MOST_CATEGORIES = 1_000
"""Of a column of text for XGBoost; one with more is left out."""


class Rows:
    """Rows to train on and rows to predict, with text and truth values as texts."""

    def __init__(self, folder: Path) -> None:
        about = json.loads((folder / "table.json").read_text("utf-8"))
        train, test = (pd.read_parquet(folder / f"{side}.parquet") for side in ("train", "test"))
        self.task, self.target = about["task"], train.pop(about["target"])
        self.texts = [str(name) for name in train if train[name].dtype.kind in "Ob"]
        self.train, self.test = (self._plain(rows) for rows in (train, test))

    @property
    def is_regression(self) -> bool:
        return self.task == "regression"

    def _plain(self, rows: pd.DataFrame) -> pd.DataFrame:
        texts: dict[str, Any] = {
            name: rows[name].astype(str).where(rows[name].notna(), "missing") for name in self.texts
        }
        return rows.assign(**texts)


def linear(rows: Rows, _seconds: float, _seed: int) -> pd.DataFrame:
    """Ridge or logistic regression, its penalty by cross-validation, over one-hot and scaled columns."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegressionCV, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = [name for name in rows.train if name not in rows.texts]
    columns = make_column_transformer(
        (OneHotEncoder(min_frequency=10, handle_unknown="infrequent_if_exist"), rows.texts),
        (make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()), numbers),
    )
    model: Any = (
        RidgeCV(np.logspace(-3, 4, 15))
        if rows.is_regression
        else LogisticRegressionCV(
            Cs=8, l1_ratios=(0.0,), cv=5, scoring="neg_log_loss", max_iter=500, use_legacy_attributes=False
        )
    )
    return _predicted(make_pipeline(columns, model).fit(rows.train, rows.target), rows.test, rows)


def catboost(rows: Rows, _seconds: float, seed: int) -> pd.DataFrame:
    """CatBoost with its defaults, stopped early by a fifth of the rows."""
    from catboost import CatBoostClassifier, CatBoostRegressor
    from sklearn.model_selection import train_test_split

    make = CatBoostRegressor if rows.is_regression else CatBoostClassifier
    classes = None if rows.is_regression else rows.target
    train, apart, target, known = train_test_split(
        rows.train, rows.target, test_size=0.2, random_state=seed, stratify=classes
    )
    model = make(
        cat_features=rows.texts,
        random_seed=seed,
        thread_count=THREADS,
        verbose=False,
        allow_writing_files=False,
    )
    model.fit(train, target, eval_set=(apart, known), early_stopping_rounds=50)
    return _predicted(model, rows.test, rows)


def xgboost(rows: Rows, seconds: float, seed: int) -> pd.DataFrame:
    """XGBoost, tuned by Optuna over five folds, with its own categories."""
    import optuna
    from sklearn.model_selection import cross_val_score
    from xgboost import XGBClassifier, XGBRegressor

    kept = [name for name in rows.texts if rows.train[name].nunique() <= MOST_CATEGORIES]
    levels = {name: sorted(rows.train[name].unique()) for name in kept}

    def columns(frame: pd.DataFrame) -> pd.DataFrame:
        known: dict[str, Any] = {name: pd.Categorical(frame[name], levels[name]) for name in kept}
        return frame.drop(columns=[name for name in rows.texts if name not in kept]).assign(**known)

    train, test = columns(rows.train), columns(rows.test)
    classes, target = (
        (None, rows.target) if rows.is_regression else np.unique(rows.target, return_inverse=True)
    )
    made: Any = XGBRegressor if rows.is_regression else XGBClassifier

    def make(params: dict[str, Any]) -> Any:
        return made(**params, n_jobs=THREADS, random_state=seed, enable_categorical=True)

    def objective(trial: optuna.Trial) -> float:
        model = make(
            {
                "n_estimators": trial.suggest_int("n_estimators", 50, 1000),
                "max_depth": trial.suggest_int("max_depth", 2, 10),
                "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.3, log=True),
                "subsample": trial.suggest_float("subsample", 0.5, 1.0),
                "colsample_bytree": trial.suggest_float("colsample_bytree", 0.3, 1.0),
                "min_child_weight": trial.suggest_float("min_child_weight", 1, 20, log=True),
                "reg_lambda": trial.suggest_float("reg_lambda", 1e-2, 10, log=True),
            }
        )
        scoring = "neg_root_mean_squared_error" if rows.is_regression else "neg_log_loss"
        return float(cross_val_score(model, train, target, cv=5, scoring=scoring).mean())

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, timeout=SHARE_TO_SEARCH * seconds)
    return _predicted(make(study.best_params).fit(train, target), test, rows, classes)


def autogluon(presets: str) -> Callable[[Rows, float, int], pd.DataFrame]:
    """AutoGluon with one of its presets, within the same time and cores."""

    def run(rows: Rows, seconds: float, _seed: int) -> pd.DataFrame:
        from autogluon.tabular import TabularPredictor

        metric = "root_mean_squared_error" if rows.is_regression else "log_loss"
        predictor = TabularPredictor("_target", problem_type=rows.task, eval_metric=metric, verbosity=1)
        predictor.fit(
            rows.train.assign(_target=rows.target.to_numpy()),
            presets=presets,
            time_limit=max(seconds - (time.perf_counter() - STARTED), 1),
            num_cpus=THREADS,
            num_gpus=0,
        )
        if rows.is_regression:
            return pd.DataFrame({"prediction": predictor.predict(rows.test)})
        return predictor.predict_proba(rows.test)

    return run


def _predicted(model: Any, test: pd.DataFrame, rows: Rows, classes: Any = None) -> pd.DataFrame:
    if rows.is_regression:
        return pd.DataFrame({"prediction": np.asarray(model.predict(test)).ravel()})
    return pd.DataFrame(model.predict_proba(test), columns=model.classes_ if classes is None else classes)


STARTED = time.perf_counter()
PEERS: dict[str, Callable[[Rows, float, int], pd.DataFrame]] = {
    "linear": linear,
    "catboost": catboost,
    "xgboost": xgboost,
    "autogluon_medium": autogluon("medium_quality"),
    "autogluon_best": autogluon("best_quality"),
}

if __name__ == "__main__":
    into = Path(sys.argv[2])
    found = PEERS[sys.argv[1]](Rows(into), float(sys.argv[3]), int(sys.argv[4]))
    found.reset_index(drop=True).to_parquet(into / "predictions.parquet")
