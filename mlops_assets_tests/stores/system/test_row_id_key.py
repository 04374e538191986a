"""The key of row IDs is created once, is private, and is never replaced by another one without a word."""

import json
import shutil
import stat
from pathlib import Path

import pytest

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.system.row_id_key import KEY_VARIABLE, key_file, row_id_key


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    folder = tmp_path / "state" / "warehouse"
    folder.mkdir(parents=True)
    return folder


def test_the_key_is_created_once_beside_the_tables_and_only_the_owner_reads_it(tables):
    key = row_id_key(tables)
    assert len(key) == 64
    assert row_id_key(tables) == key
    file = key_file(tables)
    assert file == tables.parent / "keys" / "row_id.key"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file.parent, file)] == [0o700, 0o600]
    assert [path.name for path in file.parent.iterdir()] == ["row_id.key"]
    [mark] = tables.iterdir()
    assert key.decode() not in mark.read_text("utf-8")
    file.chmod(0o640)
    with pytest.raises(StoreError, match=r"row_id\.key can be read by other users.*\n  hint: run chmod 600"):
        row_id_key(tables)


def test_tables_on_another_machine_require_the_same_key(tables, tmp_path, monkeypatch):
    key = row_id_key(tables)
    moved = tmp_path / "other" / "warehouse"
    shutil.copytree(tables, moved)
    with pytest.raises(StoreError, match=r"keys/row_id\.key does not exist, and MLOPS_ROW_ID_KEY is not set"):
        row_id_key(moved)
    monkeypatch.setenv(KEY_VARIABLE, "x" * 64)
    with pytest.raises(StoreError, match="it is not the key that the row IDs were computed with"):
        row_id_key(moved)
    monkeypatch.setenv(KEY_VARIABLE, key.decode())
    assert row_id_key(moved) == key
    assert not key_file(moved).exists()


def test_a_short_key_and_a_damaged_fingerprint_are_errors(tables, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "secret")
    with pytest.raises(StoreError, match="has 6 characters; at least 32 are required"):
        row_id_key(tables)
    (tables / ".row_id_key.json").write_text(json.dumps([]), "utf-8")
    with pytest.raises(StoreError, match="is damaged: it has no fingerprint"):
        row_id_key(tables)
