"""California Housing on random 80/20 splits: this project's search beside plainly tuned models, in RMSE.

    python benchmarks/housing.py DATA.csv [--seeds 0,1,2,3,4] [--minutes 10] [--methods ours,xgboost,catboost]
                                 [--threads 2] [--out housing.jsonl]

`ours` is what `mlops run california_housing` does without Dagster and MLflow: `features.sql`, `pipeline.py`,
the search of `defs.yaml`, its ensemble, fitted on the rows that train. Minutes are for all of it. `xgboost`
and `catboost` (`pip install '.[catboost]'`) are tuned by Optuna, five folds, up to 50 trials within the same
minutes, on the eight columns of scikit-learn's version of the data, averages per household.

A result is a line of JSON; what the file holds already is not run again, so that the table can be made in
pieces.

Figures are in 100,000 USD. Published for the eight columns, the mean of 15 seeds (Gorishniy et al., TabR,
2023): tuned XGBoost 0.4327, tuned CatBoost 0.4294, its ensemble 0.4265; TabR, on a GPU, 0.3998, its ensemble
0.3914.
"""

import mlops_assets.ml  # noqa: F401, I001  (configures OpenMP before a numeric library loads it)
import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

import duckdb
import numpy as np
import optuna
import pandas as pd
import yaml
from sklearn.model_selection import KFold, train_test_split

from mlops_assets.components.model_project.settings.training import TargetSettings, TuningSettings
from mlops_assets.defs.california_housing.pipeline import make_pipeline
from mlops_assets.ml.families import Settings
from mlops_assets.ml.model.model_spec import ModelSpec
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.ml.features.preprocessing import feature_frame
from mlops_assets.ml.search.splits import make_folds
from mlops_assets.ml.search.search import SearchSettings, tune

PROJECT = Path(__file__).parents[1] / "mlops_assets/defs/california_housing"
SHARE_TO_SEARCH = 0.8
"""Of the minutes; the rest is for the trial that runs when the time is up, and for the fit."""
Split = tuple[pd.DataFrame, pd.DataFrame]


def ours(split: Split, seconds: float, threads: int) -> dict[str, Any]:
    """Search, and predict the rows that were held out; only their features are looked at."""
    declared = yaml.safe_load((PROJECT / "defs.yaml").read_text("utf-8"))["attributes"]
    tuning, target = TuningSettings(**declared["tuning"]), TargetSettings(**declared["target"])
    sql = (PROJECT / "features.sql").read_text("utf-8")
    train, test = (_features(rows, sql) for rows in split)
    prices = split[0][target.column].to_numpy(dtype=float)
    settings = Settings("regression", 1, tuning.seed, threads)
    search = SearchSettings(
        families=tuple(tuning.families),
        metric="rmse",
        trials=200,
        timeout_seconds=SHARE_TO_SEARCH * seconds,
        unit_size=target.unit_size,
        ensemble=tuning.ensemble,
    )

    def show(trial: Any) -> None:
        print(
            f"  {trial.number}: {trial.family} {trial.score:.4f} {trial.state}, {trial.seconds:.0f} s",
            flush=True,
        )

    folds = make_folds("regression", prices, folds=tuning.folds, seed=tuning.seed)
    found = tune(train, prices, folds, make_pipeline, search, settings, on_trial=show)
    spec = ModelSpec(
        project="california_housing",
        task="regression",
        target=target.column,
        table=None,
        columns=(),
        features=tuple(train.columns),
        classes=(),
        family=found.family,
        params=found.params,
        rounds=found.rounds,
        seed=tuning.seed,
        members=found.members if len(found.members) > 1 else (),
        bounds=(target.minimum, target.maximum),
    )
    model = TabularModel.fit(spec, sql, train, prices, make_pipeline, settings)
    return {
        "predictions": model.predict_features(test),
        "trials": len(found.trials),
        "cv": found.score,
        "family": found.family,
        "members": len(found.members),
        "bests": {best.family: score for best, score in found.bests},
    }


def _features(rows: pd.DataFrame, sql: str) -> pd.DataFrame:
    with duckdb.connect() as connection:
        connection.register("districts", rows.assign(row_id=np.arange(len(rows))))
        return feature_frame(connection.sql(sql).order("row_id").df().drop(columns="row_id"))


