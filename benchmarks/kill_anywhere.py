"""Recovery of `mlops run` after `kill -9` at any time.

A run is started in its own process group, with all imports preloaded, killed after a random time, and started
again. The second run must end with the same tables, study, versions and champion as an uninterrupted run, and
no run may stay open in Dagster or MLflow. Some intervals are too short to be hit at random: `--seams` also
kills there.

    .venv/bin/python benchmarks/kill_anywhere.py [--data housing.csv] [--kills 20] [--seed 1] [--seams]

Exits with 1 if anything differs. With a file of California housing (`--data`) the project is
california_housing, else customer_churn on its sample.
"""

import argparse
import importlib
import os
import pickle
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SEAMS = {
    "the tracking store's tables": "mlflow.store.db.utils:_upgrade_db:after",
    "rows staged, not committed": "mlops_assets.stores.warehouse.warehouse:commit:before",
    "table created, rows not committed": "mlops_assets.stores.delta.commit:_open_or_create:after",
    "committed, not materialized": "mlops_assets.stores.warehouse.warehouse:commit:after",
    "second commit, not materialized": "mlops_assets.stores.warehouse.warehouse:commit:after:2",
    "trial done, not logged": "mlops_assets.stores.tracking.tracking:TrackingStore.log_trial:before:2",
    "trial logged": "mlops_assets.stores.tracking.tracking:TrackingStore.log_trial:after:2",
    "trial's run open": "mlflow.tracking.client:MlflowClient.log_batch:before",
    "model logged, not tagged": "mlops_assets.stores.tracking.tracking:TrackingStore.log_model:after",
    "model tagged, not materialized": "mlops_assets.stores.tracking.tracking:TrackingStore.end_run:after",
    "report half written": (
        "mlops_assets.components.model_project.assets.evaluation_report:write_atomically:after"
    ),
    "evaluated, plots missing": "mlops_assets.stores.tracking.tracking:TrackingStore.log_figures:before",
    "model's name registered": "mlflow.tracking.client:MlflowClient.create_model_version:before",
    "registered, not materialized": "mlops_assets.stores.tracking.registry:Registry.register:after",
    "registered, alias not moved": "mlops_assets.stores.tracking.registry:Registry.promote:before",
    "alias moved, not materialized": "mlops_assets.stores.tracking.registry:Registry.promote:after",
}
"""Where to kill: `module:function:before` or `after`, and the number of the call."""


@dataclass(frozen=True)
class Case:
    """A project and the arguments of its run."""

    project: str
    arguments: tuple[str, ...]


def main() -> int:
    options = _options()
    chosen = random.Random(options.seed)
    _preload()
    with tempfile.TemporaryDirectory(prefix="kill_anywhere_") as scratch:
        work = Path(scratch)
        case = _case(options, work)
        seconds, output = _run(case, work / "uninterrupted")
        print(
            f"uninterrupted: {seconds:.1f} s, {case.project} {' '.join(case.arguments)}, seed {options.seed}"
        )
        expected = _facts(case, work / "uninterrupted")
        if "champion" not in expected:
            print(output)
            return 1
        times = [(f"{chosen.uniform(0, seconds):.2f} s", "") for _ in range(options.kills)]
        seams = list(SEAMS.items()) if options.seams else []
        failures = 0
        for number, (name, seam) in enumerate([*times, *seams], 1):
            state = work / f"state{number}"
            reached = _killed(case, state, seam) if seam else _killed_after(case, state, name)
            took, output = _run(case, state)
            difference = _difference(expected, _facts(case, state))
            failures += bool(difference)
            print(
                f"{number:3}  {name:34} {reached:44} again {took:6.1f} s  {difference or 'equal'}", flush=True
            )
            if difference:
                print("\n".join(output.splitlines()[-12:]))
            shutil.rmtree(state, ignore_errors=True)
    print(f"{failures} of {len(times) + len(seams)} different")
    return 1 if failures else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, help="the published CSV of California housing")
    parser.add_argument("--rows", type=int, help="use only its first rows")
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seams", action="store_true")
    return parser.parse_args()


