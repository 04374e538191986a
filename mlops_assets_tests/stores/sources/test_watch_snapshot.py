"""Snapshots of a source: cursors identify their content, and survive missing and damaged files."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.stores.sources.watch_snapshot import FileState, RowScan, SnapshotStore, WatchSnapshot

SOME = WatchSnapshot(
    files={"é\udcff/2025-01.csv": FileState(7, 1_700_000_000_123_456_789, "ab"), "b.csv": FileState(0, 5)},
    requested={None: "x", "2025-01": "y"},
    scan=RowScan("of", {"2025-01": "y"}, ("message",)),
    turn="t",
)


def test_a_saved_snapshot_is_loaded_unchanged(tmp_path: Path):
    store = SnapshotStore(tmp_path / "deep" / "er")
    cursor = store.save(SOME)
    assert SnapshotStore(store.folder).load(cursor) == SOME
    assert len(cursor) < 100
    assert [path.name for path in store.folder.iterdir()] == [f"{cursor}.json"]


@settings(max_examples=30)
@given(turn=st.text(), other=st.text())
def test_equal_snapshots_and_only_they_have_equal_cursors(turn, other, tmp_path_factory):
    store = SnapshotStore(tmp_path_factory.mktemp("snapshots"))
    cursors = [store.save(WatchSnapshot(turn=text)) for text in (turn, other)]
    assert (cursors[0] == cursors[1]) == (turn == other)
    assert store.load(cursors[0]).turn == turn


def test_no_cursor_is_an_empty_snapshot(tmp_path: Path):
    assert SnapshotStore(tmp_path / "nowhere").load(None) == WatchSnapshot()


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


def test_an_altered_snapshot_is_not_loaded(tmp_path: Path):
    store = SnapshotStore(tmp_path)
    cursor = store.save(SOME)
    path = tmp_path / f"{cursor}.json"
    path.write_text(path.read_text().replace('"y"', '"z"'))
    assert store.load(cursor).requested == {}


def test_old_snapshots_are_pruned_but_never_the_loaded_one(tmp_path: Path):
    store = SnapshotStore(tmp_path)
    first = store.save(SOME)
    for number in range(20):
        store.load(first)
        os.utime(tmp_path / f"{first}.json", (0, 0))
        last = store.save(WatchSnapshot(turn=str(number)))
    assert len(list(tmp_path.iterdir())) == 5
    assert store.load(first) == SOME
    assert store.load(last).turn == "19"


def test_partial_files_of_killed_processes_are_removed_after_an_hour(tmp_path: Path):
    (tmp_path / "old.tmp").write_text("half")
    (tmp_path / "new.tmp").write_text("half")
    os.utime(tmp_path / "old.tmp", (0, 0))
    cursor = SnapshotStore(tmp_path).save(SOME)
    assert {path.name for path in tmp_path.iterdir()} == {"new.tmp", f"{cursor}.json"}


def test_the_turn_depends_on_the_history_of_requests():
    one = SOME.with_requests({"2025-01": "a", None: "b"})
    assert one == SOME.with_requests({None: "b", "2025-01": "a"})
    assert one.requested == {None: "b", "2025-01": "a"}
    assert (
        len(
            {
                SOME.turn,
                one.turn,
                SOME.with_requests({"2025-01": "c"}).turn,
                one.with_requests({None: "b"}).turn,
            }
        )
        == 4
    )
    assert SOME.with_requests({}) == SOME
