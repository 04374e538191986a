"""customer_churn's own SQL and contract over a real purchase log: one file, dated by its rows.

The log lies beside the repository where it is developed; elsewhere the test is skipped. `benchmarks/cdnow.py`
walks over all of its months.
"""

from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mlops_assets
from mlops_assets.components.model_project.component import ModelProject
from mlops_assets.core import names
from mlops_assets.ml.metrics.bootstrap import bootstrap_interval
from mlops_assets.ml.metrics.metrics import compute_metric
from mlops_assets.ml.metrics.tasks import Measure
from mlops_assets.resources import resources

LOG = Path(__file__).parents[3] / "shared" / "data" / "cdnow" / "transactions.csv"
CHURN = Path(mlops_assets.__file__).parent / "defs" / "customer_churn"
CUTOFF, MONTHS = "2022-06", pd.period_range("2021-01", "2022-06", freq="M").astype(str)
RFM = ["days_since_last", "orders", "amount"]

pytestmark = pytest.mark.skipif(not LOG.is_file(), reason=f"the purchase log {LOG} is not there")


def declared() -> ModelProject:
    """The project without key, channel and region; a linear model of seven months, to keep the test short."""
    return ModelProject.model_validate(
        {
            "description": "Who buys nothing in the next three months?",
            "task": "binary",
            "entity": ["customer_id"],
            "target": {"column": "churned", "horizon": 3},
            "partitions": {"cadence": "monthly", "start": "2021-01", "end": "2022-06", "lookback": 12},
            "tables": {"transactions": {"source": str(LOG), "time": "occurred_at", "arrival": "occurred_at"}},
            "training": {"window": 7},
            "tuning": {"trials": 5, "folds": 2, "metric": "log_loss", "families": ["linear"]},
        }
    )


@pytest.fixture
def run(state, instance):
    """Materialize assets of a partition."""
    context = SimpleNamespace(path=CHURN, project_root=LOG.parent)
    shared = dg.Definitions(resources=resources(state), executor=dg.in_process_executor)
    defs = dg.Definitions.merge(declared().build_defs(context), shared)
    job = defs.resolve_implicit_global_asset_job_def()

    def materialize(partition: str, *assets: str) -> None:
        keys = [dg.AssetKey(["customer_churn", *asset.split("/")]) for asset in assets]
        job.execute_in_process(instance=instance, asset_selection=keys, partition_key=partition)

    return materialize


def test_the_real_log_runs_to_a_champion_that_is_not_below_recency_frequency_and_value(
    run, warehouse, tracking, record_property
):
    for month in MONTHS:
        run(month, "raw_transactions", "validated_transactions", "quarantine_transactions")
    counts = warehouse.row_counts(["customer_churn", "validated_transactions"])
    assert (len(counts), sum(counts.values())) == (18, 69_659)
    for month in MONTHS[5:15]:
        run(month, "features")
        run(month, "target")
    model_assets = ("training_set", "tuned_model", "evaluation_report", "registered_model", "champion")
    run(CUTOFF, *model_assets)
    champion = tracking.registry.champion("customer_churn")
    assert champion is not None

    rows = warehouse.frame(["customer_churn", "training_set"], partition=CUTOFF)
    train, holdout = (rows[rows[names.SPLIT] == side] for side in (names.TRAIN, names.HOLDOUT))
    model = tracking.load(champion.as_evaluated).predict(holdout)["probability"].to_numpy()
    predicted = {"model": model, **rfm_predictions(train, holdout)}
    truth = holdout["churned"].to_numpy()
    scores = {}
    for name, predictions in predicted.items():
        scores[name] = compute_metric(Measure("binary", "roc_auc"), truth, predictions)
        interval = bootstrap_interval(Measure("binary", "roc_auc"), truth, predictions)
        record_property(name, f"{scores[name]:.4f} ({interval.low:.4f} to {interval.high:.4f})")
    assert scores["model"] >= max(score for name, score in scores.items() if name != "model"), scores


def rfm_predictions(train: pd.DataFrame, holdout: pd.DataFrame) -> dict[str, np.ndarray]:
    """Logistic regression on recency, frequency and monetary value alone, as they are and in logarithms."""
    found = {}
    for name, scale in (("raw", np.asarray), ("log", np.log1p)):
        regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))
        regression.fit(scale(train[RFM]), train["churned"])
        found[f"rfm {name}"] = regression.predict_proba(scale(holdout[RFM]))[:, 1]
    return found
