"""This project on one table, by its commands alone: `mlops new`, `mlops run`, `mlops predict`.

The draft is used as it is, but for the budget of the search. The seconds are for everything: the draft, the
validated tables, the search, the refit on all rows, the evaluation report, the registry and the predictions.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import yaml

from benchmarks.made_project import make_package

SHARE_TO_SEARCH = 0.55
"""Of the seconds; the rest is for fits of the winner, leaderboard, report and everything around."""
SECONDS_AROUND = 20
"""For start, draft, tables and registry, whatever the budget."""
_ROW, _PROJECT = "benchmark_row", "bench"
_REJECTED = 3
"""Exit code of `mlops predict` if rows violate the contract."""


class CommandError(Exception):
    """A command has failed, such as `mlops predict` if no version has passed the gates."""


def predict(folder: Path, seconds: float, seed: int) -> tuple[pd.DataFrame, dict[str, object]]:
    """Predict the test rows of a folder, and say what the model is made of."""
    about = json.loads((folder / "table.json").read_text("utf-8"))
    root = folder / "ours"
    declared = make_package(root, "bench_project")
    for side in ("train", "test"):
        rows = pd.read_parquet(folder / f"{side}.parquet")
        rows.insert(0, _ROW, range(len(rows)))
        rows.to_parquet(root / f"{side}.parquet", index=False)
    target = ["--target", about["target"], "--task", about["task"], "--id", _ROW, "--yes"]
    _mlops(root, "new", _PROJECT, "--data", "train.parquet", *target)
    _set_budget(declared / _PROJECT / "defs.yaml", seconds, seed)
    _mlops(root, "run", _PROJECT)
    written = root / "predictions.parquet"
    _mlops(
        root,
        "predict",
        _PROJECT,
        "--data",
        "test.parquet",
        "--to",
        written.name,
        "--columns",
        _ROW,
        may_reject=True,
    )
    found = pd.read_parquet(written).set_index(_ROW)
    expected = len(pd.read_parquet(root / "test.parquet", columns=[_ROW]))
    return _probabilities(found, folder, about), {
        "rejected": expected - len(found),
        "leaderboard": json.loads(next(root.rglob("leaderboard.json")).read_text("utf-8")),
    }


def _mlops(root: Path, *arguments: str, may_reject: bool = False) -> str:
    command = [str(Path(sys.executable).with_name("mlops")), *arguments]
    env = {**os.environ, "MLOPS_STATE_DIR": str(root / "state")}
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
    if done.returncode and not (may_reject and done.returncode == _REJECTED):
        raise CommandError(f"mlops {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def _set_budget(path: Path, seconds: float, seed: int) -> None:
    declared = yaml.safe_load(path.read_text("utf-8"))
    search = max(SHARE_TO_SEARCH * (seconds - SECONDS_AROUND), 1.0)
    declared["attributes"]["tuning"] |= {
        "trials": 1_000,
        "timeout_seconds": search,
        "seed": seed,
        "threads": 2,
    }
    path.write_text(yaml.safe_dump(declared, sort_keys=False), "utf-8")


def _probabilities(found: pd.DataFrame, folder: Path, about: dict[str, str]) -> pd.DataFrame:
    """Columns as those of the peers; the index is the position of the row."""
    if about["task"] == "regression":
        return found[["prediction"]]
    target = about["target"]
    classes = sorted(pd.read_parquet(folder / "train.parquet", columns=[target])[target].unique())
    if about["task"] == "binary":
        second = found["probability"]
        return pd.DataFrame({classes[0]: 1 - second, classes[1]: second})
    return pd.DataFrame({label: found[f"probability_{label}"] for label in classes})
