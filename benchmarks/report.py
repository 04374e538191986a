"""How long an evaluation report of 20,000 rows takes, without the learning curve: at most 30 seconds.

A made-up regression of twelve features, two of them a place and one a text, with a boosted model, its
baselines, slices, groups, behavioural tests and all pictures; seconds in this process, after the imports.
Run: .venv/bin/python benchmarks/report.py [rows of the holdout] [regression|binary|multiclass]
"""

import logging
import sys
import tempfile
import time
import warnings
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd

from mlops_assets.components.model_project.component import ModelProject
from mlops_assets.components.model_project.evaluation.evaluate import evaluate
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.ml.reports.evaluation_page import render_report
from mlops_assets.resources import resources
from mlops_assets.stores.project_folder.files import ProjectFiles
from mlops_assets.stores.system.state_directory import StateDirectory
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets.stores.warehouse.warehouse import Warehouse

NUMBERS = [f"x{index}" for index in range(9)]
SCHEMA = """
import pandera.pandas as pa


class Places(pa.DataFrameModel):
    latitude: float
    longitude: float
    kind: str
    {numbers}
    outcome: {outcome}
"""


def main(rows: int, task: str) -> None:
    """Train once, then print the seconds of the evaluation and of the page."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        project, state = trained_project(root, rows, task)
        tracking = TrackingStore(state.tracking_uri, state.mlflow / "artifacts")
        trained = tracking.trained_model(project.name)
        warehouse = Warehouse(state.warehouse)
        started, used = time.perf_counter(), time.process_time()
        evaluation, _ = evaluate(project, tracking, trained, warehouse)
        evaluated = time.perf_counter()
        page = render_report(evaluation)
        ended, used = time.perf_counter(), time.process_time() - used
    print(f"{task}, {evaluation.holdout_rows:,} rows of the holdout, {evaluation.train_rows:,} that trained")
    print(f"evaluation  {evaluated - started:5.1f} s")
    print(f"the page    {ended - evaluated:5.1f} s, {len(page) / 1e6:.1f} MB")
    print(f"together    {ended - started:5.1f} s, {used:.1f} CPU s")


def trained_project(root: Path, rows: int, task: str) -> tuple[Project, StateDirectory]:
    """A project in a folder, materialized up to its model; half of its rows are the holdout."""
    from mlops_assets.components.model_project.assets.features import features_asset
    from mlops_assets.components.model_project.assets.raw import raw_asset
    from mlops_assets.components.model_project.assets.training_set import training_set_asset
    from mlops_assets.components.model_project.assets.tuned_model import tuned_model_asset
    from mlops_assets.components.model_project.assets.validated import validated_asset

    folder = root / "defs" / "places"
    folder.mkdir(parents=True)
    outcome = "float" if task == "regression" else "str"
    numbers = "\n    ".join(f"{name}: float" for name in NUMBERS)
    (folder / "schema.py").write_text(SCHEMA.format(numbers=numbers, outcome=outcome), "utf-8")
    columns = ", ".join(["latitude", "longitude", "kind", *NUMBERS])
    (folder / "features.sql").write_text(f"select row_id, {columns} from places", "utf-8")
    (root / "data").mkdir()
    made_up(2 * rows, task).to_csv(root / "data" / "places.csv", index=False)
    project = Project("places", declared(task), ProjectFiles("places", folder), root)
    state = StateDirectory(root / "state")
    builders = (features_asset, training_set_asset, tuned_model_asset)
    assets = [raw_asset(project, "places"), validated_asset(project, "places")]
    with dg.DagsterInstance.ephemeral() as instance:
        made = [*assets, *(build(project) for build in builders)]
        assert dg.materialize(made, resources=resources(state), instance=instance).success
    return project, state


def declared(task: str) -> ModelProject:
    """The settings, as in `defs.yaml`."""
    direction = {"column": "x0", "by": 1.0, "prediction": "rises", "share": 0.5}
    return ModelProject.model_validate(
        {
            "description": "Synthetic.",
            "task": task,
            "target": {"column": "outcome"},
            "tables": {"places": {"source": "data/*.csv"}},
            "split": {"holdout": 0.5},
            "tuning": {"trials": 1, "folds": 2, "families": ["xgboost"]},
            "evaluation": {"slices": ["kind", "x0", "x1"], "sensitive": ["kind"]},
            "behaviour": {
                "invariance": [{"column": "kind", "at_most": 0.5}],
                "direction": [direction | ({"of_class": "c"} if task == "multiclass" else {})],
            },
        }
    )


def made_up(rows: int, task: str) -> pd.DataFrame:
    """Rows with a pattern that takes some hundred trees to follow."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(rows, len(NUMBERS))), columns=NUMBERS)
    frame["latitude"], frame["longitude"] = random.uniform(40, 50, rows), random.uniform(0, 12, rows)
    frame["kind"] = random.choice(["a", "b", "c", "d"], rows)
    value = frame["x0"] + frame["x1"] * frame["x2"] + np.sin(frame["latitude"] * 2)
    value += (frame["kind"] == "a") + random.normal(0, 0.7, rows)
    if task == "regression":
        return frame.assign(outcome=value)
    names = ["a", "b"] if task == "binary" else ["a", "b", "c"]
    return frame.assign(outcome=pd.qcut(value, len(names), labels=names))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.INFO)
    count, kind = (*sys.argv[1:], *["20000", "regression"][len(sys.argv) - 1 :])
    main(int(count), kind)
