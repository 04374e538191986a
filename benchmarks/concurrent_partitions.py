"""Processes that materialize different partitions of the same tables at once, several times over.

Run: .venv/bin/python benchmarks/concurrent_partitions.py [processes] [partitions each] [overwrites]
Each round writes a partition of a first table, reads it back, and makes the same partition of a second table
of it, as `raw` and `validated` do. After each write the whole table is read. Every row carries its round, so
that a row that was lost, doubled or left over from an older round is found in the end.
"""

import logging
import multiprocessing
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb

from mlops_assets.stores.delta import commit
from mlops_assets.stores.warehouse.warehouse import Warehouse

RAW, VALIDATED = ("shop", "raw_orders"), ("shop", "validated_orders")
ROWS = 2_000


@dataclass
class Work:
    """What one process did and saw."""

    writes: int = 0
    conflicts: int = 0
    """Commits that another process was faster with, and that were tried again."""
    torn_reads: int = 0
    """Partitions that a read in between saw with other rows than one whole round."""


def main(processes: int, partitions: int, overwrites: int) -> None:
    """Print the figures, and end with 1 if a row is missing, double or old."""
    with tempfile.TemporaryDirectory() as folder:
        context = multiprocessing.get_context("spawn")
        started = time.perf_counter()
        with ProcessPoolExecutor(
            processes, mp_context=context, initializer=context.Barrier(processes).wait
        ) as pool:
            futures = [
                pool.submit(materialize, Path(folder), writer, partitions, overwrites)
                for writer in range(processes)
            ]
            done = [future.result() for future in futures]
        seconds = time.perf_counter() - started
        expected = processes * partitions * ROWS
        found = {table[1]: sound_rows(Warehouse(folder), table, overwrites - 1) for table in (RAW, VALIDATED)}
        versions = {table[1]: len(Warehouse(folder).versions(table)) for table in (RAW, VALIDATED)}
    print(f"processes        {processes}")
    print(f"partitions       {processes * partitions} of each of {len(found)} tables, {ROWS} rows each")
    print(f"overwrites       {overwrites} of each partition, {sum(work.writes for work in done)} writes")
    print(f"wall seconds     {seconds:.1f}")
    print(f"conflicts        {sum(work.conflicts for work in done)}")
    print(f"torn reads       {sum(work.torn_reads for work in done)}")
    for layer, (rows, sound) in found.items():
        print(f"{layer:16} {versions[layer]} versions; rows expected {expected}, found {rows}, sound {sound}")
    if any(count != (expected, expected) for count in found.values()) or any(w.torn_reads for w in done):
        sys.exit(1)


def materialize(root: Path, writer: int, partitions: int, overwrites: int) -> Work:
    """Write the partitions of one process, again and again."""
    warehouse, work, seen = Warehouse(root), Work(), Conflicts()
    logger = logging.getLogger(commit.__name__)
    logger.setLevel(logging.INFO)
    logger.addHandler(seen)
    with warehouse.connect() as connection:
        for number in range(overwrites):
            for part in range(partitions):
                name = f"{writer:02}-{part:02}"
                rows = connection.sql(
                    f"select {number} as round, '{name}' as part, unnest(range({ROWS})) as n"
                )
                with warehouse.turn(RAW, name):
                    written = warehouse.write(RAW, rows, partition=name)
                with warehouse.turn(VALIDATED, name):
                    raw = warehouse.relation(connection, RAW, partition=name, version=written.version)
                    valid = raw.project("* exclude (_partition)").filter("n >= 0")
                    warehouse.write(VALIDATED, valid, partition=name, inputs={"raw": written.version})
                work.writes += 2
                for table in (RAW, VALIDATED):
                    work.torn_reads += torn_partitions(warehouse, connection, table)
    work.conflicts = seen.count
    return work


def torn_partitions(
    warehouse: Warehouse, connection: duckdb.DuckDBPyConnection, table: tuple[str, ...]
) -> int:
    """How many partitions of the table don't hold exactly one round."""
    counted = warehouse.relation(connection, table).aggregate(
        "_partition, count(*) as n_rows, count(distinct n) as numbers, count(distinct round) as rounds",
        "_partition",
    )
    return len(counted.filter(f"(n_rows, numbers, rounds) <> ({ROWS}, {ROWS}, 1)").fetchall())


def sound_rows(warehouse: Warehouse, table: tuple[str, ...], last: int) -> tuple[int, int]:
    """Rows of a table, and how many different ones are of the last round and in the right partition."""
    with warehouse.connect() as connection:
        return (
            warehouse.relation(connection, table)
            .aggregate(
                f"count(*), count(distinct (part, n)) filter (round = {last} and part = _partition)",
            )
            .fetchall()[0]
        )


class Conflicts(logging.Handler):
    """Counts the commits that were tried again."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def emit(self, _: logging.LogRecord) -> None:
        self.count += 1


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(*given, *(8, 4, 3)[len(given) :])
