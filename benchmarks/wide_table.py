"""The whole life cycle of a wide table: wall seconds, CPU seconds and peak memory of each step, by columns.

Run: .venv/bin/python -m benchmarks.wide_table [--columns 250 500 1000 2000] [--rows 2000] [--trials 3]
A made-up table of measurements, categories and texts with missing values and a numeric target is drafted by
`mlops new`, run up to its champion, scored, monitored and asked about. CPU seconds and memory are those of
the process tree. `exponent` is that of the CPU seconds over the last doubling of the columns: 1 is linear.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pandas as pd

from benchmarks.made_project import make_package

_CATEGORIES, _TEXTS, _FLAGS = 0.04, 0.005, 0.005
"""Shares of the columns; all others are numbers."""
_MISSING = 0.05
"""Share of missing values in every tenth column."""
_SAMPLE_SECONDS = 0.1
_WORDS = (
    "the",
    "patient",
    "reports",
    "pain",
    "cough",
    "fever",
    "no",
    "change",
    "since",
    "visit",
    "in",
    "march",
)
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_SCORING = "\n  scoring:\n    source: data/new.csv\n"


def main() -> None:
    """Measure each number of columns, then print a table of the steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--columns", type=int, nargs="+", default=[250, 500, 1000, 2000])
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--until", help="last asset to materialize, such as training_set; then nothing else")
    parser.add_argument("--folder", type=Path, help="for files meanwhile")
    parser.add_argument("--keep", action="store_true", help="keep the projects in the folder")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    asked = parser.parse_args()
    found: dict[int, dict[str, Step]] = {}
    for columns in asked.columns:
        folder = Path(tempfile.mkdtemp(prefix=f"wide_{columns}_", dir=asked.folder))
        try:
            found[columns] = measure_project(folder, columns, asked.rows, asked.trials, asked.until)
        finally:
            if not asked.keep:
                shutil.rmtree(folder)
    print_table(found)
    if asked.json:
        listed = {
            columns: {name: vars(step) for name, step in steps.items()} for columns, steps in found.items()
        }
        asked.json.write_text(json.dumps(listed, indent=2), "utf-8")


