"""A static table whose file grew by some rows: CPU seconds of the next `mlops run`, beside a run on all rows.

Run: .venv/bin/python -m benchmarks.appended_rows [rows] [appended]
Both ways start from the state of a run on the earlier file; the other one lacks the records of its steps.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.measured import Measured, measure
from benchmarks.orders.project import OrdersProject
from benchmarks.orders.rows import write_orders
from mlops_assets.stores.warehouse.step_record import RECORD


def main(rows: int, appended: int) -> None:
    """Print both ways."""
    with tempfile.TemporaryDirectory() as folder:
        project = OrdersProject(Path(folder) / "project", rows)
        project.run()
        before = Path(folder) / "before"
        project.state.rename(before)
        append(project.source, rows + appended, rows)
        found = {}
        for way in ("added rows", "all rows", "nothing to do"):
            if way != "nothing to do":
                shutil.rmtree(project.state, ignore_errors=True)
                shutil.copytree(before, project.state)
            if way == "all rows":
                for record in project.state.rglob(RECORD):
                    record.unlink()
            found[way] = run(project)
    print(f"{rows:,} orders, {appended:,} appended")
    for way, measured in found.items():
        print(f"{way:<15}{measured.cpu_seconds:6.1f} CPU s {measured.seconds:6.1f} s")


def run(project: OrdersProject) -> Measured:
    """`mlops run orders --until features`."""
    mlops = Path(sys.executable).with_name("mlops")
    env = {"MLOPS_STATE_DIR": str(project.state), "DAGSTER_HOME": ""}
    return measure([str(mlops), "run", "orders", "--until", "features"], folder=project.root, env=env)


def append(source: Path, rows: int, existing: int) -> None:
    """Append the orders after the existing ones of a longer file."""
    longer = source.with_name("longer.csv")
    write_orders(longer, rows)
    with longer.open("rb") as stream, source.open("ab") as target:
        for number, line in enumerate(stream):
            if number > existing:
                target.write(line)
    longer.unlink()


if __name__ == "__main__":
    main(*(int(one) for one in (*sys.argv[1:], *("1000000", "1000")[len(sys.argv) - 1 :])))