def plain_xgboost(split: Split, seconds: float, threads: int) -> dict[str, Any]:
    from xgboost import XGBRegressor

    def suggest(trial: optuna.Trial) -> dict[str, Any]:
        return {
            "n_estimators": trial.suggest_int("n_estimators", 50, 1000),
            "max_depth": trial.suggest_int("max_depth", 3, 10),
            "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.3, log=True),
            "subsample": trial.suggest_float("subsample", 0.5, 1.0),
            "colsample_bytree": trial.suggest_float("colsample_bytree", 0.5, 1.0),
            "min_child_weight": trial.suggest_float("min_child_weight", 1, 20, log=True),
            "reg_lambda": trial.suggest_float("reg_lambda", 1e-2, 10, log=True),
        }

    return _plain(split, seconds, suggest, lambda params: XGBRegressor(**params, n_jobs=threads))


def plain_catboost(split: Split, seconds: float, threads: int) -> dict[str, Any]:
    from catboost import CatBoostRegressor

    def suggest(trial: optuna.Trial) -> dict[str, Any]:
        return {
            "iterations": trial.suggest_int("iterations", 200, 1500),
            "depth": trial.suggest_int("depth", 4, 10),
            "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.3, log=True),
            "l2_leaf_reg": trial.suggest_float("l2_leaf_reg", 0.5, 20, log=True),
        }

    quiet = {"verbose": False, "allow_writing_files": False, "thread_count": threads}
    return _plain(split, seconds, suggest, lambda params: CatBoostRegressor(**params, **quiet))


def _plain(
    split: Split,
    seconds: float,
    suggest: Callable[[optuna.Trial], dict[str, Any]],
    make: Callable[[dict[str, Any]], Any],
) -> dict[str, Any]:
    """Optuna over five folds, then a fit on all rows that train."""
    train, test = (_averages(rows) for rows in split)
    prices = split[0]["median_house_value"].to_numpy(dtype=float) / 1e5

    def objective(trial: optuna.Trial) -> float:
        params = suggest(trial)
        errors = []
        for rows, apart in KFold(5, shuffle=True, random_state=0).split(train):
            predicted = make(params).fit(train[rows], prices[rows]).predict(train[apart])
            errors.append(float(np.sqrt(np.mean((predicted - prices[apart]) ** 2))))
        return mean(errors)

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(objective, n_trials=50, timeout=SHARE_TO_SEARCH * seconds)
    model = make(study.best_params).fit(train, prices)
    return {"predictions": model.predict(test) * 1e5, "trials": len(study.trials), "cv": study.best_value}


def _averages(rows: pd.DataFrame) -> np.ndarray:
    """The eight columns that scikit-learn publishes."""
    households = rows["households"]
    columns = [
        rows[name] for name in ("median_income", "housing_median_age", "population", "latitude", "longitude")
    ]
    totals = [rows[name] / households for name in ("total_rooms", "total_bedrooms", "population")]
    return np.column_stack([*columns, *totals]).astype(float)


METHODS = {"ours": ours, "xgboost": plain_xgboost, "catboost": plain_catboost}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--methods", default="ours,xgboost,catboost")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("housing.jsonl"))
    arguments = parser.parse_args()
    rows = pd.read_csv(arguments.data)
    done = (
        [json.loads(line) for line in arguments.out.read_text().splitlines()]
        if arguments.out.exists()
        else []
    )
    for seed in map(int, arguments.seeds.split(",")):
        split = train_test_split(rows, test_size=0.2, random_state=seed)
        for method in arguments.methods.split(","):
            if any((line["method"], line["seed"]) == (method, seed) for line in done):
                continue
            print(f"split {seed}, {method}", flush=True)
            started = time.perf_counter()
            found = METHODS[method](split, 60 * arguments.minutes, arguments.threads)
            error = found.pop("predictions") - split[1]["median_house_value"].to_numpy()
            rmse = float(np.sqrt(np.mean(error**2))) / 1e5
            seconds = round(time.perf_counter() - started, 1)
            line = {"method": method, "seed": seed, "rmse": rmse, "seconds": seconds, **found}
            done.append(line)
            with arguments.out.open("a") as stream:
                stream.write(json.dumps(line) + "\n")
            print(f"  rmse {rmse:.4f} in {seconds:.0f} s, {found}", flush=True)
    print(
        "\nmethod      "
        + "  ".join(f"split {seed}" for seed in sorted({line["seed"] for line in done}))
        + "    mean"
    )
    for method in METHODS:
        scores = {line["seed"]: line["rmse"] for line in done if line["method"] == method}
        if scores:
            columns = "  ".join(f"{scores[seed]:7.4f}" for seed in sorted(scores))
            print(f"{method:<12}{columns}  {mean(scores.values()):6.4f}")


if __name__ == "__main__":
    main()
