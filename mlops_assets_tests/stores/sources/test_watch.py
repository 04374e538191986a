"""Change detection: nothing is missed, nothing is requested twice, and half-written files are pending."""

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
from mlops_assets.ml.contracts.time_sql import TimeText
from mlops_assets.stores.files import locations
from mlops_assets.stores.files.csv_dialect import DEFAULT_DIALECT, Dialect
from mlops_assets.stores.sources.arrivals import find_arrivals
from mlops_assets.stores.sources.watch import PollResult, poll_source
from mlops_assets.stores.sources.watch_snapshot import SnapshotStore

SUBJECT = "shop: table orders"
MONTHS = Periods("monthly", "2025-01")
JUNE = datetime(2025, 6, 15, tzinfo=UTC)


class WatchedSource:
    """A source, the snapshots of its sensor, and a clock for file times: that of the disk is too coarse."""

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

    def poll(
        self,
        *,
        commit: bool = True,
        source: str = "",
        until: datetime = JUNE,
        dialect: Dialect = DEFAULT_DIALECT,
        **more: Any,
    ) -> PollResult:
        previous = self.store.load(self.cursor)
        where = locations.LocalFiles(self.source / source, dialect)
        seen = poll_source(previous, where, self.periods, self.column, subject=SUBJECT, until=until, **more)
        cursor = self.store.save(seen.snapshot)
        if commit:
            self.cursor = cursor
        return seen

    def now(self) -> dict[str | None, str]:
        """The fingerprints that a run would find."""
        with duckdb.connect() as connection:
            found = find_arrivals(
                connection, self.source, self.periods, self.column, subject=SUBJECT, until=JUNE
            )
        return {key: arrival.fingerprint for key, arrival in found.by_partition.items()}