def _case(options: argparse.Namespace, work: Path) -> Case:
    trials = ("--trials", str(options.trials))
    if options.data is None:
        return Case("customer_churn", ("--partitions", "2024-01..2024-12", *trials))
    file = options.data.absolute()
    if options.rows:
        lines = file.read_text("utf-8").splitlines(keepends=True)
        file = work / file.name
        file.write_text("".join(lines[: options.rows + 1]), "utf-8")
    return Case("california_housing", ("--data", str(file), *trials))


LIBRARIES = (
    "dagster",
    "dagster_mlflow.resources",
    "mlflow.pyfunc",
    "duckdb",
    "deltalake",
    "pandera.pandas",
    "optuna",
    "sklearn.linear_model",
    "sklearn.pipeline",
    "xgboost",
    "skops.io",
    "matplotlib.pyplot",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.model_registry.sqlalchemy_store",
    "alembic.command",
)
MODULES = (
    "mlops_assets.definitions",
    "mlops_assets.cli.app",
    "mlops_assets.workspace.workspace",
    "mlops_assets.workspace.project_run",
    "mlops_assets.cli.output.run_summary",
    "mlops_assets.ml.reports.evaluation_page",
    "mlops_assets.stores.warehouse.warehouse",
    "mlops_assets.stores.tracking.tracking",
    "mlops_assets.ml.search.search",
    "mlops_assets.ml.search.training_data",
    "mlops_assets.ml.model.artifact",
    "mlops_assets.ml.reports.plots.predictions",
)


def _preload() -> None:
    """Import the modules of a run once: each run is a fork of this process, which only imports.

    Imports take longer than the rest of a run, and a kill during them leaves nothing behind.
    """
    for module in (*LIBRARIES, *MODULES):
        importlib.import_module(module)


