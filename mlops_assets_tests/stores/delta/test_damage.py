"""Damaged data files: found by their size or their bytes, named in errors, and mended by an equal write."""

from collections.abc import Callable
from pathlib import Path

import pytest
from deltalake import DeltaTable

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.governance.table_audit import audit_tables
from mlops_assets.stores.warehouse.warehouse import Warehouse

KEY = ("shop", "validated_orders")


def write(warehouse: Warehouse, first: int = 0, partition: str = "a"):
    with warehouse.connect() as connection:
        rows = connection.sql(
            f"select i as id, 'customer ' || i % 7 as customer from range({first}, 5000) t(i)"
        )
        return warehouse.write(KEY, rows, partition=partition)


def data_file(warehouse: Warehouse, partition: str = "a") -> Path:
    [found] = warehouse.root.joinpath(*KEY, f"_partition={partition}").iterdir()
    return found


def lose(file: Path) -> None:
    file.unlink()


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-9])


def flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def overwrite_the_footer(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-40] + b"x" * 40)


def replace_by_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


SIZE = [
    (lose, "is missing"),
    (cut, r"has [\d,]+ bytes instead of [\d,]+"),
    (replace_by_a_folder, r"has [\d,]+ bytes instead of [\d,]+|is a folder"),
]
CONTENT = [(how, "was changed after it was written") for how in (flip_a_bit, overwrite_the_footer)]


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    warehouse = Warehouse(tmp_path / "warehouse")
    write(warehouse)
    write(warehouse, partition="b")
    return warehouse


@pytest.mark.parametrize(("how", "problem"), SIZE + CONTENT, ids=lambda of: getattr(of, "__name__", ""))
def test_a_damaged_file_is_found_and_an_equal_write_puts_it_back(
    warehouse: Warehouse, how: Callable[[Path], None], problem: str
):
    file, before = data_file(warehouse), warehouse.version(KEY)
    intact = file.read_bytes()
    how(file)
    found = warehouse.damage(KEY)
    assert len(found) == ((how, problem) in SIZE)
    [damage] = warehouse.damage(KEY, content=True)
    assert (damage.file.path, damage.file.partition) == (str(file), "a")
    if how is not flip_a_bit:  # readers do not verify Parquet pages: most flipped bits only change values
        message = rf"table shop\.validated_orders, version .*: data file .* ({problem})"
        with pytest.raises(StoreError, match=message):
            warehouse.frame(KEY)
    [error, hint] = audit_tables(warehouse, "shop", list).errors
    assert str(file) in error
    assert "mlops run shop --force" in hint
    written = write(warehouse)
    if how is replace_by_a_folder:  # nothing is removed that the warehouse has not written
        assert (written.version, file.is_dir()) == (before + 1, True)
    else:
        assert (written.version, written.changed) == (before, False)
        assert file.read_bytes() == intact
    assert audit_tables(warehouse, "shop", list).passed


def test_files_that_were_swapped_are_both_damaged(warehouse: Warehouse):
    one, other = data_file(warehouse, "a"), data_file(warehouse, "b")
    write(warehouse, first=10, partition="b")
    other = next(path for path in other.parent.iterdir() if path != other)
    held = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(held)
    assert len(warehouse.damage(KEY, content=True)) == 2


def test_other_rows_replace_a_damaged_file_by_a_new_version(warehouse: Warehouse):
    file, before = data_file(warehouse), warehouse.version(KEY)
    cut(file)
    assert write(warehouse, first=1).version == before + 1
    assert warehouse.damage(KEY, content=True) == []
    with pytest.raises(StoreError, match=r"can't be restored: 1 of its 1 files are damaged: data file"):
        warehouse.restore(KEY, before - 1, partition="a")


def test_versions_that_models_were_trained_on_are_audited_too(warehouse: Warehouse):
    file, old = data_file(warehouse), warehouse.version(KEY)
    write(warehouse, first=1)
    flip_a_bit(file)
    assert audit_tables(warehouse, "shop", list).passed
    [error, _] = audit_tables(warehouse, "shop", lambda: [(KEY, old)]).errors
    assert str(file) in error
    finding = audit_tables(warehouse, "shop", lambda: [(KEY, 99)])
    assert any("version 99" in error for error in finding.errors)


def commit_file(warehouse: Warehouse, version: int) -> Path:
    return warehouse.root.joinpath(*KEY, "_delta_log", f"{version:020}.json")


def test_a_commit_that_lost_its_actions_is_found(warehouse: Warehouse):
    # The file of the commit is still JSON: delta-rs reads the rows of both writes.
    write(warehouse, first=1)
    newest = commit_file(warehouse, warehouse.version(KEY))
    lines = newest.read_text("utf-8").splitlines()
    newest.write_text("\n".join(line for line in lines if '"remove"' not in line), "utf-8")
    with pytest.raises(StoreError, match=r"files of several writes of a partition: its log is damaged"):
        warehouse.frame(KEY)
    assert any("the log is damaged" in error for error in audit_tables(warehouse, "shop", list).errors)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"{", b"{}"])
def test_a_damaged_commit_below_a_checkpoint_is_an_error_of_the_history(warehouse: Warehouse, content: bytes):
    write(warehouse, first=1)
    DeltaTable(str(warehouse.root.joinpath(*KEY))).create_checkpoint()
    commit_file(warehouse, 2).write_bytes(content)
    assert len(warehouse.frame(KEY)) == 9_999
    with pytest.raises(StoreError, match=r"the history of .* can't be read, because a commit is damaged"):
        warehouse.versions(KEY)
    if content != b"{}":
        with pytest.raises(StoreError, match=r"the commit .*0002\.json is damaged"):
            warehouse.inputs(KEY, 2)
    assert any("can't be read" in error for error in audit_tables(warehouse, "shop", list).errors)


def test_files_of_earlier_versions_without_a_digest_of_their_bytes_are_written_anew_with_one(
    warehouse: Warehouse,
):
    named = data_file(warehouse)
    earlier = named.rename(named.with_name(f"{named.stem.rpartition('-')[0]}.parquet"))
    for commit in warehouse.root.joinpath(*KEY, "_delta_log").glob("*.json"):
        commit.write_text(commit.read_text("utf-8").replace(named.name, earlier.name), "utf-8")
    assert (
        "1 files of other programs, or of earlier versions" in audit_tables(warehouse, "shop", list).subject
    )
    digest = warehouse.digest(KEY, partition="a")
    again = write(warehouse)
    assert (again.digest, again.changed) == (digest, True)
    audited = audit_tables(warehouse, "shop", list)
    assert (audited.passed, "other programs" in audited.subject) == (True, False)
    assert not write(warehouse).changed
