"""A project of its own around the generated orders, in a folder, with its own state."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.made_project import make_package
from benchmarks.measured import Measured, measure
from benchmarks.orders.rows import write_orders

_ROOT = Path(__file__).parents[2]
STEPS = {
    "raw": "orders__raw_orders",
    "validated": "orders__validated_orders",
    "features": "orders__features",
}


class OrdersProject:
    """A folder with a declared project, a CSV file of orders, and what `mlops run` makes of them."""

    def __init__(self, root: Path, rows: int) -> None:
        self.root = root
        self.source = root / "orders.csv"
        folder = make_package(root, "orders_project") / "orders"
        folder.mkdir()
        for name in ("defs.yaml", "schema.py", "features.sql"):
            shutil.copy(Path(__file__).parent / name, folder)
        write_orders(self.source, rows)

    @property
    def state(self) -> Path:
        return self.root / "state"

    def run(self) -> tuple[Measured, dict[str, float]]:
        """`mlops run orders --until features` from an empty state: the process, and each step's seconds."""
        shutil.rmtree(self.state, ignore_errors=True)
        mlops = Path(sys.executable).with_name("mlops")
        env = {"MLOPS_STATE_DIR": str(self.state), "DAGSTER_HOME": ""}
        measured = measure([str(mlops), "run", "orders", "--until", "features"], folder=self.root, env=env)
        asked = measure(
            [sys.executable, "-m", "benchmarks.orders.project", str(self.state / "dagster")],
            folder=Path.cwd(),
        )
        seconds = json.loads(asked.output.splitlines()[-1])
        return measured, {step: seconds[op] for step, op in STEPS.items()}

    def run_with_duckdb(self) -> tuple[Measured, dict[str, float]]:
        """Bare DuckDB with the codec of the warehouse: the process, and the seconds of each phase."""
        from mlops_assets.stores.delta.writing.staging import PARQUET

        measured = self._measure([sys.executable, "-m", "benchmarks.orders.duckdb_way"], PARQUET)
        seconds: dict[str, float] = json.loads(measured.output.splitlines()[-1])
        return measured, seconds

    def run_with(self, peer: str) -> Measured:
        """The plain way with `pandas`, or with `polars` in its own environment; both with pandera."""
        if peer == "pandas":
            return self._measure([sys.executable, "-m", "benchmarks.orders.pandas_way"])
        script = Path(__file__).with_name("polars_way.py")
        return self._measure([str(polars_python()), str(script)])

    def _measure(self, program: list[str], *arguments: str) -> Measured:
        target = self.root / "plain"
        target.mkdir()
        measured = measure([*program, str(self.source), str(target), *arguments], folder=_ROOT)
        shutil.rmtree(target)
        return measured


def polars_python() -> Path:
    """The interpreter of the environment with Polars, which is made when it is first needed."""
    folder = _ROOT / ".bench" / "polars"
    python = folder / "bin" / "python"
    made = folder / "made"
    if not made.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(python), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--requirement", str(Path(__file__).with_name("polars.txt"))], check=True)
        made.touch()
    return python


def step_seconds(home: str) -> dict[str, float]:
    """Return the seconds of each step of the newest run, from the Dagster instance."""
    import dagster as dg

    with dg.DagsterInstance.from_config(home) as instance:
        run = instance.get_runs(limit=1)[0]
        steps = instance.get_run_step_stats(run.run_id)
        return {
            step.step_key: step.end_time - step.start_time
            for step in steps
            if step.end_time and step.start_time
        }


if __name__ == "__main__":
    print(json.dumps(step_seconds(sys.argv[1])))
