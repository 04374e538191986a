"""Models of public tables at equal time, beside CatBoost, XGBoost, a linear model and AutoGluon.

Run: .venv/bin/python -m benchmarks.models [--budget 150] [--seeds 0,1,2] [--tables ames,chile]
[--systems ours,catboost]

Each system has the same training rows, seconds and two cores, and predicts the same test rows. The peers
run in an environment of their own, `.bench/models` (6 GB: AutoGluon requires PyTorch). All systems of a table
run in turns. A result is a line of `benchmarks/models/results.jsonl`; what the file has is not run again, so
that the table can be made in pieces: Ctrl-C loses the running system only.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.models import ours
from benchmarks.models.peer import PEERS
from benchmarks.models.scores import loss, losses_by_table, standings
from benchmarks.models.tables import TABLES

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.jsonl"
ROOT = FOLDER.parents[1]
SYSTEMS = ("ours", *PEERS)


def peers_python() -> Path:
    """The interpreter of the environment of the peers, which is made when it is first needed."""
    folder = ROOT / ".bench" / "models"
    python, made = folder / "bin" / "python", folder / "made"
    if not made.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(python), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--requirement", str(FOLDER / "peers.txt")], check=True)
        made.touch()
    return python


def run(system: str, folder: Path, budget: float, seed: int) -> dict[str, Any]:
    """The loss and the seconds of one system on the rows of a folder; without a model, that of the mean."""
    about = json.loads((folder / "table.json").read_text("utf-8"))
    facts: dict[str, Any] = {}
    started = time.perf_counter()
    try:
        if system == "ours":
            predictions, facts = ours.predict(folder, budget, seed)
        else:
            predictions = _predictions_of_peer(system, folder, budget, seed)
    except (ours.CommandError, subprocess.CalledProcessError) as error:
        message = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
        predictions, facts = pd.DataFrame({"prediction": []}), {"failed": message[-2_000:]}
    seconds = time.perf_counter() - started
    truth = pd.read_parquet(folder / "truth.parquet")[about["target"]]
    train = pd.read_parquet(folder / "train.parquet", columns=[about["target"]])[about["target"]]
    return {
        "loss": loss(truth, predictions, about["task"], train),
        "seconds": round(seconds, 1),
        "load": round(os.getloadavg()[0], 1),
        **facts,
    }


def _predictions_of_peer(system: str, folder: Path, budget: float, seed: int) -> pd.DataFrame:
    script = str(FOLDER / "peer.py")
    command = [str(peers_python()), script, system, str(folder), str(budget), str(seed)]
    env = {**os.environ, "OMP_NUM_THREADS": "2", "CUDA_VISIBLE_DEVICES": ""}
    subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True, text=True)
    return pd.read_parquet(folder / "predictions.parquet")


def compare(names: Sequence[str], systems: Sequence[str], seeds: Sequence[int], budget: float) -> None:
    """Run what the file of results lacks."""
    done = {(line["table"], line["seed"], line["system"], line["budget"]) for line in read_results()}
    for seed in seeds:
        for name in names:
            missing = [each for each in systems if (name, seed, each, budget) not in done]
            if not missing:
                continue
            with tempfile.TemporaryDirectory() as scratch:
                folder = Path(scratch)
                script = str(FOLDER / "tables.py")
                subprocess.run([str(peers_python()), script, name, str(seed), scratch], check=True)
                for system in missing:
                    found = run(system, folder, budget, seed)
                    line = {"table": name, "seed": seed, "system": system, "budget": budget, **found}
                    with RESULTS.open("a", encoding="utf-8") as stream:
                        stream.write(json.dumps(line) + "\n")
                    print(f"{name} {seed} {system}: {found['loss']:.6g} in {found['seconds']} s", flush=True)


def read_results() -> list[dict[str, Any]]:
    """All results so far."""
    if not RESULTS.exists():
        return []
    return [json.loads(line) for line in RESULTS.read_text("utf-8").splitlines()]


def show(budget: float) -> None:
    """Print the losses by table, and the standing of each system."""
    losses = losses_by_table(read_results(), budget)
    losses = losses[[system for system in SYSTEMS if system in losses]]
    print(f"\n| table | {' | '.join(map(str, losses))} |\n| --- {'| --- ' * len(losses.columns)}|")
    for name, row in losses.iterrows():
        cells = [f"**{value:.4g}**" if value == row.min() else f"{value:.4g}" for value in row]
        print(f"| {name} | {' | '.join(cells)} |")
    print("\n| system | mean rank | 95 % interval | loss by the best | ours wins | within 1 % of the best |")
    print("| --- | --- | --- | --- | --- | --- |")
    for system, found in sorted(standings(losses, "ours").items(), key=lambda each: each[1].rank):
        low, high = found.interval
        wins = "" if system == "ours" else f"{found.wins:.0%}"
        print(
            f"| {system} | {found.rank:.2f} | {low:.2f} to {high:.2f} | {found.ratio:.3f} | {wins} "
            f"| {found.near} of {len(losses)} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", type=float, default=150.0, help="seconds of each system on each table")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--tables", default=",".join(TABLES))
    parser.add_argument("--systems", default=",".join(SYSTEMS))
    asked = parser.parse_args()
    seeds = [int(seed) for seed in asked.seeds.split(",")]
    compare(asked.tables.split(","), asked.systems.split(","), seeds, asked.budget)
    show(asked.budget)


if __name__ == "__main__":
    main()
