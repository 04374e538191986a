"""The figures of docs/performance.md: measured side by side in one run, and written into the page.

Run: make bench, or .venv/bin/python -m benchmarks.performance [--rows 1 5 20] [--repeats 3] [--only orders]
What is measured is kept in data/state/performance.json; a part that is not measured again stays as it was.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measured import Measured, measure
from benchmarks.orders.project import OrdersProject
from benchmarks.performance_page import write_page

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "data" / "state" / "performance.json"
PAGE = ROOT / "docs" / "performance.md"
HOUSING = Path("data/raw/california_housing/housing.csv")
PACKAGES = (
    "dagster",
    "mlflow",
    "duckdb",
    "deltalake",
    "pandera",
    "pandas",
    "optuna",
    "xgboost",
    "scikit-learn",
)


def main() -> None:
    """Measure, keep and write."""
    asked = _arguments()
    kept: dict[str, Any] = json.loads(KEPT.read_text("utf-8")) if KEPT.is_file() else {"orders": {}}
    with tempfile.TemporaryDirectory(prefix="mlops_bench_", dir=asked.folder) as made:
        folder = Path(made)
        if asked.only in (None, "housing"):
            kept["housing"] = measure_housing(folder, asked.housing, asked.trials, asked.repeats)
            _keep(kept)
        for million in asked.rows if asked.only in (None, "orders") else []:
            repeats = asked.repeats if million > 1 else max(asked.repeats, 5 if asked.repeats >= 3 else 1)
            kept["orders"][str(million)] = measure_orders(folder, million, repeats, asked.pandas_gib)
            _keep(kept)
    print(PAGE.read_text("utf-8"))


def measure_housing(folder: Path, source: Path, trials: int, repeats: int) -> dict[str, Any]:
    """`mlops run california_housing`, twice, and the script that calls the same functions, in turns."""
    if not source.is_file():
        sys.exit(f"there is no {source}; name the published CSV file with --housing, or run `mlops fetch`")
    mlops = str(Path(sys.executable).with_name("mlops"))
    env = {"MLOPS_STATE_DIR": str(folder / "state"), "DAGSTER_HOME": ""}
    ours = [mlops, "run", "california_housing", "--data", str(source.absolute()), "--trials", str(trials)]
    found: dict[str, list[Measured]] = {"script": [], "ours": [], "again": [], "imports": []}
    for _ in range(repeats):
        made = folder / "script"
        made.mkdir()
        script = [
            sys.executable,
            "-m",
            "benchmarks.housing_script",
            str(source.absolute()),
            str(trials),
            str(made),
        ]
        found["script"].append(measure(script, folder=ROOT))
        found["ours"].append(measure(ours, folder=ROOT, env=env))
        found["again"].append(measure(ours, folder=ROOT, env=env))
        imports = [sys.executable, "-c", "import benchmarks.housing_script"]
        found["imports"].append(measure(imports, folder=ROOT))
        shutil.rmtree(made)
        shutil.rmtree(folder / "state")
    return {"trials": trials, "repeats": repeats, **{side: _medians(runs) for side, runs in found.items()}}


def measure_orders(folder: Path, million: int, repeats: int, pandas_gib: float) -> dict[str, Any]:
    """Raw, validated and feature rows: ours, Polars, bare DuckDB and pandas, in turns."""
    print(f"making {million} million rows", flush=True)
    project = OrdersProject(folder / f"orders_{million}", million * 1_000_000)
    runs: dict[str, list[Measured]] = {}
    seconds: dict[str, list[float]] = {}
    # Polars needs two thirds of what pandas needs.
    peers = {"polars": 0.65 * pandas_gib, "pandas": pandas_gib}
    for number in range(repeats):
        print(f"{million} million rows, {number + 1} of {repeats}", flush=True)
        measured, steps = project.run()
        runs.setdefault("ours", []).append(measured)
        measured, phases = project.run_with_duckdb()
        runs.setdefault("duckdb", []).append(measured)
        for step, took in (steps | {f"bare {phase}": took for phase, took in phases.items()}).items():
            seconds.setdefault(step, []).append(took)
        for peer, gib in peers.items():
            if gib * million < _free_gib():
                runs.setdefault(peer, []).append(project.run_with(peer))
    result = {
        "repeats": repeats,
        "csv_mib": project.source.stat().st_size / 2**20,
        "steps": {step: median(took) for step, took in seconds.items()},
        **{side: _medians(measured) for side, measured in runs.items()},
    }
    shutil.rmtree(project.root)
    return result


def _medians(runs: list[Measured]) -> dict[str, float]:
    return {
        "seconds": median(run.seconds for run in runs),
        "cpu_seconds": median(run.cpu_seconds for run in runs),
        "peak_mib": max(run.peak_mib for run in runs),
    }


def _keep(kept: dict[str, Any]) -> None:
    """What was measured so far, and the page of it."""
    kept["machine"] = {
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "load": os.getloadavg()[2],
    }
    kept["versions"] = {"Python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    KEPT.write_text(json.dumps(kept, indent=2), "utf-8")
    write_page(PAGE, kept)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


def _free_gib() -> float:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) / 2**20


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 5, 20], help="millions of generated rows")
    parser.add_argument("--repeats", type=int, default=3, help="of each side; five at one million rows")
    parser.add_argument("--only", choices=["housing", "orders"])
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--housing", type=Path, default=HOUSING, help="the published CSV file")
    parser.add_argument("--folder", type=Path, help="for files meanwhile: 15 GB with 20 million rows")
    parser.add_argument(
        "--pandas-gib",
        type=float,
        default=1.2,
        help="memory that pandas needs for a million rows; it is left out where there is less",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
