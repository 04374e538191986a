"""How soon this project's search is as good as plain Optuna over XGBoost is in the end.

python benchmarks/search_speed.py DATA.csv [--trials 50] [--rows N] [--threads 2] [--seed 0]

Both search the eight per-household columns of California Housing over the same five folds. The plain way is
50 trials of `cross_val_score(XGBRegressor(...), cv=folds)` with 50 to 300 trees. Ours stops as soon as its
best cross-validated RMSE is as low as the plain one's last; at most a fifth of the plain time is asked for.
Early stopping looks at the validation rows, so our winner is scored once more as the plain ones are, with as
many trees as it took on average: that score, too, has to be as low.
"""

import mlops_assets.ml  # noqa: F401, I001  (configures OpenMP before a numeric library loads it)
import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from sklearn.model_selection import cross_val_score
from xgboost import XGBRegressor

from mlops_assets.ml.search.trials import TrialSummary
from mlops_assets.ml.families import FAMILIES, FitRows, Settings
from mlops_assets.ml.search.prepared_folds import Fold, PreparedFolds
from mlops_assets.ml.features.preprocessing import default_pipeline, feature_frame
from mlops_assets.ml.search.splits import make_folds
from mlops_assets.ml.search.search import SearchSettings, tune


class ReachedError(Exception):
    """Our search is good enough."""


def plain(features: pd.DataFrame, target: np.ndarray, folds: list[Fold], trials: int, threads: int) -> float:
    """The best cross-validated RMSE after so many trials."""

    def objective(trial: optuna.Trial) -> float:
        model = XGBRegressor(
            n_estimators=trial.suggest_int("n_estimators", 50, 300),
            max_depth=trial.suggest_int("max_depth", 3, 10),
            learning_rate=trial.suggest_float("learning_rate", 0.01, 0.3, log=True),
            subsample=trial.suggest_float("subsample", 0.5, 1.0),
            colsample_bytree=trial.suggest_float("colsample_bytree", 0.5, 1.0),
            reg_lambda=trial.suggest_float("reg_lambda", 1e-3, 10, log=True),
            reg_alpha=trial.suggest_float("reg_alpha", 1e-3, 10, log=True),
            n_jobs=threads,
        )
        return mean_rmse(model, features, target, folds)

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(objective, n_trials=trials)
    return study.best_value


def mean_rmse(model: XGBRegressor, features: pd.DataFrame, target: np.ndarray, folds: list[Fold]) -> float:
    scores = cross_val_score(model, features, target, cv=folds, scoring="neg_root_mean_squared_error")
    return float(-scores.mean())


def ours(
    features: pd.DataFrame, target: np.ndarray, folds: list[Fold], goal: float, settings: Settings
) -> tuple[float, TrialSummary]:
    """Seconds until the goal was reached, and the trial that did."""
    search = SearchSettings(families=("xgboost",), metric="rmse", trials=200)
    reached: list[TrialSummary] = []

    def look(trial: TrialSummary) -> None:
        if trial.state == "complete" and trial.score <= goal:
            reached.append(trial)
            raise ReachedError

    started = time.perf_counter()
    try:
        tune(features, target, folds, default_pipeline, search, settings, on_trial=look)
    except ReachedError:
        return time.perf_counter() - started, reached[0]
    raise SystemExit(f"200 trials did not come to {goal:.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--rows", type=int, default=None)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    table = pd.read_csv(arguments.data).sample(frac=1, random_state=0)[: arguments.rows]
    features, target = eight_columns(table), table["median_house_value"].to_numpy() / 1e5
    settings = Settings("regression", 1, arguments.seed, arguments.threads)
    folds = make_folds("regression", target, folds=5, seed=arguments.seed)
    started = time.perf_counter()
    goal = plain(features, target, folds, arguments.trials, arguments.threads)
    plain_seconds = time.perf_counter() - started
    seconds, trial = ours(features, target, folds, goal, settings)
    again = fixed(features, target, folds, trial.params, settings)
    print(
        f"plain: {goal:.4f} after {arguments.trials} trials in {plain_seconds:.1f} s\n"
        f"ours:  {trial.score:.4f} after {trial.number + 1} trials in {seconds:.1f} s "
        f"({seconds / plain_seconds:.1%}); {again:.4f} with its mean number of trees"
    )


def fixed(
    features: pd.DataFrame, target: np.ndarray, folds: list[Fold], params: dict[str, Any], settings: Settings
) -> float:
    """The score of parameters when the number of trees is the same in each fold, and nothing stops early."""
    prepared = PreparedFolds(features, target, folds, default_pipeline, settings)
    family = FAMILIES["xgboost"]
    trees = [prepared.get("xgboost", fold).fit(params)[1] or 0 for fold in range(len(folds))]
    errors = []
    for train, apart in folds:
        matrix = features.to_numpy()
        model = family.fit(FitRows(matrix[train], target[train]), params, round(np.mean(trees)), settings)
        errors.append(np.sqrt(np.mean((model.predict(matrix[apart]) - target[apart]) ** 2)))
    return float(np.mean(errors))


def eight_columns(table: pd.DataFrame) -> pd.DataFrame:
    """As scikit-learn publishes them: averages per household."""
    kept = ["median_income", "housing_median_age", "population", "latitude", "longitude"]
    averages = {
        f"{name}_per_household": table[name] / table["households"]
        for name in ("total_rooms", "total_bedrooms", "population")
    }
    return feature_frame(table[kept].assign(**averages).reset_index(drop=True))


if __name__ == "__main__":
    main()
