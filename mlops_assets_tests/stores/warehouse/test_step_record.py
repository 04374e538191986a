"""Content that a write keeps, by the record of the step that wrote it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from mlops_assets.stores.delta import content_digest as digests
from mlops_assets.stores.delta import kept_content
from mlops_assets.stores.delta.content_digest import relation_digest
from mlops_assets.stores.delta.kept_content import AllRowsNeededError, added_files, recorded_bytes
from mlops_assets.stores.warehouse.step_record import RECORD, StepRecord, remove_record, step_code
from mlops_assets.stores.warehouse.vacuum import vacuum
from mlops_assets.stores.warehouse.warehouse import Warehouse

KEY = ("p", "t")
Rows = Callable[..., duckdb.DuckDBPyRelation]


def written(store: Warehouse, rows: duckdb.DuckDBPyRelation) -> StepRecord:
    record = StepRecord.of("code", {}, store.write(KEY, rows))
    record.write(store, KEY)
    return StepRecord.last(store, KEY, "code")


def test_added_rows_follow_the_kept_ones_in_files_with_further_names(warehouse: Warehouse, rows: Rows):
    record = written(warehouse, rows("(1, 'x'), (2, null)"))
    before = warehouse.files(KEY)
    result = warehouse.write(KEY, rows("(3, 'y')"), kept=record.kept(warehouse, KEY))
    assert (result.rows, result.digest) == relation_digest(rows("(3, 'y'), (2, null), (1, 'x')"))
    assert warehouse.frame(KEY)["a"].tolist() == [1, 2, 3]
    files = warehouse.files(KEY)
    assert warehouse.digest(KEY) == result.digest
    assert not warehouse.damage(KEY, content=True)
    assert Path(files[0].path).samefile(before[0].path)
    assert added_files(files, recorded_bytes(before), table="t") == files[1:]
    with pytest.raises(AllRowsNeededError, match="t was written anew"):
        added_files(before, recorded_bytes(files), table="t")
    removed = vacuum(warehouse, KEY, [], datetime.now(UTC), dry_run=False)
    assert removed.files == 1
    assert warehouse.frame(KEY)["a"].tolist() == [1, 2, 3]
    assert (warehouse.root / "p" / "t" / RECORD).is_file()


def test_rows_of_another_type_are_added_and_digested_as_all_rows(warehouse: Warehouse, rows: Rows):
    kept = written(warehouse, rows("(1, 'x')")).kept(warehouse, KEY)
    result = warehouse.write(KEY, rows("(2.5::double, 'y')"), kept=kept)
    assert result.digest == relation_digest(rows("(1::double, 'x'), (2.5, 'y')"))[1]


def test_a_disk_without_links_has_copies(warehouse: Warehouse, rows: Rows, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise PermissionError("Operation not permitted")

    kept = written(warehouse, rows("(1, 'x')")).kept(warehouse, KEY)
    monkeypatch.setattr(kept_content.os, "link", fail)
    warehouse.write(KEY, rows("(2, 'y')"), kept=kept)
    assert warehouse.frame(KEY)["a"].tolist() == [1, 2]


def test_content_that_is_not_the_recorded_one_is_not_kept(
    warehouse: Warehouse, rows: Rows, monkeypatch: pytest.MonkeyPatch
):
    record = written(warehouse, rows("(1, 'x')"))
    with monkeypatch.context() as patched:
        patched.setattr(digests.duckdb, "__version__", "3.0")
        with pytest.raises(AllRowsNeededError, match="hashes the rows of"):
            record.kept(warehouse, KEY)
    with monkeypatch.context() as patched:
        patched.setattr(kept_content, "MOST_FILES", 1)
        with pytest.raises(AllRowsNeededError, match="which are merged"):
            record.kept(warehouse, KEY)
    [file] = warehouse.files(KEY)
    content = Path(file.path).read_bytes()
    Path(file.path).write_bytes(content[:40] + bytes([content[40] ^ 1]) + content[41:])
    with pytest.raises(AllRowsNeededError, match="was changed after it was written"):
        record.kept(warehouse, KEY)
    warehouse.write(KEY, rows("(2, 'x')"))
    with pytest.raises(AllRowsNeededError, match="is not the one that the last run wrote"):
        record.kept(warehouse, KEY)


def test_a_record_without_its_code_or_content_is_none(warehouse: Warehouse, rows: Rows):
    written(warehouse, rows("(1, 'x')"))
    with pytest.raises(AllRowsNeededError, match="have changed"):
        StepRecord.last(warehouse, KEY, step_code("code"))
    file = warehouse.root / "p" / "t" / RECORD
    for text in ("", "{}", '{"code": "code", "inputs": {}, "tables": {"p.t": [1]}}', "[]"):
        file.write_text(text)
        with pytest.raises(AllRowsNeededError, match="no earlier run is recorded"):
            StepRecord.last(warehouse, KEY, "code")
    remove_record(warehouse.root, KEY)
    assert not file.exists()