def _fork(work: Callable[[], object], output: Path) -> int:
    """Run a function in a child process with its own process group and output file; return its PID."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setsid()
        with output.open("wb") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        work()
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def _start(case: Case, state: Path, seam: str = "") -> int:
    def command() -> None:
        os.chdir(ROOT)
        os.environ.update(MLOPS_STATE_DIR=str(state), COLUMNS="200")
        if seam:
            _kill_at(seam)
        from mlops_assets.cli import main as mlops

        sys.argv = ["mlops", "run", case.project, *case.arguments]
        mlops()

    return _fork(command, _output(state))


def _output(state: Path) -> Path:
    return state.with_name(f"{state.name}.txt")


def resolve(seam: str) -> tuple[Any, str]:
    """Return the object that has the function of a seam, and the name of the function."""
    module, path, *_ = seam.split(":")
    *parts, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for part in parts:
        owner = getattr(owner, part)
    return owner, name


def _kill_at(seam: str) -> None:
    """Patch the function of a seam to kill the process group before or after a call."""
    owner, name = resolve(seam)
    _, _, when, *nth = seam.split(":")
    whole, left = getattr(owner, name), [int(nth[0] if nth else 1)]

    def killing(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if not left[0] and when == "before":
            os.killpg(os.getpid(), signal.SIGKILL)
        result = whole(*args, **kwargs)
        if not left[0]:
            os.killpg(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, killing)


def _run(case: Case, state: Path) -> tuple[float, str]:
    started = time.monotonic()
    os.waitpid(_start(case, state), 0)
    return time.monotonic() - started, _output(state).read_text("utf-8")


def _killed_after(case: Case, state: Path, seconds: str) -> str:
    """Kill the process group after some seconds; return the last line that it printed."""
    pid = _start(case, state)
    time.sleep(float(seconds.split()[0]))
    ended = os.waitpid(pid, os.WNOHANG)[0] != 0
    if not ended:
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    lines = _output(state).read_text("utf-8").strip().splitlines()
    return "had ended" if ended else f"after {lines[-1][:37]!r}" if lines else "before its first output"


def _killed(case: Case, state: Path, seam: str) -> str:
    _, status = os.waitpid(_start(case, state, seam), 0)
    if os.WIFSIGNALED(status):
        return "killed"
    return f"not reached: exit {os.waitstatus_to_exitcode(status)}"


def _facts(case: Case, state: Path) -> dict[str, Any]:
    """Return the facts that must be equal, read in a child process so that this one can be forked again."""
    file = state.with_name(f"{state.name}.pickle")
    pid = _fork(lambda: file.write_bytes(pickle.dumps(_look(case, state))), _output(state))
    os.waitpid(pid, 0)
    if not file.exists():
        return {"facts": _output(state).read_text("utf-8")}
    found: dict[str, Any] = pickle.loads(file.read_bytes())
    return found


def _look(case: Case, state: Path) -> dict[Any, Any]:
    """Return the facts that must be equal: content without timestamps and run ids."""
    import dagster as dg

    from mlops_assets.core.names import LEDGER
    from mlops_assets.stores.governance.champion_ledger import ChampionLedger
    from mlops_assets.stores.governance.ledger.entries import chain_errors
    from mlops_assets.stores.governance.ledger.ledger import Ledger
    from mlops_assets.stores.system.state_directory import StateDirectory
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.warehouse.warehouse import Warehouse

    directory = StateDirectory(state)
    warehouse = Warehouse(directory.warehouse)
    facts: dict[Any, Any] = {}
    for table in warehouse.tables():
        if table[-1] == LEDGER:  # its entries contain timestamps and run ids
            continue
        for partition in warehouse.row_counts(table):
            facts["/".join(table), partition] = warehouse.digest(table, partition=partition)
    ledger = Ledger(warehouse, case.project)
    entries = ledger.entries()
    facts["ledger"] = [(entry.event.kind, entry.event.version, entry.event.model_digest) for entry in entries]
    facts["errors of the ledger"] = chain_errors(entries)
    tracking = TrackingStore(directory.tracking_uri, directory.artifacts)
    versions = tracking.client.search_model_versions(f"name = '{case.project}'")
    facts["versions"] = sorted(int(version.version) for version in versions)
    if champion := tracking.registry.champion(case.project):
        differ = (
            "run_id",
            "seconds",
            "bytes",
            "uri",
            "version",
            "inputs",
            "evaluation_digest",
            "model_manifest",
        )
        compared = {
            name: text
            for name, text in champion.facts.items()
            if not name.endswith(differ) and not name.startswith("ledger.")
        }
        facts["champion"] = (champion.version, sorted(compared.items()))
        facts["model"] = tracking.load(ChampionLedger(ledger, tracking.registry).recorded(champion)).digest()
        facts["logged trials"] = [
            (trial.number, trial.family, trial.params, trial.score, trial.state)
            for trial in tracking.trials(case.project, champion.run_id, _metric(tracking, champion.run_id))
        ]
    running = tracking.client.search_runs(
        [tracking.experiment(case.project)], "attributes.status = 'RUNNING'"
    )
    facts["open MLflow runs"] = len(running)
    facts["study"] = _study(directory.studies / case.project)
    with dg.DagsterInstance.from_config(str(directory.dagster)) as instance:
        facts["open Dagster runs"] = sum(not run.is_finished for run in instance.get_runs())
    return facts


def _metric(tracking: Any, run_id: str) -> str:
    metrics = tracking.client.get_run(run_id).data.metrics
    return next(name.removeprefix("cv_") for name in metrics if name.startswith("cv_"))


def _study(folder: Path) -> list[tuple[str, list[Any]]]:
    """Return the finished trials of each journal, in order."""
    import optuna

    from mlops_assets.ml.search.optuna_journal import open_journal

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    found = []
    for path in sorted(folder.glob("*.journal")):
        study = optuna.load_study(study_name="search", storage=open_journal(path))
        finished = [
            trial for trial in study.trials if trial.state.is_finished() and trial.state.name != "FAIL"
        ]
        found.append((path.name, [(trial.params, trial.user_attrs.get("score")) for trial in finished]))
    return found


def _difference(expected: dict[str, Any], found: dict[str, Any]) -> str:
    names = [name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)]
    return "; ".join(f"{name}: {found.get(name)} instead of {expected.get(name)}" for name in names)


if __name__ == "__main__":
    sys.exit(main())
