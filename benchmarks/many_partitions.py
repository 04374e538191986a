"""An event project of many small daily files: the first run until the features, and a run with nothing to do.

    .venv/bin/python -m benchmarks.many_partitions [--partitions 120] [--rows 200] [--lookback 30]

Each run is a fresh process. Printed are its wall and CPU seconds with those of all its children, the
statements that it sent to Dagster's databases, the events that it decoded, and the size of the databases.
CPU seconds and counts are those to compare on a machine with other load.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.made_project import make_package

PROJECT = "shop"
_ROOT = Path(__file__).parents[1]
_SETTINGS = """
type: mlops_assets.ModelProject
attributes:
  description: Which customers buy nothing in the next week; generated rows for benchmarks.
  task: binary
  entity: [customer_id]
  target: {{column: quiet, horizon: 7}}
  partitions: {{cadence: daily, start: "{start}"{lookback}}}
  tables:
    purchases:
      source: data/*.csv
      time: bought_at
      key: [purchase_id]
      max_rejected_share: 0.05
"""
_SCHEMA = """
import pandera.pandas as pa


class Purchases(pa.DataFrameModel):
    purchase_id: str = pa.Field(description="identifier of the purchase")
    customer_id: str = pa.Field(description="identifier of the customer")
    bought_at: pa.DateTime = pa.Field(description="timestamp")
    quantity: int = pa.Field(gt=0, le=1_000, description="number of items")
    amount: float = pa.Field(ge=0, description="price of all items together")
    channel: str = pa.Field(isin=["web", "app", "store"], nullable=True, description="sales channel")
    region: str = pa.Field(isin=["north", "east", "south", "west"], nullable=True, description="region")
"""
_FEATURES = """
select
    customer_id,
    count(*) as orders,
    sum(quantity) as quantity,
    sum(amount::decimal(18, 2))::double as amount,
    date_diff('day', max(bought_at)::date, $as_of::date) as days_since_last,
    count(*) filter (channel = 'app') as app_orders,
    max_by(region, (bought_at, region)) as region
from purchases
group by customer_id
"""
_TARGET = """
select entities.customer_id, count(purchases.purchase_id) = 0 as quiet
from entities left join purchases using (customer_id)
group by entities.customer_id
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--partitions", type=int, default=120)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--lookback", type=int, help="periods that features look back on; by default all")
    parser.add_argument("--keep", type=Path, help="folder to keep the project in")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = options.keep or Path(scratch)
        write_project(root, options.partitions, options.rows, options.lookback)
        print(f"{options.partitions} partitions of {options.rows} rows")
        for name in ("first run", "nothing changed"):
            print(f"{name:<16} {describe(measured_run(root))}", flush=True)
        for kind, size in database_sizes(root / "state" / "dagster").items():
            print(f"{kind:<16} {size / 2**20:.1f} MB")


def write_project(root: Path, partitions: int, rows: int, lookback: int | None) -> None:
    """Write a dg project with an event project, and a file for each of its newest days."""
    folder = make_package(root, "many") / PROJECT
    folder.mkdir()
    days = [datetime.now(UTC).date() - timedelta(days=partitions - number) for number in range(partitions)]
    back = "" if lookback is None else f", lookback: {lookback}"
    texts = {
        "defs.yaml": _SETTINGS.format(start=days[0].isoformat(), lookback=back),
        "schema.py": _SCHEMA,
        "features.sql": _FEATURES,
        "target.sql": _TARGET,
    }
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    (root / "data").mkdir()
    chosen = Random(1)
    for day in days:
        (root / "data" / f"purchases_{day}.csv").write_text(purchases(day, rows, chosen), "utf-8")


def purchases(day: date, rows: int, chosen: Random) -> str:
    """A CSV file of purchases of a day; one row in a hundred violates the contract."""
    lines = ["purchase_id,customer_id,bought_at,quantity,amount,channel,region"]
    for number in range(rows):
        quantity = 0 if number % 100 == 99 else chosen.randint(1, 9)
        second = datetime(day.year, day.month, day.day) + timedelta(seconds=chosen.randrange(86_400))
        lines.append(
            f"{day}-{number},c{chosen.randrange(500)},{second},{quantity},{chosen.random() * 90:.2f},"
            f"{chosen.choice(['web', 'app', 'store'])},{chosen.choice(['north', 'east', 'south', 'west'])}"
        )
    return "\n".join([*lines, ""])


def measured_run(root: Path) -> dict[str, Any]:
    """What `mlops run --until features` takes in a fresh process."""
    env = {
        **os.environ,
        "MLOPS_STATE_DIR": str(root / "state"),
        "DAGSTER_HOME": "",
        "PYTHONPATH": os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    counts = root / "counts.json"
    command = [sys.executable, "-m", "benchmarks.counted_run", str(counts), "run", PROJECT]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [*command, "--until", "features"], cwd=root, env=env, capture_output=True, text=True, check=False
    )
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": wall, "cpu": cpu, **json.loads(counts.read_text("utf-8"))}


def describe(found: dict[str, Any]) -> str:
    """One line of figures."""
    statements = found["statements"]
    return (
        f"{found['wall']:6.1f} s wall {found['cpu']:6.1f} s CPU {sum(statements.values()):8,} statements "
        f"({', '.join(f'{kind} {count:,}' for kind, count in statements.items())}), "
        f"{found['decoded']:,} events decoded"
    )


def database_sizes(home: Path) -> dict[str, int]:
    """The bytes of Dagster's databases, and of all that it keeps."""
    found: Counter[str] = Counter()
    for file in home.rglob("*"):
        if file.is_file():
            size = file.stat().st_blocks * 512
            found["databases"] += size * (".db" in file.suffix)
            found["Dagster, all"] += size
    return dict(found)


if __name__ == "__main__":
    main()
