"""The source watch: nothing is missed, nothing is asked for twice, and half-written files wait."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_assets.core.errors import DataError
from mlops_assets.core.periods import Periods
from mlops_assets.stores.files import locations
from mlops_assets.stores.files.csv_dialect import USUAL, Dialect
from mlops_assets.stores.sources.arrivals import find_arrivals
from mlops_assets.stores.sources.watch import Look, look
from mlops_assets.stores.sources.watch_snapshot import SnapshotStore

SUBJECT = "shop: table orders"
MONTHS = Periods("monthly", "2025-01")
JUNE = datetime(2025, 6, 15, tzinfo=UTC)


class Bench:
    """A source, a sensor's snapshots and a clock for the times of files: the disk's own is too coarse."""

    def __init__(self, folder: Path, periods: Periods | None = MONTHS, column: str | None = None) -> None:
        self.source, self.store = folder / "source", SnapshotStore(folder / "snapshots")
        self.source.mkdir(parents=True)
        self.periods, self.column = periods, column
        self.cursor: str | None = None
        self.clock = 1_700_000_000

    def write(self, name: str, content: str = "a\n1\n") -> None:
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        self.clock += 1
        os.utime(path, (self.clock, self.clock))

    def look(
        self,
        *,
        commit: bool = True,
        source: str = "",
        until: datetime = JUNE,
        dialect: Dialect = USUAL,
        **more: Any,
    ) -> Look:
        previous = self.store.load(self.cursor)
        where = locations.LocalFiles(self.source / source, dialect)
        seen = look(previous, where, self.periods, self.column, subject=SUBJECT, until=until, **more)
        cursor = self.store.save(seen.snapshot)
        if commit:
            self.cursor = cursor
        return seen

    def now(self) -> dict[str | None, str]:
        """Fingerprints as a run would find them."""
        with duckdb.connect() as connection:
            found = find_arrivals(
                connection, self.source, self.periods, self.column, subject=SUBJECT, until=JUNE
            )
        return {key: arrival.fingerprint for key, arrival in found.by_partition.items()}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were hashed."""
    names: list[str] = []
    real = locations.file_digest
    monkeypatch.setattr(locations, "file_digest", lambda path: names.append(path.name) or real(path))
    return names


# ---------------------------------------------------------------- files


def test_a_file_counts_from_the_second_look_that_sees_it_the_same(bench: Bench, opened: list[str]):
    bench.write("2025-01.csv")
    assert bench.look().waiting == ("2025-01.csv",)
    bench.write("2025-01.csv", "a\n1\n2\n")
    assert bench.look().waiting == ("2025-01.csv",)
    assert opened == []
    seen = bench.look()
    assert (seen.waiting, seen.changed) == ((), bench.now())


def test_known_files_are_not_opened_again(bench: Bench, opened: list[str]):
    bench.write("2025-01.csv")
    bench.write("2025-02.csv")
    for _ in range(4):
        bench.look()
    assert opened == ["2025-01.csv", "2025-02.csv"]
    bench.write("2025-02.csv", "a\n2\n")
    for _ in range(3):
        bench.look()
    assert opened[2:] == ["2025-02.csv"]


def test_a_partition_waits_for_all_of_its_files_and_for_no_others(bench: Bench):
    bench.write("2025-01_a.csv")
    bench.look()
    bench.write("2025-01_b.csv")
    bench.write("2025-02.csv")
    seen = bench.look()
    assert (seen.fingerprints, seen.waiting) == ({}, ("2025-01_b.csv", "2025-02.csv"))
    bench.write("2025-01_b.csv", "a\n2\n")
    assert list(bench.look().changed) == ["2025-02"]
    assert list(bench.look().changed) == ["2025-01"]
    assert bench.look().changed == {}


@pytest.mark.parametrize("content", ["a\n2\n", "a\n1\n2\n"])
def test_a_changed_file_is_asked_for_and_a_touched_one_is_not(bench: Bench, content: str):
    bench.write("2025-01.csv")
    bench.look()
    bench.look()
    bench.write("2025-01.csv")
    assert [bench.look().changed for _ in range(3)] == [{}, {}, {}]
    bench.write("2025-01.csv", content)
    assert [list(bench.look().changed) for _ in range(3)] == [[], ["2025-01"], []]


def test_one_of_several_files_gone_is_a_change_and_all_gone_is_none(bench: Bench):
    bench.write("2025-01_a.csv")
    bench.write("2025-01_b.csv", "a\n2\n")
    bench.look()
    bench.look()
    (bench.source / "2025-01_a.csv").unlink()
    assert bench.look().changed == bench.now()
    (bench.source / "2025-01_b.csv").unlink()
    seen = bench.look()
    assert seen.changed == {}
    assert seen.left_out == (
        f"no file at {bench.source}",
        "2025-01: nothing in the source any more; what was ingested stays",
    )
    bench.write("2025-01_c.csv", "a\n2\n")
    assert [bench.look().changed for _ in range(3)] == [{}, {}, {}]