@pytest.fixture
def watched(tmp_path: Path) -> WatchedSource:
    return WatchedSource(tmp_path)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were hashed."""
    names: list[str] = []
    real = locations.file_digest
    monkeypatch.setattr(locations, "file_digest", lambda path: names.append(path.name) or real(path))
    return names


# ---------------------------------------------------------------- files


def test_a_file_counts_from_the_second_poll_that_observes_it_unchanged(
    watched: WatchedSource, opened: list[str]
):
    watched.write("2025-01.csv")
    assert watched.poll().pending == ("2025-01.csv",)
    watched.write("2025-01.csv", "a\n1\n2\n")
    assert watched.poll().pending == ("2025-01.csv",)
    assert opened == []
    seen = watched.poll()
    assert (seen.pending, seen.changed) == ((), watched.now())


def test_known_files_are_not_opened_again(watched: WatchedSource, opened: list[str]):
    watched.write("2025-01.csv")
    watched.write("2025-02.csv")
    for _ in range(4):
        watched.poll()
    assert opened == ["2025-01.csv", "2025-02.csv"]
    watched.write("2025-02.csv", "a\n2\n")
    for _ in range(3):
        watched.poll()
    assert opened[2:] == ["2025-02.csv"]


def test_a_partition_is_complete_when_none_of_its_own_files_is_pending(watched: WatchedSource):
    watched.write("2025-01_a.csv")
    watched.poll()
    watched.write("2025-01_b.csv")
    watched.write("2025-02.csv")
    seen = watched.poll()
    assert (seen.fingerprints, seen.pending) == ({}, ("2025-01_b.csv", "2025-02.csv"))
    watched.write("2025-01_b.csv", "a\n2\n")
    assert list(watched.poll().changed) == ["2025-02"]
    assert list(watched.poll().changed) == ["2025-01"]
    assert watched.poll().changed == {}


@pytest.mark.parametrize("content", ["a\n2\n", "a\n1\n2\n"])
def test_a_changed_file_is_requested_and_a_touched_one_is_not(watched: WatchedSource, content: str):
    watched.write("2025-01.csv")
    watched.poll()
    watched.poll()
    watched.write("2025-01.csv")
    assert [watched.poll().changed for _ in range(3)] == [{}, {}, {}]
    watched.write("2025-01.csv", content)
    assert [list(watched.poll().changed) for _ in range(3)] == [[], ["2025-01"], []]


def test_the_removal_of_some_files_is_a_change_and_that_of_all_is_none(watched: WatchedSource):
    watched.write("2025-01_a.csv")
    watched.write("2025-01_b.csv", "a\n2\n")
    watched.poll()
    watched.poll()
    (watched.source / "2025-01_a.csv").unlink()
    assert watched.poll().changed == watched.now()
    (watched.source / "2025-01_b.csv").unlink()
    seen = watched.poll()
    assert seen.changed == {}
    assert seen.left_out == (
        f"no file at {watched.source}",
        "2025-01: no longer in the source; the ingested rows are kept",
    )
    watched.write("2025-01_c.csv", "a\n2\n")
    assert [watched.poll().changed for _ in range(3)] == [{}, {}, {}]


def test_other_files_are_reported_and_do_not_block_the_rest(watched: WatchedSource):
    for name in ("rest.csv", "2024-12.csv", "2025-07.csv", "2025-01.csv", "2025-01.docx"):
        watched.write(name)
    watched.poll()
    seen = watched.poll(source="*")
    assert list(seen.changed) == ["2025-01"]
    assert seen.left_out == (
        "2025-01.docx: unknown format",
        "rest.csv: no date in the name",
        "2024-12.csv: dated before 2025-01, the first partition",
        "2025-07.csv: dated after 2025-06, the newest partition",
    )
    assert list(watched.poll(until=datetime(2025, 7, 1)).changed) == ["2025-07"]


def test_a_source_without_periods_changes_as_a_whole(tmp_path: Path):
    watched = WatchedSource(tmp_path, periods=None)
    seen = watched.poll()
    assert (seen.changed, seen.left_out) == ({}, (f"no file at {watched.source}",))
    watched.write("a.csv")
    watched.poll()
    watched.write("b.csv")
    assert watched.poll().changed == {}
    assert watched.poll().changed == watched.now() != {}
    assert SnapshotStore(watched.store.folder).load(watched.cursor).requested == watched.now()


def test_a_missing_folder_is_not_an_error(watched: WatchedSource):
    assert watched.poll(source="later/").left_out == (f"no file at {watched.source / 'later'}",)
    assert watched.poll(source="later/*.csv").changed == {}


def test_a_file_that_is_deleted_or_changes_while_it_is_hashed_is_pending(watched: WatchedSource, monkeypatch):
    watched.write("2025-01.csv")
    watched.write("2025-02.csv")
    watched.write("2025-03.csv")
    watched.poll()
    real = locations.file_digest

    def slow(path: Path) -> str:
        if path.name == "2025-01.csv":
            path.unlink()
        digest = real(path)
        if path.name == "2025-02.csv":
            watched.write(path.name, "a\n7\n8\n")
        return digest

    monkeypatch.setattr(locations, "file_digest", slow)
    seen = watched.poll()
    assert (list(seen.changed), seen.pending) == (["2025-03"], ("2025-01.csv", "2025-02.csv"))
    monkeypatch.undo()
    assert [watched.poll().pending for _ in range(2)] == [("2025-02.csv",), ()]
    assert watched.store.load(watched.cursor).requested == watched.now()


def test_a_file_without_read_permission_is_reported(watched: WatchedSource, monkeypatch):
    watched.write("2025-01.csv")
    watched.write("2025-02.csv")
    watched.poll()
    real = locations.file_digest

    def fail(path: Path) -> str:
        if path.name == "2025-01.csv":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(locations, "file_digest", fail)
    seen = watched.poll()
    assert seen.left_out == ("2025-01.csv can't be read: Permission denied",)
    assert (list(seen.changed), seen.pending) == (["2025-02"], ("2025-01.csv",))


# ---------------------------------------------------------------- rows assigned by a column


@pytest.fixture
def rows(tmp_path: Path) -> WatchedSource:
    return WatchedSource(tmp_path, column="day")


def test_rows_are_scanned_once_for_each_content(rows: WatchedSource):
    scans = []

    def connect() -> duckdb.DuckDBPyConnection:
        scans.append(1)
        return duckdb.connect()

    rows.write("big.csv", "day\n2025-01-05\n2025-02-05\n2025-07-05\n")
    assert rows.poll(connect=connect).pending == ("big.csv",)
    seen = rows.poll(connect=connect)
    assert seen.changed == rows.now()
    for _ in range(3):
        quiet = rows.poll(connect=connect)
        assert (quiet.changed, quiet.fingerprints) == ({}, seen.fingerprints)
        assert quiet.left_out == ("1 row: day is after 2025-06, the newest partition",)
    assert len(scans) == 1
    rows.write("big.csv", "day\n2025-01-05\n2025-02-06\n2025-07-05\n")
    assert rows.poll(connect=connect).changed == {}
    assert list(rows.poll(connect=connect).changed) == ["2025-02"]
    assert len(scans) == 2


@pytest.mark.parametrize("written", [TimeText("Europe/Berlin"), TimeText(format="%Y-%d-%m %H:%M")])
def test_another_time_zone_or_format_assigns_the_rows_again(rows: WatchedSource, written):
    rows.write("big.csv", "day\n2025-01-31 12:00\n2025-02-01 00:30\n")
    rows.poll()
    assert list(rows.poll().changed) == ["2025-01", "2025-02"]
    assert list(rows.poll(time_text=written).changed) == ["2025-01"]


def test_rows_of_a_new_period_arrive_without_a_new_file(rows: WatchedSource):
    rows.write("big.csv", "day\n2025-06-05\n2025-07-05\n")
    assert [list(rows.poll().changed) for _ in range(3)] == [[], ["2025-06"], []]
    assert list(rows.poll(until=datetime(2025, 7, 1)).changed) == ["2025-07"]


def test_removed_rows_are_reported(rows: WatchedSource):
    rows.write("big.csv", "day\n2025-01-05\n2025-02-05\n")
    rows.poll()
    rows.poll()
    rows.write("big.csv", "day\n2025-01-05\n")
    assert rows.poll().left_out == ()
    seen = rows.poll()
    assert seen.left_out == ("2025-02: no longer in the source; the ingested rows are kept",)
    assert seen.changed == {}


def test_a_file_that_cannot_be_scanned_is_reported_and_changes_nothing(rows: WatchedSource):
    rows.write("big.csv", "day\n2025-01-05\n2025-02-05\n")
    rows.poll()
    rows.poll()
    rows.write("big.csv", "day\n2025-01-05\n2025-02-05,x\n")
    rows.poll()
    for seen in (rows.poll(), rows.poll()):
        assert seen.changed == {}
        assert len(seen.left_out) == 1
        assert "big.csv, row 2 (line 3) has 2 fields, the header 1" in seen.left_out[0]
    rows.write("big.csv", "day\n2025-01-05\n2025-02-06\n")
    rows.poll()
    assert list(rows.poll().changed) == ["2025-02"]


def test_rows_are_scanned_again_when_the_dialect_changes(rows: WatchedSource):
    rows.write("big.csv", "day;a\n2025-01-05;1\n2025-02-05;x\n")
    rows.poll()
    assert "is the delimiter ';'?" in rows.poll().left_out[0]
    seen = rows.poll(dialect=Dialect(delimiter=";"))
    assert list(seen.changed) == ["2025-01", "2025-02"]
    spelled = rows.poll(dialect=Dialect(delimiter=";", decimal=","))
    assert spelled.changed == {}
    assert list(rows.poll(dialect=Dialect(delimiter=";", nulls=("x",))).changed) == ["2025-02"]


# ---------------------------------------------------------------- requests


def test_a_lost_cursor_repeats_the_request_with_the_same_key(watched: WatchedSource):
    watched.write("2025-01.csv")
    watched.write("2025-02.csv")
    watched.poll()
    lost = watched.poll(commit=False)
    watched.write("2025-02.csv", "a\n2\n")
    again = watched.poll()
    assert lost.run_key("2025-01") == again.run_key("2025-01")
    late = watched.poll()
    assert list(late.changed) == ["2025-02"]
    assert late.run_key("2025-02") != lost.run_key("2025-02")


def test_a_content_that_returns_is_requested_with_a_new_key(watched: WatchedSource):
    keys = []
    for content in ("a\n1\n", "a\n2\n", "a\n1\n", "a\n2\n"):
        watched.write("2025-01.csv", content)
        watched.poll()
        keys.append(watched.poll().run_key("2025-01"))
    assert len(set(keys)) == 4


def test_a_partition_that_is_not_requested_remains_changed(watched: WatchedSource):
    for month in ("01", "02", "03"):
        watched.write(f"2025-{month}.csv", month)
    watched.poll()
    some = watched.poll(commit=False)
    watched.cursor = watched.store.save(some.requesting(["2025-01"]))
    assert list(watched.poll().changed) == ["2025-02", "2025-03"]


def test_a_partition_that_is_already_ingested_is_not_requested(watched: WatchedSource):
    watched.write("2025-01.csv")
    watched.write("2025-02.csv", "a\n2\n")
    watched.poll()
    ingested = {"2025-01": watched.now()["2025-01"]}
    watched.cursor = watched.store.save(watched.store.load(watched.cursor).with_ingested(ingested))
    assert list(watched.poll().changed) == ["2025-02"]


def test_partitions_of_other_periods_are_dropped(watched: WatchedSource):
    watched.write("2025-01-06.csv")
    watched.poll()
    watched.poll()
    watched.periods = Periods("weekly", "2025-01-06")
    seen = watched.poll()
    assert (list(seen.changed), seen.left_out) == (["2025-01-06"], ())
    assert list(seen.snapshot.requested) == ["2025-01-06"]


NAMES = ["2025-01.csv", "2025-02_a.csv", "2025-02_b.csv", "sub/2025-03.csv"]
STEPS = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(NAMES), st.integers(0, 2)),
    st.tuples(st.just("write half"), st.sampled_from(NAMES), st.integers(0, 2)),
    st.tuples(st.just("delete"), st.sampled_from(NAMES)),
    st.tuples(st.just("poll")),
    st.tuples(st.just("poll and crash")),
)


@pytest.mark.parametrize("column", [None, "day"])
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=25))
def test_after_any_sequence_of_changes_every_content_was_requested_once(
    steps: list[tuple], column: str | None, tmp_path_factory: pytest.TempPathFactory
):
    watched = WatchedSource(tmp_path_factory.mktemp("watched"), MONTHS, column)
    committed: dict[str | None, str] = {}
    keys: set[str] = set()

    def tick(commit: bool) -> None:
        seen = watched.poll(commit=commit)
        for partition, text in seen.changed.items():
            assert committed.get(partition) != text
            if commit:
                committed[partition] = text
                key = seen.run_key(partition)
                assert key not in keys
                keys.add(key)

    for step in steps:
        match step:
            case ("write", name, number):
                watched.write(name, f"day,a\n2025-0{number + 1}-01,{number}\n")
            case ("write half", name, number):
                watched.write(name, f"day,a\n2025-0{number + 1}-0")
            case ("delete", name):
                (watched.source / name).unlink(missing_ok=True)
            case ("poll",):
                tick(commit=True)
            case ("poll and crash",):
                tick(commit=False)
    for _ in range(2):
        tick(commit=True)
    requested = watched.store.load(watched.cursor).requested
    assert committed == requested
    now, problem = {}, ""
    try:
        now = watched.now()
    except DataError as error:
        problem = error.message
    assert not problem or "no file at" in problem or (column and "has 1 field, the header" in problem)
    assert {key: requested.get(key) for key in now} == now
