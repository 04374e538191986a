"""A commit names only files that are on the disk, so a power failure loses neither rows nor the log."""

import errno
import os
from pathlib import Path

import pytest
from deltalake import DeltaTable

from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets.stores.system.disk_errors import write_atomically
from mlops_assets.stores.system.durable import flush_files
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.ledgers import chain, event

KEY = ("shop", "features")


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The flushed paths in order, and COMMIT where a Delta commit begins."""
    found: list[str] = []
    fsync, commit = os.fsync, DeltaTable.create_write_transaction

    def record(descriptor: int) -> None:
        found.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    def record_commit(self: DeltaTable, *arguments, **options) -> None:
        found.append("COMMIT")
        commit(self, *arguments, **options)

    monkeypatch.setattr(os, "fsync", record)
    monkeypatch.setattr(DeltaTable, "create_write_transaction", record_commit)
    return found


def test_rows_and_their_folders_are_flushed_before_the_commit_and_the_commit_after_it(
    warehouse: Warehouse, rows, flushed
):
    warehouse.write(KEY, [rows("(1, 'x')"), rows("(2, 'y')")], partition="a")
    directory = warehouse.root.joinpath(*KEY)
    commit = flushed.index("COMMIT")
    files = {str(path) for path in directory.rglob("*.parquet")}
    assert len(files) == 2
    assert {*files, str(directory / "_partition=a"), str(directory)} <= set(flushed[:commit])
    log = directory / "_delta_log"
    assert {str(log / f"{1:020}.json"), str(log), str(directory.parent)} <= set(flushed[commit:])


def test_entries_of_the_ledger_are_flushed_before_and_after_their_commit(warehouse: Warehouse, flushed):
    ledger = Ledger(warehouse, "shop")
    ledger.append(chain(event(1)))
    directory, commit = warehouse.root.joinpath(*ledger.table), flushed.index("COMMIT")
    [file] = directory.glob("*.parquet")
    assert {str(file), str(directory)} <= set(flushed[:commit])
    assert str(directory / "_delta_log" / f"{1:020}.json") in flushed[commit:]


def test_a_small_file_is_flushed_before_it_replaces_the_old_one(tmp_path: Path, flushed):
    write_atomically(tmp_path / "layout.json", "text")
    assert flushed[0].startswith(str(tmp_path / ".layout.json."))
    assert flushed[-1] == str(tmp_path)


def test_a_folder_that_cannot_be_flushed_is_no_error_but_a_full_disk_is(tmp_path: Path, monkeypatch):
    (tmp_path / "a").touch()

    def fail(number: int):
        def fsync(descriptor: int) -> None:
            if Path(f"/proc/self/fd/{descriptor}").is_dir():
                raise OSError(number, os.strerror(number))

        return fsync

    monkeypatch.setattr(os, "fsync", fail(errno.EINVAL))
    flush_files([tmp_path / "a"])
    monkeypatch.setattr(os, "fsync", fail(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"):
        flush_files([tmp_path / "a"])
