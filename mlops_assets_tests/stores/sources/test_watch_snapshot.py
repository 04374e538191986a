"""Snapshots: a cursor is short, names one content, and outlives what happens to its file."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.stores.sources.watch_snapshot import FileState, RowScan, Snapshot, SnapshotStore

SOME = Snapshot(
    files={"é\udcff/2025-01.csv": FileState(7, 1_700_000_000_123_456_789, "ab"), "b.csv": FileState(0, 5)},
    requested={None: "x", "2025-01": "y"},
    scan=RowScan("of", {"2025-01": "y"}, ("told",)),
    turn="t",
)


def test_a_snapshot_comes_back_as_it_was(tmp_path: Path):
    store = SnapshotStore(tmp_path / "deep" / "er")
    cursor = store.save(SOME)
    assert SnapshotStore(store.folder).load(cursor) == SOME
    assert len(cursor) < 100
    assert [path.name for path in store.folder.iterdir()] == [f"{cursor}.json"]


@settings(max_examples=30)
@given(turn=st.text(), other=st.text())
def test_equal_snapshots_and_only_they_have_equal_cursors(turn, other, tmp_path_factory):
    store = SnapshotStore(tmp_path_factory.mktemp("snapshots"))
    cursors = [store.save(Snapshot(turn=text)) for text in (turn, other)]
    assert (cursors[0] == cursors[1]) == (turn == other)
    assert store.load(cursors[0]).turn == turn


def test_no_cursor_is_an_empty_snapshot(tmp_path: Path):
    assert SnapshotStore(tmp_path / "nowhere").load(None) == Snapshot()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"other"])
def test_a_damaged_snapshot_is_an_empty_one_with_a_turn_of_its_own(tmp_path: Path, content: bytes):
    store = SnapshotStore(tmp_path)
    cursor = store.save(SOME)
    (tmp_path / f"{cursor}.json").write_bytes(content)
    found = store.load(cursor)
    assert (found.files, found.requested, found.scan) == ({}, {}, None)
    assert found.turn not in ("", SOME.turn)
    assert store.load(cursor) == found
    store.save(SOME)
    assert store.load(cursor) == SOME


@pytest.mark.parametrize("cursor", ["", "0" * 32, "../../secret", '{"old": "cursor"}'])
def test_an_unknown_cursor_is_an_empty_snapshot(tmp_path: Path, cursor: str):
    (tmp_path / "secret.json").write_text("{}")
    found = SnapshotStore(tmp_path / "a" / "b").load(cursor)
    assert (found.files, found.requested) == ({}, {})


def test_a_content_that_was_altered_is_not_believed(tmp_path: Path):
    store = SnapshotStore(tmp_path)
    cursor = store.save(SOME)
    path = tmp_path / f"{cursor}.json"
    path.write_text(path.read_text().replace('"y"', '"z"'))
    assert store.load(cursor).requested == {}


def test_old_snapshots_go_but_never_the_one_that_was_loaded(tmp_path: Path):
    store = SnapshotStore(tmp_path)
    first = store.save(SOME)
    for number in range(20):
        store.load(first)
        os.utime(tmp_path / f"{first}.json", (0, 0))
        last = store.save(Snapshot(turn=str(number)))
    assert len(list(tmp_path.iterdir())) == 5
    assert store.load(first) == SOME
    assert store.load(last).turn == "19"


def test_what_killed_writers_left_goes_after_an_hour(tmp_path: Path):
    (tmp_path / "old.tmp").write_text("half")
    (tmp_path / "new.tmp").write_text("half")
    os.utime(tmp_path / "old.tmp", (0, 0))
    cursor = SnapshotStore(tmp_path).save(SOME)
    assert {path.name for path in tmp_path.iterdir()} == {"new.tmp", f"{cursor}.json"}


def test_the_turn_follows_from_what_was_asked_for():
    one = SOME.asking({"2025-01": "a", None: "b"})
    assert one == SOME.asking({None: "b", "2025-01": "a"})
    assert one.requested == {None: "b", "2025-01": "a"}
    assert len({SOME.turn, one.turn, SOME.asking({"2025-01": "c"}).turn, one.asking({None: "b"}).turn}) == 4
    assert SOME.asking({}) == SOME
