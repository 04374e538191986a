"""How close the champion of customer_churn comes to the best possible prediction.

    python benchmarks/churn_oracle.py [--seeds 5] [--trials N]

For each seed a shop is simulated without data defects and changes, and runs through the project's own graph
up to the evaluation report. The model of the newest cut-off and the simulator's oracle, which knows the
process but not the hidden states, are then compared on the same customers: ROC AUC out of time. A seed takes
a minute or two.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean
from typing import Any

from sklearn.metrics import roc_auc_score

from mlops_assets.core import names
from mlops_assets.defs.customer_churn.sample import DEFAULT_CUSTOMERS, DEFAULT_MONTHS, oracle, sample
from mlops_assets.defs.customer_churn.simulation import PLANTED
from mlops_assets.stores.system.state_directory import StateDirectory
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets.stores.warehouse.warehouse import Warehouse

ROOT = Path(__file__).parents[1]
CUTOFF, HOLDOUT_PERIOD = "2025-06", "2025-03"


def compare(seed: int, trials: int | None) -> dict[str, float]:
    """ROC AUC of oracle and model on the same customers."""
    with tempfile.TemporaryDirectory() as scratch:
        world: dict[str, Any] = {
            "months": DEFAULT_MONTHS,
            "customers": DEFAULT_CUSTOMERS,
            "seed": seed,
            "without": PLANTED,
        }
        sample(Path(scratch) / "data", **world)
        state = StateDirectory(Path(scratch) / "state")
        mlops = str(Path(sys.executable).with_name("mlops"))
        command = [mlops, "run", "customer_churn", "--data", f"{scratch}/data"]
        command += ["--until", names.EVALUATION_REPORT, *(["--trials", str(trials)] if trials else [])]
        environment = {**os.environ, "MLOPS_STATE_DIR": str(state.root)}
        started = time.perf_counter()
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        seconds = time.perf_counter() - started
        rows = Warehouse(state.warehouse).frame(["customer_churn", names.TRAINING_SET], partition=CUTOFF)
        holdout = rows[rows[names.SPLIT] == names.HOLDOUT]
        tracking = TrackingStore(state.tracking_uri, state.mlflow / "artifacts")
        trained = tracking.trained_model("customer_churn", cutoff=CUTOFF)
        model = tracking.load(trained)
        holdout = holdout.assign(model=model.predict(holdout)["probability"])
        best = oracle(**world)
        best = best[best["month"] == HOLDOUT_PERIOD]
        both = holdout.merge(best, on="customer_id", suffixes=("", "_oracle"), validate="one_to_one")
        assert len(both) == len(holdout) == len(best), (len(both), len(holdout), len(best))
        assert (both["churned"] == both["churned_oracle"]).all()
        return {
            "rows": len(both),
            "oracle": roc_auc_score(both["churned"], both["probability"]),
            "model": roc_auc_score(both["churned"], both["model"]),
            "family": model.spec.family,
            "seconds": seconds,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=None)
    arguments = parser.parse_args()
    ratios = []
    for seed in range(1, arguments.seeds + 1):
        found = compare(seed, arguments.trials)
        ratios.append(found["model"] / found["oracle"])
        print(
            f"seed {seed}: {found['rows']:,} customers, oracle {found['oracle']:.4f}, model "
            f"{found['model']:.4f} "
            f"({found['family']}), ratio {ratios[-1]:.4f}, {found['seconds']:.0f} s",
            flush=True,
        )
    print(f"mean ratio {mean(ratios):.4f} over {len(ratios)} seeds; at least 0.97 is asked for")


if __name__ == "__main__":
    main()
