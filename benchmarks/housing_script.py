"""california_housing without Dagster, Delta and MLflow: one script that calls the same functions of `ml`.

It reads the CSV file, splits its rows by the contract, computes the features, searches, fits, evaluates, and
writes the report and the model. Of the report it leaves out slices, fairness, behaviour and
speeds. Run: python -m benchmarks.housing_script housing.csv TRIALS FOLDER
"""

import sys
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.core.names import HOLDOUT, SPLIT, TRAIN
from mlops_assets.defs.california_housing import schema
from mlops_assets.defs.california_housing.pipeline import make_pipeline
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.contracts.validation import validate
from mlops_assets.ml.evaluation.evaluation import Evaluation, Predicted, score_all, score_intervals
from mlops_assets.ml.evaluation.importances import permutation_importances, shap_importances
from mlops_assets.ml.evaluation.partial_dependence import partial_dependence
from mlops_assets.ml.evaluation.shuffled_rows import ShuffledMatrix
from mlops_assets.ml.families import Settings
from mlops_assets.ml.features.feature_query import FeatureQuery
from mlops_assets.ml.metrics.tasks import Measure
from mlops_assets.ml.metrics.weighted_metrics import Weighted, weighted_metric
from mlops_assets.ml.model.artifact import save_model
from mlops_assets.ml.model.model_spec import ModelSpec
from mlops_assets.ml.model.runtime_environment import peak_memory_bytes, thread_count
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.ml.reports.evaluation_page import render_report
from mlops_assets.ml.reports.plots.search import search_figures
from mlops_assets.ml.search.baselines import (
    CONSTANT_BASELINE,
    LINEAR_BASELINE,
    MODEL,
    constant_predictions,
    fit_linear_baseline,
)
from mlops_assets.ml.search.leaderboard import build_leaderboard
from mlops_assets.ml.search.search import SearchSettings, tune
from mlops_assets.ml.search.splits import holdout_sql, make_folds
from mlops_assets.ml.search.training_data import TrainingData, check_pipeline, split_sides
from mlops_assets.ml.search.trials import TrialSummary

NAME, TABLE, TARGET, UNIT = "california_housing", "districts", "median_house_value", 100_000
MEASURE = Measure("regression", "rmse", classes=1, unit_size=UNIT)
FAMILIES = ("hist_gradient_boosting", "xgboost", "extra_trees", "linear")
SQL = (Path(schema.__file__).parent / "features.sql").read_text("utf-8")


def main(source: Path, trials: int, folder: Path) -> None:
    """Print the model's scores on the holdout."""
    started = time.monotonic()
    contract = Contract.of(schema.Districts, subject=NAME)
    train, holdout = read(source, contract)
    settings = Settings(task="regression", classes=1, seed=0, threads=thread_count(None))
    search = SearchSettings(families=FAMILIES, metric="rmse", trials=trials, unit_size=UNIT, ensemble=10)
    check_pipeline(make_pipeline, train, seed=settings.seed)
    folds = make_folds("regression", train.target, folds=5, seed=0, groups=None)
    journal = folder / "search.journal"
    found = tune(
        train.features, train.target, folds, make_pipeline, search, settings, journal=journal, on_trial=print
    )
    spec = ModelSpec(
        project=NAME,
        task="regression",
        target=TARGET,
        table=TABLE,
        columns=tuple(column for column in contract.columns if column.name != TARGET),
        features=tuple(train.features.columns),
        classes=(),
        family=found.family,
        params=found.params,
        rounds=found.rounds,
        seed=0,
        members=found.members if len(found.members) > 1 else (),
        bounds=(14_999, 500_001),
    )
    model = TabularModel.fit(spec, SQL, train.features, train.target, make_pipeline, settings)
    build_leaderboard(model, found, train.features, train.target, settings, fit_seconds=0.0)
    search_figures(found.trials, "rmse")
    linear = fit_linear_baseline(spec, SQL, train, make_pipeline, settings)
    save_model(model, folder / "model")
    evaluation = evaluate(model, linear, train, holdout, found.trials, time.monotonic() - started)
    (folder / "report.html").write_text(render_report(evaluation), "utf-8")
    print(evaluation.scores[MODEL])


def read(source: Path, contract: Contract) -> tuple[TrainingData, TrainingData]:
    """Both sides of the split: the valid rows of the file with their features."""
    with duckdb.connect() as connection, TemporaryDirectory() as scratch:
        raw = connection.sql(
            f"select *, 'housing.csv' as _source_file, '' as _source_sha256, row_number() over () as _row "
            f"from read_csv('{source}', all_varchar = true)"
        )
        raw.create("raw")
        identity = sorted(set(contract.names) - {TARGET})
        valid, _ = validate(
            connection, connection.table("raw"), contract, identity=identity, scratch=Path(scratch)
        )
        valid.create("valid")
        valid = connection.table("valid")
        query = FeatureQuery(SQL, hidden=(TARGET,), subject=NAME)
        features = query.run(connection, {TABLE: valid})
        side = holdout_sql("random", 0.2, 0, target=TARGET, groups=[])
        sides = valid.project(
            f"row_id, {TARGET}, case when {side} then '{HOLDOUT}' else '{TRAIN}' end as {SPLIT}"
        )
        frame = features.join(sides, "row_id").df()
    return split_sides(frame, target=TARGET, classes=(), subject=NAME, aside=[])


def evaluate(
    model: TabularModel,
    linear: TabularModel,
    train: TrainingData,
    holdout: TrainingData,
    trials: list[TrialSummary],
    seconds: float,
) -> Evaluation:
    """Evaluate the model on the holdout rows, for the report."""
    predictions = {
        MODEL: model.predict_features(holdout.features),
        CONSTANT_BASELINE: constant_predictions("regression", train.target, len(holdout.target), 1),
        LINEAR_BASELINE: linear.predict_features(holdout.features),
    }
    compared = {name: Predicted(values) for name, values in predictions.items()}

    def loss(positions: NDArray, predicted: NDArray) -> Weighted:
        return weighted_metric(MEASURE, holdout.target[positions], predicted)

    def amounts(features: pd.DataFrame) -> NDArray:
        return model.predict_features(features) / UNIT

    shuffled = partial(ShuffledMatrix, model, seed=0)
    permuted = permutation_importances(
        model.predict_features, holdout.features, loss, seed=0, shuffled=shuffled
    )
    importances = {name: each.mean for name, each in permuted.items()}
    leading = [partial_dependence(amounts, holdout.features, name, seed=0) for name in list(importances)[:6]]
    return Evaluation(
        project=NAME,
        description="The median house value of a Californian census block group.",
        task="regression",
        target=TARGET,
        metric="rmse",
        unit="100,000 USD",
        unit_size=UNIT,
        classes=[],
        family=model.spec.family,
        params=model.spec.params,
        scores=score_all(MEASURE, holdout.target, compared),
        truth=holdout.target,
        predictions=predictions[MODEL],
        train_rows=len(train.target),
        features=list(model.spec.features),
        importances=importances,
        permutation=permuted,
        shap={name: each.mean for name, each in shap_importances(model, holdout.features, seed=0).items()},
        dependences=[each for each in leading if each],
        dependence_of="prediction (100,000 USD)",
        trials=trials,
        training_seconds=seconds,
        peak_memory_bytes=peak_memory_bytes(),
        facts={},
        intervals=score_intervals(MEASURE, holdout.target, compared),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
