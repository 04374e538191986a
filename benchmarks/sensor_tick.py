"""The time of a poll of a source with known files: the cost of a file sensor in each tick.

A daemon polls every few seconds; the limit is two seconds. Loading and saving the snapshot are included.
Run: .venv/bin/python benchmarks/sensor_tick.py [files]
Daily partitions, medians of wall time in this process.
"""

import statistics
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from mlops_assets.core.periods import Periods
from mlops_assets.stores.sources.watch import PollResult, poll_source
from mlops_assets.stores.sources.watch_snapshot import SnapshotStore

ROUNDS = 5
PERIODS = Periods.of("daily", "1990-01-01")


def main(count: int) -> None:
    """Print the medians of polls without changes, and of polls after a change of one file."""
    with tempfile.TemporaryDirectory() as folder:
        source, store = Path(folder, "source"), SnapshotStore(Path(folder, "snapshots"))
        write_files(source, count)
        cursor, first = tick(store, None, source)
        cursor, second = tick(store, cursor, source)
        assert (len(first.pending), len(second.changed)) == (count, count)

        unchanged, pending, requested = [], [], []
        for number in range(ROUNDS):
            seconds, cursor, found = timed_tick(store, cursor, source)
            assert (len(found.changed), len(found.pending)) == (0, 0)
            unchanged.append(seconds)
            (source / file_name(number)).write_text(f"a\nchanged {number}\n")
            seconds, cursor, found = timed_tick(store, cursor, source)
            assert len(found.pending) == 1
            pending.append(seconds)
            seconds, cursor, found = timed_tick(store, cursor, source)
            assert len(found.changed) == 1
            requested.append(seconds)
    print(f"{count} known files, medians of {ROUNDS}; a cursor of {len(cursor)} bytes")
    print(f"no change              {statistics.median(unchanged):.2f} s")
    print(f"one change, pending    {statistics.median(pending):.2f} s")
    print(f"one change, requested  {statistics.median(requested):.2f} s")


def write_files(source: Path, count: int) -> None:
    """Write a small file for each day."""
    source.mkdir()
    for number in range(count):
        (source / file_name(number)).write_text(f"a\n{number}\n")


def file_name(number: int) -> str:
    """Such as `transactions_1990-01-01.csv`."""
    return f"transactions_{date(1990, 1, 1) + timedelta(days=number)}.csv"


def tick(store: SnapshotStore, cursor: str | None, source: Path) -> tuple[str, PollResult]:
    """Load the last snapshot, poll the source and save the new snapshot, as a sensor does."""
    found = poll_source(store.load(cursor), source, PERIODS, None, subject="shop: table transactions")
    return store.save(found.snapshot), found


def timed_tick(store: SnapshotStore, cursor: str, source: Path) -> tuple[float, str, PollResult]:
    """The seconds of a tick, the new cursor and the result."""
    started = time.perf_counter()
    cursor, found = tick(store, cursor, source)
    return time.perf_counter() - started, cursor, found


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