def test_strays_are_told_and_do_not_stop_the_others(bench: Bench):
    for name in ("rest.csv", "2024-12.csv", "2025-07.csv", "2025-01.csv", "2025-01.xlsx"):
        bench.write(name)
    bench.look()
    seen = bench.look(source="*")
    assert list(seen.changed) == ["2025-01"]
    assert seen.left_out == (
        "2025-01.xlsx: format not known by the name",
        "rest.csv: no date in the name",
        "2024-12.csv: dated before 2025-01, the first partition",
        "2025-07.csv: dated after 2025-06, the newest partition",
    )
    assert list(bench.look(until=datetime(2025, 7, 1)).changed) == ["2025-07"]


def test_a_source_without_periods_changes_as_a_whole(tmp_path: Path):
    bench = Bench(tmp_path, periods=None)
    seen = bench.look()
    assert (seen.changed, seen.left_out) == ({}, (f"no file at {bench.source}",))
    bench.write("a.csv")
    bench.look()
    bench.write("b.csv")
    assert bench.look().changed == {}
    assert bench.look().changed == bench.now() != {}
    assert SnapshotStore(bench.store.folder).load(bench.cursor).requested == bench.now()


def test_a_folder_that_is_not_there_yet_is_no_error(bench: Bench):
    assert bench.look(source="later/").left_out == (f"no file at {bench.source / 'later'}",)
    assert bench.look(source="later/*.csv").changed == {}


def test_a_file_that_vanishes_or_changes_while_it_is_hashed_waits(bench: Bench, monkeypatch):
    bench.write("2025-01.csv")
    bench.write("2025-02.csv")
    bench.write("2025-03.csv")
    bench.look()
    real = locations.file_digest

    def slow(path: Path) -> str:
        if path.name == "2025-01.csv":
            path.unlink()
        digest = real(path)
        if path.name == "2025-02.csv":
            bench.write(path.name, "a\n7\n8\n")
        return digest

    monkeypatch.setattr(locations, "file_digest", slow)
    seen = bench.look()
    assert (list(seen.changed), seen.waiting) == (["2025-03"], ("2025-01.csv", "2025-02.csv"))
    monkeypatch.undo()
    assert [bench.look().waiting for _ in range(2)] == [("2025-02.csv",), ()]
    assert bench.store.load(bench.cursor).requested == bench.now()


def test_a_file_that_may_not_be_read_is_told(bench: Bench, monkeypatch):
    bench.write("2025-01.csv")
    bench.write("2025-02.csv")
    bench.look()
    real = locations.file_digest

    def refuse(path: Path) -> str:
        if path.name == "2025-01.csv":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(locations, "file_digest", refuse)
    seen = bench.look()
    assert seen.left_out == ("2025-01.csv can't be read: Permission denied",)
    assert (list(seen.changed), seen.waiting) == (["2025-02"], ("2025-01.csv",))


# ---------------------------------------------------------------- rows dated by a column


@pytest.fixture
def rows(tmp_path: Path) -> Bench:
    return Bench(tmp_path, column="day")


def test_rows_are_scanned_once_for_each_content(rows: Bench):
    scans = []

    def connect() -> duckdb.DuckDBPyConnection:
        scans.append(1)
        return duckdb.connect()

    rows.write("big.csv", "day\n2025-01-05\n2025-02-05\n2025-07-05\n")
    assert rows.look(connect=connect).waiting == ("big.csv",)
    seen = rows.look(connect=connect)
    assert seen.changed == rows.now()
    for _ in range(3):
        quiet = rows.look(connect=connect)
        assert (quiet.changed, quiet.fingerprints) == ({}, seen.fingerprints)
        assert quiet.left_out == ("1 row: day lies after 2025-06, the newest partition",)
    assert len(scans) == 1
    rows.write("big.csv", "day\n2025-01-05\n2025-02-06\n2025-07-05\n")
    assert rows.look(connect=connect).changed == {}
    assert list(rows.look(connect=connect).changed) == ["2025-02"]
    assert len(scans) == 2


def test_rows_of_a_period_that_begins_arrive_without_a_new_file(rows: Bench):
    rows.write("big.csv", "day\n2025-01-05\n2025-07-05\n")
    assert [list(rows.look().changed) for _ in range(3)] == [[], ["2025-01"], []]
    assert list(rows.look(until=datetime(2025, 7, 1)).changed) == ["2025-07"]


def test_rows_that_are_gone_are_told(rows: Bench):
    rows.write("big.csv", "day\n2025-01-05\n2025-02-05\n")
    rows.look()
    rows.look()
    rows.write("big.csv", "day\n2025-01-05\n")
    assert rows.look().left_out == ()
    seen = rows.look()
    assert seen.left_out == ("2025-02: nothing in the source any more; what was ingested stays",)
    assert seen.changed == {}


