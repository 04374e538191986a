"""The time of `mlops status` over many projects with many partitions.

Run: .venv/bin/python benchmarks/status.py [projects] [partitions]
It writes small event projects into a temporary folder, reports runs, materializations and checks of every
partition to a Dagster instance, and writes ledgers and tables of monitoring; nothing is trained. Then the
command runs in fresh processes: medians of wall time and of CPU time.
"""

import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.events import StepMaterializationData

from mlops_assets.core import names
from mlops_assets.core.periods import Periods
from mlops_assets.core.text.compact_text import compact, expanded
from mlops_assets.stores.governance.ledger.entries import Entry, Event
from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.workspace import Workspace

ROUNDS = 5
JOB = "__ASSET_JOB"
TABLES = {
    names.DATA_QUALITY: """
        select 'purchases' as table_name, 'rows' as measure, null::varchar as column_name,
            1000.0 + {number} as value, 1000.0 as expected, 900.0 as low, 1100.0 as high,
            {number} < 100 as in_line, null::varchar as note
        """,
    names.DRIFT_REPORT: """
        select 'training' as reference, 'feature' as kind, 'column_' || i as column_name,
            1000::bigint as rows, 1000::bigint as reference_rows, 'ks' as test, 0.5 as p_value,
            1.0 as p_adjusted, 'wasserstein' as effect, 0.01 as effect_size, 0.05 as importance,
            0.001 * {number} as weighted_effect, i = 0 and {number} > 50 as drifted,
            null::varchar as note, 1::bigint as model_version
        from range(20) as columns(i)
        """,
    names.PERFORMANCE_REPORT: """
        select 'measured' as kind, 'roc_auc' as metric, null::varchar as slice_column,
            null::varchar as slice_value, 0.8 - 0.001 * {number} as value, 0.78 as low, 0.82 as high,
            1000::bigint as rows, 0.8 as at_registration, 0.79 as at_registration_low,
            0.81 as at_registration_high, true as holds, 1::bigint as model_version,
            null::varchar as note
        """,
}
"""The tables of monitoring, for one partition."""
DEFINITIONS = """
import warnings
from pathlib import Path

import dagster as dg
import many.defs
from mlops_assets.resources import resources
from mlops_assets.stores.system.state_directory import StateDirectory


@dg.definitions
def defs():
    root = Path(__file__).parent.parent
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        projects = dg.ComponentTree.from_module(many.defs, root).build_defs(Path(__file__).parent / "defs")
    shared = dg.Definitions(resources=resources(StateDirectory.of(root)), executor=dg.in_process_executor)
    return dg.Definitions.merge(projects, shared)
"""
SETTINGS = """
type: mlops_assets.ModelProject
attributes:
  description: Which customers buy nothing next month.
  task: binary
  entity: [customer]
  target: {{column: quiet, horizon: 1}}
  partitions: {{cadence: monthly, start: "{start}", lookback: 3}}
  tables:
    purchases: {{source: data/purchases/*.csv, time: bought_at, key: [purchase_id]}}
  schedules: {{train: 0 7 2 * *, score: 0 6 * * *}}
  freshness: {{predictions_hours: 48}}
"""
SCHEMA = """
import pandera.pandas as pa


class Purchases(pa.DataFrameModel):
    purchase_id: str
    customer: str
    bought_at: pa.DateTime
    amount: float = pa.Field(gt=0)
"""
FEATURES = "select customer, sum(amount) as amount from purchases group by customer\n"
TARGET = "select customer, 1 as quiet from entities\n"