@dataclass(frozen=True)
class Step:
    """What a command, or an asset of a run, took."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


def measure_project(root: Path, columns: int, rows: int, trials: int, until: str | None) -> dict[str, Step]:
    """Draft, run and ask a project of its own in a folder."""
    folder = make_package(root, "wide_project")
    (root / "data").mkdir()
    frame = wide_rows(rows + rows // 4, columns)
    frame[:rows].to_csv(root / "data" / "wide.csv", index=False)
    frame[rows:].drop(columns="response").to_csv(root / "data" / "new.csv", index=False)
    print(f"{columns:,} columns, {(root / 'data' / 'wide.csv').stat().st_size / 1e6:.0f} MB", flush=True)
    steps = dict(measured(root, "new", "wide", "--data", "data/wide.csv", "--target", "response", "--yes"))
    declared = folder / "wide" / "defs.yaml"
    declared.write_text(f"{declared.read_text('utf-8').rstrip()}{_SCORING}", "utf-8")
    limit = ["--until", until] if until else []
    steps |= measured(root, "run", "wide", "--trials", str(trials), "--log-json", *limit)
    if until:
        return steps
    steps |= measured(root, "run", "wide", "--trials", str(trials), name="run again")
    steps |= measured(root, "status", "wide")
    steps |= measured(root, "lineage", "wide")
    steps |= measured(root, "sql", "select count(*) from wide.features")
    steps |= measured(root, "predict", "wide", "--data", "data/new.csv", "--to", "predicted.csv")
    return steps


def wide_rows(rows: int, columns: int) -> pd.DataFrame:
    """Measurements, categories, flags and texts; three of the measurements and a category make the target."""
    random = np.random.default_rng(0)
    counts = [round(share * columns) for share in (_CATEGORIES, _FLAGS, _TEXTS)]
    numbers = random.normal(size=(rows, columns - sum(counts))).round(4)
    made: dict[str, object] = {f"probe_{place}": numbers[:, place] for place in range(numbers.shape[1])}
    for place in range(counts[0]):
        made[f"kind_{place}"] = random.choice(["red", "green", "blue", "grey", "white"], rows)
    for place in range(counts[1]):
        made[f"flag_{place}"] = random.choice(["yes", "no"], rows)
    words = np.array(_WORDS)
    for place in range(counts[2]):
        made[f"note_{place}"] = [
            " ".join(chosen) for chosen in words[random.integers(0, len(words), (rows, 8))]
        ]
    frame = pd.DataFrame(made)
    for name in frame.columns[::10]:
        frame[name] = frame[name].mask(random.random(rows) < _MISSING)
    target = numbers[:, 1] - 2 * numbers[:, 7] * (numbers[:, 9] > 0) + (frame["kind_0"] == "red")
    return frame.assign(response=(target + random.normal(0, 0.5, rows)).round(4))


def measured(root: Path, command: str, *arguments: str, name: str = "") -> Iterator[tuple[str, Step]]:
    """Run `mlops`; yield the assets of a run as they are done, then the whole command."""
    mlops = Path(sys.executable).with_name("mlops")
    env = {**os.environ, "MLOPS_STATE_DIR": str(root / "state"), "DAGSTER_HOME": ""}
    started = time.perf_counter()
    with (root / "errors.log").open("w+") as errors:
        process = subprocess.Popen(
            [str(mlops), command, *arguments],
            cwd=root,
            env=env,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        watch = _Watch(process.pid)
        assert process.stdout
        output = []
        for line in process.stdout:
            output.append(line)
            event = json.loads(line) if line.startswith("{") else {}
            if event.get("event") == "done":
                cpu, peak = watch.take()
                yield ", ".join(event["assets"]), Step(event["seconds"], cpu, peak)
        status = process.wait()
        cpu, peak = watch.end()
        if status:
            errors.seek(0)
            sys.exit(f"mlops {command} ended with {status}\n{''.join(output[-20:])}{errors.read()[-4000:]}")
    yield f"mlops {name or command}", Step(time.perf_counter() - started, cpu, peak)


class _Watch(Thread):
    """Samples the CPU seconds and the resident memory of a process tree every 100 ms."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self._ended = pid, Event()
        self._cpu = self._taken = self._peak = self._highest = 0.0
        self.start()

    def run(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            found = list(_tree(self._pid))
            self._cpu = max(self._cpu, sum(cpu for cpu, _ in found))
            self._peak = max(self._peak, sum(resident for _, resident in found))

    def take(self) -> tuple[float, float]:
        """CPU seconds and peak MiB since the last call."""
        cpu, peak = self._cpu - self._taken, self._peak
        self._taken, self._highest, self._peak = self._cpu, max(self._highest, peak), 0.0
        return cpu, peak / 2**20

    def end(self) -> tuple[float, float]:
        """CPU seconds and peak MiB of the whole process."""
        self._ended.set()
        self.join()
        return self._cpu, max(self._highest, self._peak) / 2**20


def _tree(pid: int) -> Iterator[tuple[float, int]]:
    """CPU seconds, those of ended children included, and resident bytes of a process and its descendants."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        yield sum(map(int, fields[11:15])) / _TICKS, int(fields[21]) * _PAGE
        children = [
            child
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except (FileNotFoundError, ProcessLookupError):
        return
    for child in children:
        yield from _tree(int(child))


def print_table(found: dict[int, dict[str, Step]]) -> None:
    """The steps with CPU seconds (and peak MiB) by columns, and the exponent of the last doubling."""
    names = list(dict.fromkeys(name for steps in found.values() for name in steps))
    head = "".join(f"{f'{columns:,} columns':>28}" for columns in found)
    print(f"{'wall s / CPU s / peak MiB':48}{head}  exponent")
    for name in names:
        cells = "".join(f"{_cell(steps.get(name)):>28}" for steps in found.values())
        print(f"{name[:47]:48}{cells}  {_exponent([(c, s[name]) for c, s in found.items() if name in s])}")


def _cell(step: Step | None) -> str:
    return f"{step.seconds:.1f} / {step.cpu_seconds:.1f} / {step.peak_mib:,.0f}" if step else "-"


def _exponent(measured_steps: Sequence[tuple[int, Step]]) -> str:
    if len(measured_steps) < 2:
        return "-"
    (few, before), (many, after) = measured_steps[-2:]
    if not before.cpu_seconds or not after.cpu_seconds:
        return "-"
    return f"{math.log(after.cpu_seconds / before.cpu_seconds) / math.log(many / few):.2f}"


if __name__ == "__main__":
    main()