def test_a_file_that_cannot_be_scanned_is_told_and_changes_nothing(rows: Bench):
    rows.write("big.csv", "day\n2025-01-05\n2025-02-05\n")
    rows.look()
    rows.look()
    rows.write("big.csv", "day\n2025-01-05\n2025-02-05,x\n")
    rows.look()
    for seen in (rows.look(), rows.look()):
        assert seen.changed == {}
        assert len(seen.left_out) == 1
        assert "big.csv, row 2 (line 3) has 2 fields, the header 1" in seen.left_out[0]
    rows.write("big.csv", "day\n2025-01-05\n2025-02-06\n")
    rows.look()
    assert list(rows.look().changed) == ["2025-02"]


def test_rows_are_dated_by_the_declared_dialect_and_scanned_again_by_another(rows: Bench):
    rows.write("big.csv", "day;a\n2025-01-05;1\n2025-02-05;x\n")
    rows.look()
    assert "is the delimiter ';'?" in rows.look().left_out[0]
    seen = rows.look(dialect=Dialect(delimiter=";"))
    assert list(seen.changed) == ["2025-01", "2025-02"]
    spelled = rows.look(dialect=Dialect(delimiter=";", decimal=","))
    assert spelled.changed == {}
    assert list(rows.look(dialect=Dialect(delimiter=";", nulls=("x",))).changed) == ["2025-02"]


# ---------------------------------------------------------------- what is asked for


def test_a_lost_cursor_repeats_the_request_with_the_same_key(bench: Bench):
    bench.write("2025-01.csv")
    bench.write("2025-02.csv")
    bench.look()
    lost = bench.look(commit=False)
    bench.write("2025-02.csv", "a\n2\n")
    again = bench.look()
    assert lost.run_key("2025-01") == again.run_key("2025-01")
    late = bench.look()
    assert list(late.changed) == ["2025-02"]
    assert late.run_key("2025-02") != lost.run_key("2025-02")


def test_a_content_that_comes_back_is_asked_for_with_a_new_key(bench: Bench):
    keys = []
    for content in ("a\n1\n", "a\n2\n", "a\n1\n", "a\n2\n"):
        bench.write("2025-01.csv", content)
        bench.look()
        keys.append(bench.look().run_key("2025-01"))
    assert len(set(keys)) == 4


def test_what_is_not_asked_for_stays_changed(bench: Bench):
    for month in ("01", "02", "03"):
        bench.write(f"2025-{month}.csv", month)
    bench.look()
    some = bench.look(commit=False)
    bench.cursor = bench.store.save(some.asked(["2025-01"]))
    assert list(bench.look().changed) == ["2025-02", "2025-03"]


def test_what_was_found_ingested_is_not_asked_for(bench: Bench):
    bench.write("2025-01.csv")
    bench.write("2025-02.csv", "a\n2\n")
    bench.look()
    ingested = {"2025-01": bench.now()["2025-01"]}
    bench.cursor = bench.store.save(bench.store.load(bench.cursor).knowing(ingested))
    assert list(bench.look().changed) == ["2025-02"]


def test_partitions_of_other_periods_are_forgotten(bench: Bench):
    bench.write("2025-01-06.csv")
    bench.look()
    bench.look()
    bench.periods = Periods("weekly", "2025-01-06")
    seen = bench.look()
    assert (list(seen.changed), seen.left_out) == (["2025-01-06"], ())
    assert list(seen.snapshot.requested) == ["2025-01-06"]


NAMES = ["2025-01.csv", "2025-02_a.csv", "2025-02_b.csv", "sub/2025-03.csv"]
STEPS = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(NAMES), st.integers(0, 2)),
    st.tuples(st.just("write half"), st.sampled_from(NAMES), st.integers(0, 2)),
    st.tuples(st.just("delete"), st.sampled_from(NAMES)),
    st.tuples(st.just("look")),
    st.tuples(st.just("look and crash")),
)


@pytest.mark.parametrize("column", [None, "day"])
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=25))
def test_whatever_happens_every_content_is_asked_for_and_none_twice(
    steps: list[tuple], column: str | None, tmp_path_factory: pytest.TempPathFactory
):
    bench = Bench(tmp_path_factory.mktemp("bench"), MONTHS, column)
    asked: dict[str | None, str] = {}  # as committed
    keys: set[str] = set()

    def tick(commit: bool) -> None:
        seen = bench.look(commit=commit)
        for partition, text in seen.changed.items():
            assert asked.get(partition) != text
            if commit:
                asked[partition] = text
                key = seen.run_key(partition)
                assert key not in keys
                keys.add(key)

    for step in steps:
        match step:
            case ("write", name, number):
                bench.write(name, f"day,a\n2025-0{number + 1}-01,{number}\n")
            case ("write half", name, number):
                bench.write(name, f"day,a\n2025-0{number + 1}-0")
            case ("delete", name):
                (bench.source / name).unlink(missing_ok=True)
            case ("look",):
                tick(commit=True)
            case ("look and crash",):
                tick(commit=False)
    for _ in range(2):
        tick(commit=True)
    requested = bench.store.load(bench.cursor).requested
    assert asked == requested
    now, problem = {}, ""
    try:
        now = bench.now()
    except DataError as error:
        problem = error.message
    assert not problem or "no file at" in problem or (column and "has 1 field, the header" in problem)
    assert {key: requested.get(key) for key in now} == now