def main(projects: int, partitions: int) -> None:
    """Print both medians, and what the records took to write."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        os.environ["MLOPS_STATE_DIR"] = str(root / "state")
        os.environ.pop("DAGSTER_HOME", None)
        months = newest_months(partitions)
        write_projects(root, projects, months[0])
        started = time.perf_counter()
        count, seconds = fill(root, months), time.perf_counter() - started
        print(f"{projects} projects, {partitions} partitions; {count:,} events written in {seconds:.0f} s")
        command = [str(Path(sys.executable).with_name("mlops")), "status"]
        for arguments in ([], ["--json"], ["project_00"]):
            wall, cpu = zip(*(timed([*command, *arguments], root) for _ in range(ROUNDS + 1)), strict=True)
            print(
                f"mlops status {' '.join(arguments):<12} {statistics.median(wall[1:]):.2f} s wall, "
                f"{statistics.median(cpu[1:]):.2f} s CPU"
            )


def newest_months(count: int) -> list[str]:
    """The months until the newest completed one."""
    periods = Periods.of("monthly", "1970-01")
    newest = periods.newest(datetime.now(UTC))
    return periods.between(periods.shift(newest, 1 - count), newest)


def write_projects(root: Path, count: int, start: str) -> None:
    """Write a dg project with event projects."""
    defs = root / "many" / "defs"
    defs.mkdir(parents=True)
    for package in (root / "many", defs):
        (package / "__init__.py").touch()
    (root / "many" / "definitions.py").write_text(DEFINITIONS, "utf-8")
    (root / "pyproject.toml").write_text(
        '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "many"\n', "utf-8"
    )
    for number in range(count):
        folder = defs / f"project_{number:02}"
        folder.mkdir()
        (folder / "defs.yaml").write_text(SETTINGS.format(start=start), "utf-8")
        (folder / "schema.py").write_text(SCHEMA, "utf-8")
        (folder / "features.sql").write_text(FEATURES, "utf-8")
        (folder / "target.sql").write_text(TARGET, "utf-8")


def fill(root: Path, months: list[str]) -> int:
    """Write the records of all projects and partitions; return the number of events.

    Dagster writes the events of one run, of the first project and the newest month. They are copied in its
    databases for the others, because it writes ten events in the time of a thousand copies.
    """
    sys.path.insert(0, str(root))
    workspace = Workspace(root)
    first, *others = sorted(workspace.groups)
    checks = workspace.definitions.resolve_asset_graph().asset_check_keys
    tags = {"dagster/partition": months[-1]}
    run = dg.DagsterRun(
        run_id=run_of(first, months[-1]), job_name=JOB, status=dg.DagsterRunStatus.SUCCESS, tags=tags
    )
    with workspace.instance() as instance:
        instance.add_run(run)
        for spec in workspace.definitions.resolve_all_asset_specs():
            if spec.group_name == first:
                own = [check.name for check in checks if check.asset_key == spec.key]
                report(instance, run.run_id, spec.key, months[-1] if spec.partitions_def else None, own)
    months_before = [(first, month) for month in months[:-1]]
    all_others = [(project, month) for project in others for month in months]
    folder = workspace.state.dagster / "history"
    for file, table in (
        ("runs.db", "runs"),
        ("event_log.db", "event_logs"),
        ("event_log.db", "asset_check_executions"),
    ):
        events = copy_rows(folder / file, table, (first, months[-1]), [*months_before, *all_others])
    copy_rows(
        folder / "event_log.db",
        "asset_keys",
        (first, months[-1]),
        [(project, months[-1]) for project in others],
    )
    write_tables(workspace.state.warehouse, first, months)
    for project in others:
        shutil.copytree(workspace.state.warehouse / first, workspace.state.warehouse / project)
    return events


def run_of(project: str, month: str) -> str:
    """An ID of a run, in which project and month can be replaced."""
    return f"{project}-{month}-run"


def copy_rows(file: Path, table: str, source: tuple[str, str], targets: list[tuple[str, str]]) -> int:
    """Copy the rows of a project and month for others, and return the number of rows then."""
    with closing(sqlite3.connect(file)) as connection:
        columns = [name for _, name, *_ in connection.execute(f"pragma table_info({table})") if name != "id"]
        connection.create_function("replaced", 5, replaced)
        chosen = ", ".join(f"replaced({name}, ?, ?, ?, ?)" for name in columns)
        newest = connection.execute(f"select max(id) from {table}").fetchone()[0]
        for project, month in targets:
            values = [source[0], project, source[1], month] * len(columns)
            into = f"insert into {table} ({', '.join(columns)})"
            connection.execute(f"{into} select {chosen} from {table} where id <= {newest}", values)
        connection.commit()
        return int(connection.execute(f"select count(*) from {table}").fetchone()[0])


def replaced(stored: Any, project: str, other: str, month: str, other_month: str) -> Any:
    """A value of a copied row; the event log keeps long texts compressed."""
    text = expanded(stored) if isinstance(stored, bytes) else stored
    if isinstance(text, str):
        text = text.replace(project, other).replace(month, other_month)
    return compact(text) if isinstance(stored, bytes) else text


def report(
    instance: dg.DagsterInstance, run_id: str, key: dg.AssetKey, partition: str | None, checks: list[str]
) -> int:
    """Report that a run materialized a partition of an asset, and evaluated its checks."""
    materialization = dg.AssetMaterialization(key, partition=partition, metadata={"dagster/row_count": 1_000})
    found: list[tuple[dg.DagsterEventType, Any]] = [
        (dg.DagsterEventType.ASSET_MATERIALIZATION, StepMaterializationData(materialization))
    ]
    for name in checks:
        evaluation = dg.AssetCheckEvaluation(
            asset_key=key,
            check_name=name,
            passed=name != "no_drift",
            metadata={},
            severity=dg.AssetCheckSeverity.WARN,
            description="as expected",
            partition=partition,
        )
        found.append((dg.DagsterEventType.ASSET_CHECK_EVALUATION, evaluation))
    for kind, data in found:
        event = dg.DagsterEvent(kind.value, job_name=JOB, event_specific_data=data)
        instance.report_dagster_event(event, run_id=run_id)
    return len(found)


def write_tables(root: Path, project: str, months: list[str]) -> None:
    """Write a ledger, and the tables of monitoring with a commit for each partition."""
    warehouse = Warehouse(root)
    digest = "0" * 64
    events = [
        Event("registered", 1, "dagster run 01234567", "trained and evaluated", digest),
        Event("gated", 1, "gates", "better than the baseline", digest, {"gates": []}),
        Event("promoted", 1, "dagster run 01234567", "better than the baseline", digest),
    ]
    entries: list[Entry] = []
    for event in events:
        entries.append(Entry.after(entries[-1] if entries else None, event, datetime.now(UTC)))
    Ledger(warehouse, project).append(entries)
    with warehouse.connect() as connection:
        for table, query in TABLES.items():
            for number, month in enumerate(months):
                rows = connection.sql(query.format(number=number))
                warehouse.write(names.project_asset(project, table), rows, partition=month)


def timed(command: list[str], root: Path) -> tuple[float, float]:
    """Wall and CPU seconds of a command in a fresh process."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main(*(int(argument) for argument in (sys.argv[1:] or ["20", "60"])))
