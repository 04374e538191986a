"""customer_churn's SQL on a real purchase log, against regression on recency, frequency and value alone.

    python benchmarks/cdnow.py path/to/transactions.csv [--cutoffs 2022-04..2022-06] [--trials 6]

The log is one file (customer_id, occurred_at, quantity, amount), dated by its rows. It becomes a project in
a folder of its own, with the SQL and the contract of customer_churn as they are, and `mlops backtest` walks
over the cut-offs. On the same customers, both logistic regressions see the same training rows. ROC AUC out of
time, with 95 % intervals. A cut-off takes a minute or two.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlops_assets.core import names
from mlops_assets.core.periods import Periods
from mlops_assets.ml.metrics.bootstrap import bootstrap_interval
from mlops_assets.ml.metrics.metrics import compute_metric
from mlops_assets.ml.metrics.tasks import Measure
from mlops_assets.stores.system.state_directory import StateDirectory
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets.stores.warehouse.warehouse import Warehouse

CHURN = Path(__file__).parents[1] / "mlops_assets" / "defs" / "customer_churn"
RFM = ["days_since_last", "orders", "amount"]
DEFINITIONS = """
from pathlib import Path
import dagster as dg
from mlops_assets.resources import resources
from mlops_assets.stores.system.state_directory import StateDirectory
from mlops_assets.ml.metrics.tasks import Measure

@dg.definitions
def defs():
    here = Path(__file__).parent
    shared = dg.Definitions(resources=resources(StateDirectory.of(here.parent)))
    return dg.Definitions.merge(dg.load_from_defs_folder(path_within_project=here), shared)
"""


def declare(root: Path, log: Path, trials: int) -> None:
    """A dg project that holds the log as a project called `cdnow`."""
    folder = root / "sandbox" / "defs" / "cdnow"
    folder.mkdir(parents=True)
    for package in (root / "sandbox", root / "sandbox" / "defs"):
        (package / "__init__.py").touch()
    (root / "sandbox" / "definitions.py").write_text(DEFINITIONS, "utf-8")
    toml = '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "sandbox"\n'
    (root / "pyproject.toml").write_text(toml, "utf-8")
    for name in ("schema.py", "features.sql", "target.sql"):
        shutil.copy(CHURN / name, folder)
    declared = yaml.safe_load((CHURN / "defs.yaml").read_text("utf-8"))
    attributes = declared["attributes"]
    attributes["partitions"] |= {"start": "2021-01", "end": "2022-06"}
    attributes["tables"] = {
        "transactions": {"source": str(log), "time": "occurred_at", "arrival": "occurred_at"}
    }
    attributes["tuning"]["trials"] = trials
    (folder / "defs.yaml").write_text(yaml.safe_dump(declared), "utf-8")


def compare(state: StateDirectory, cutoff: str) -> dict[str, tuple[float, float, float]]:
    """ROC AUC and its interval of the model and of both regressions."""
    rows = Warehouse(state.warehouse).frame(["cdnow", names.TRAINING_SET], partition=cutoff)
    train, holdout = (rows[rows[names.SPLIT] == side] for side in (names.TRAIN, names.HOLDOUT))
    tracking = TrackingStore(state.tracking_uri, state.mlflow / "artifacts")
    model = tracking.load(tracking.trained_model("cdnow", cutoff=cutoff))
    predicted = {
        f"model ({model.spec.family})": model.predict(holdout)["probability"].to_numpy(),
        "rfm": rfm(train, holdout, np.asarray),
        "rfm, logarithms": rfm(train, holdout, np.log1p),
    }
    truth, found = holdout["churned"].to_numpy(), {}
    for name, predictions in predicted.items():
        interval = bootstrap_interval(Measure("binary", "roc_auc"), truth, predictions)
        found[name] = (
            compute_metric(Measure("binary", "roc_auc"), truth, predictions),
            interval.low,
            interval.high,
        )
    return found


def rfm(train: pd.DataFrame, holdout: pd.DataFrame, scale: Callable[..., Any]) -> np.ndarray:
    regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))
    regression.fit(scale(train[RFM]), train["churned"])
    return regression.predict_proba(scale(holdout[RFM]))[:, 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("log", type=Path)
    parser.add_argument("--cutoffs", default="2022-04..2022-06")
    parser.add_argument("--trials", type=int, default=6)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        declare(root, arguments.log.absolute(), arguments.trials)
        state = StateDirectory(root / "state")
        mlops = str(Path(sys.executable).with_name("mlops"))
        environment = {**os.environ, "MLOPS_STATE_DIR": str(state.root), "PYTHONPATH": str(root)}
        command = [mlops, "backtest", "cdnow", "--cutoffs", arguments.cutoffs]
        subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)
        for cutoff in Periods("monthly", "2021-01").parse_range(arguments.cutoffs):
            for name, (score, low, high) in compare(state, cutoff).items():
                print(f"{cutoff}  {name:<20}  {score:.4f}  ({low:.4f} to {high:.4f})", flush=True)


if __name__ == "__main__":
    main()
