"""`mlops predict` over millions of rows, beside XGBoost's bare in-place prediction and DuckDB's COPY.

The bare script reads the same file with DuckDB into one NumPy matrix of the same features, predicts it with
the same booster, and copies the features to Parquet; its memory grows with the rows. Every pair is measured
in turns. Rows and model are made in a folder that is removed.
Run: .venv/bin/python -m benchmarks.predict_file [--rows 1 5] [--repeats 3] [--format csv parquet]
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import duckdb
import numpy as np

from benchmarks.made_project import make_package
from benchmarks.measured import measure

ROOT = Path(__file__).parents[1]
PROJECT, TABLE, TRAINED_ROWS = "houses", "districts", 20_640
DEFS = """
type: mlops_assets.ModelProject
attributes:
  description: House values, for a benchmark.
  task: regression
  target: {column: median_house_value}
  tables: {districts: {source: training/*.csv}}
  tuning: {trials: 1, folds: 3, families: [xgboost]}
"""
ROWS = """
with drawn as materialized (
    select
        round(-124 + 9 * random(), 2) as longitude, round(33 + 8 * random(), 2) as latitude,
        1 + floor(51 * random()) as housing_median_age, 20 + floor(5000 * random()) as total_rooms,
        0.15 + 0.1 * random() as share, 10 + floor(3000 * random()) as population,
        5 + floor(900 * random()) as households, round(0.5 + 14 * random() * random(), 4) as median_income,
        100000 * random() as noise
    from range({rows})
)
select
    longitude, latitude, housing_median_age, total_rooms, floor(total_rooms * share) as total_bedrooms,
    population, households, median_income,
    least(500000, 15000 + round(30000 * median_income + 9000 * abs(latitude - 37) + noise))
        as median_house_value,
    case when latitude < 37 then 'INLAND' else 'NEAR BAY' end as ocean_proximity
from drawn
"""


def main() -> None:
    """Print a table with medians."""
    asked = _arguments()
    if asked.bare:
        print(json.dumps(bare(*asked.bare)))
        return
    with tempfile.TemporaryDirectory(prefix="mlops_bench_", dir=asked.folder) as made:
        root = Path(made)
        booster = _trained(root)
        print(
            "| rows | file | mlops predict s | CPU s with start | MiB | bare read + predict s | COPY s "
            "| CPU s | MiB | ratio | of CPU |"
        )
        for million in asked.rows:
            for kind in asked.format:
                source = root / f"rows.{kind}"
                _write(source, int(million * 1_000_000))
                print(_line(root, source, booster, million, asked.repeats), flush=True)
                source.unlink()


def bare(source: str, booster: str, target: str) -> dict[str, float]:
    """Seconds of reading and predicting, and of copying the features, and CPU seconds of both."""
    import xgboost as xgb

    model = xgb.Booster(model_file=booster)
    query = _features_sql().replace(f"from {TABLE}", f"from '{source}'").replace("row_id,", "")
    connection = duckdb.connect()
    started, cpu = time.perf_counter(), time.process_time()
    columns = connection.sql(query).fetchnumpy()
    matrix = np.column_stack([np.ma.filled(values.astype("f4"), np.nan) for values in columns.values()])
    model.inplace_predict(matrix)
    predicted = time.perf_counter()
    connection.sql(query).write_parquet(target)
    copied, used = time.perf_counter(), time.process_time()
    return {"predict": predicted - started, "copy": copied - predicted, "cpu": used - cpu}


def _line(root: Path, source: Path, booster: Path, million: float, repeats: int) -> str:
    mlops, target = str(Path(sys.executable).with_name("mlops")), root / "predictions.parquet"
    env = {"MLOPS_STATE_DIR": str(root / "state"), "DAGSTER_HOME": ""}
    ours = [mlops, "predict", PROJECT, "--data", str(source), "--to", str(target), "--overwrite"]
    plain = [sys.executable, "-m", "benchmarks.predict_file", "--bare", str(source), str(booster)]
    found, cpu, peaks, bares, bare_peaks = [], [], [], [], []
    for _ in range(repeats):
        before = _children_cpu()
        measured = measure([*ours, "--json"], folder=root, env=env)
        cpu.append(_children_cpu() - before)
        found.append(json.loads(measured.output)["seconds"])
        peaks.append(measured.peak_mib)
        other = measure([*plain, str(root / "features.parquet")], folder=ROOT)
        bares.append(json.loads(other.output.splitlines()[-1]))
        bare_peaks.append(other.peak_mib)
    predict, copy, bare_cpu = (median(each[name] for each in bares) for name in ("predict", "copy", "cpu"))
    cells = [
        f"{million:g} M",
        source.suffix[1:],
        f"{median(found):.1f}",
        f"{median(cpu):.1f}",
        f"{median(peaks):,.0f}",
        f"{predict:.1f}",
        f"{copy:.1f}",
        f"{bare_cpu:.1f}",
        f"{median(bare_peaks):,.0f}",
        f"{(predict + copy) / median(found):.2f}",
        f"{bare_cpu / median(cpu):.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def _children_cpu() -> float:
    """CPU seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _trained(root: Path) -> Path:
    """A project with a champion, and the file of its booster."""
    folder = make_package(root, "orders_project") / PROJECT
    folder.mkdir()
    (folder / "defs.yaml").write_text(DEFS, "utf-8")
    (folder / "features.sql").write_text(_features_sql(), "utf-8")
    schema = (ROOT / "mlops_assets/defs/california_housing/schema.py").read_text("utf-8")
    (folder / "schema.py").write_text(schema[: schema.index("class Features")], "utf-8")
    (root / "training").mkdir()
    _write(root / "training" / "rows.csv", TRAINED_ROWS)
    env = {"MLOPS_STATE_DIR": str(root / "state"), "DAGSTER_HOME": ""}
    mlops = str(Path(sys.executable).with_name("mlops"))
    measure([mlops, "run", PROJECT], folder=root, env=env)
    return next((root / "state" / "mlflow").rglob("model.ubj"))


def _features_sql() -> str:
    """The features of the housing project that are numbers."""
    text = (ROOT / "mlops_assets/defs/california_housing/features.sql").read_text("utf-8")
    return text.replace("income_per_person,\n    ocean_proximity", "income_per_person")


def _write(target: Path, rows: int) -> None:
    connection = duckdb.connect()
    connection.sql("select setseed(0.5)").fetchall()
    connection.sql(ROWS.format(rows=rows)).create("rows")
    connection.execute(f"copy rows to '{target}'").fetchall()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=float, nargs="+", default=[1, 5], help="millions")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--format", nargs="+", choices=["csv", "parquet"], default=["csv", "parquet"])
    parser.add_argument("--folder", help="folder for the temporary folder")
    parser.add_argument("--bare", nargs=3, metavar=("SOURCE", "BOOSTER", "TARGET"), help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
