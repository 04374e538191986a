"""The drift report beside Evidently's, on the same rows: CPU time, memory, and alarms without a change.

    python benchmarks/drift_vs_evidently.py speed --python EVIDENTLY/bin/python
    python benchmarks/drift_vs_evidently.py alarms --python EVIDENTLY/bin/python --repetitions 20

Evidently (0.7.23) may be installed in an environment of its own, whose interpreter is `--python`. Both sides
read Parquet files of 20 columns, 15 numbers and 5 categories, and compare them with their defaults: Evidently
with `DataDriftPreset`, whose method depends on column and number of rows; mlops_assets with the tests, effect
sizes and classifier of `drift_report`. Each side runs in a process of its own.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROWS = 1_000_000
ALARM_ROWS = (500, 2_000, 100_000)
SIDES = ("evidently", "mlops_assets")


@dataclass(frozen=True)
class Side:
    """What a process printed: CPU seconds of its import and of its reports, memory, alarms of the reports."""

    imported: float
    cpu: float
    peak_gib: float
    drifted: list[int]


def write_rows(file: Path, rows: int, seed: int) -> None:
    """Write rows of the distributions of `drift_detection`, in parts."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from benchmarks.drift_detection import draw

    rng, writer = np.random.default_rng(seed), None
    for start in range(0, rows, 100_000):
        part = pa.Table.from_pandas(draw(rng, min(100_000, rows - start)))
        writer = writer or pq.ParquetWriter(file, part.schema)
        writer.write_table(part)
    assert writer is not None
    writer.close()


def run_side(side: str, python: str, pairs: list[tuple[Path, Path]]) -> Side:
    """Compare each pair of reference and current rows in one new process."""
    command = [python, __file__, f"_{side}", *(str(file) for pair in pairs for file in pair)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{side} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return Side(**json.loads(done.stdout.splitlines()[-1]))


def compare_with_evidently(pairs: list[tuple[str, str]]) -> Side:
    """Evidently's report with its defaults; it is executed without mlops_assets."""
    import warnings

    import pandas as pd

    warnings.filterwarnings("ignore")
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    imported, drifted = time.process_time(), []
    for files in pairs:
        before, after = (pd.read_parquet(file) for file in files)
        numbers = [str(name) for name in before if str(name).startswith("number")]
        others = [str(name) for name in before if name not in numbers]
        columns = DataDefinition(numerical_columns=numbers, categorical_columns=others)
        report = Report([DataDriftPreset()])
        result = report.run(Dataset.from_pandas(after, columns), Dataset.from_pandas(before, columns))
        metrics = result.dict()["metrics"]
        found = next(each for each in metrics if "DriftedColumnsCount" in each["metric_name"])
        drifted.append(int(found["value"]["count"]))
    return _measured(imported, drifted)


def compare_with_mlops_assets(pairs: list[tuple[str, str]]) -> Side:
    """The computation of `drift_report` for one reference; the reference is kept with the model."""
    import duckdb

    from mlops_assets.ml.monitoring.drift.classifier import SAMPLED_ROWS, distinguish
    from mlops_assets.ml.monitoring.drift.evaluation import Thresholds, compare_columns, compare_rows, decide
    from mlops_assets.ml.monitoring.drift.histograms import count
    from mlops_assets.ml.monitoring.drift.reference import reference_histograms

    imported, references, drifted = time.process_time(), 0.0, []
    with duckdb.connect() as connection:
        connection.execute("set memory_limit = '1GiB'")
        for before, after in pairs:
            sampled = f"using sample reservoir({SAMPLED_ROWS} rows) repeatable (1)"
            started = time.process_time()
            training = connection.read_parquet(before)
            columns = training.columns
            histograms = reference_histograms(connection, training, columns)
            kept = connection.sql(f"from read_parquet('{before}') {sampled}").df()
            references += time.process_time() - started
            counts = count(connection.read_parquet(after), histograms.bins.values())
            rows = connection.sql(f"from read_parquet('{after}') {sampled}").df()
            compared = compare_columns("training", "feature", histograms, counts)
            found = distinguish(kept, rows, columns)
            if found:
                compared = [*compared, compare_rows("training", found)]
            drifted.append(sum(each.drifted for each in decide(compared, Thresholds())))
    side = _measured(imported, drifted)
    print(f"reference {references:.2f} s of CPU, once for a model", file=sys.stderr)
    return Side(side.imported, side.cpu - references, side.peak_gib, side.drifted)


def _measured(imported: float, drifted: list[int]) -> Side:
    # Not ru_maxrss, which a process inherits from the one that started it.
    status = Path("/proc/self/status").read_text("utf-8")
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 2**20
    return Side(imported, time.process_time() - imported, peak, drifted)


def measure_speed(pythons: dict[str, str], rows: int) -> None:
    """Print CPU time and memory of one report over partitions of this size."""
    with tempfile.TemporaryDirectory() as folder:
        pair = Path(folder) / "before.parquet", Path(folder) / "after.parquet"
        for seed, file in enumerate(pair):
            write_rows(file, rows, seed)
        found = {side: run_side(side, pythons[side], [pair]) for side in SIDES}
    print(f"{rows:,} rows x 20 columns against {rows:,} reference rows")
    for side, each in found.items():
        print(
            f"{side:13} report {each.cpu:6.1f} s of CPU, import {each.imported:4.1f} s, "
            f"peak {each.peak_gib:.2f} GiB, columns with an alarm {each.drifted[0]}"
        )
    print(f"ratio of the reports {found['evidently'].cpu / found['mlops_assets'].cpu:.0f}")


def count_alarms(pythons: dict[str, str], repetitions: int) -> None:
    """Print in how many reports on unchanged data any column has an alarm."""
    for rows in ALARM_ROWS:
        times = repetitions if rows < 100_000 else max(1, repetitions // 4)
        with tempfile.TemporaryDirectory() as folder:
            pairs = []
            for number in range(times):
                pair = Path(folder) / f"{number}_before.parquet", Path(folder) / f"{number}_after.parquet"
                for place, file in enumerate(pair):
                    write_rows(file, rows, 2 * number + place)
                pairs.append(pair)
            found = {side: run_side(side, pythons[side], pairs) for side in SIDES}
        for side, each in found.items():
            alarms = sum(map(bool, each.drifted))
            share = sum(each.drifted) / (20 * times)
            line = f"{rows:7,} rows  {side:13} reports {alarms:3} of {times}, columns {share:6.1%}"
            print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["speed", "alarms"])
    parser.add_argument("--python", default=sys.executable, help="interpreter that has Evidently")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--repetitions", type=int, default=20)
    given = parser.parse_args()
    pythons = {"evidently": given.python, "mlops_assets": sys.executable}
    if given.what == "speed":
        measure_speed(pythons, given.rows)
    else:
        count_alarms(pythons, given.repetitions)


if __name__ == "__main__":
    if sys.argv[1:2] in (["_evidently"], ["_mlops_assets"]):
        given_pairs = list(zip(sys.argv[2::2], sys.argv[3::2], strict=True))
        own = sys.argv[1] == "_mlops_assets"
        result = compare_with_mlops_assets(given_pairs) if own else compare_with_evidently(given_pairs)
        print(json.dumps(vars(result)))
    else:
        main()
