"""Permissions of the state directory and of what any program creates below."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.system import permissions
from mlops_assets.stores.system.permissions import STATE_MODE_VARIABLE, state_mode, wider_mode
from mlops_assets.stores.system.state_directory import StateDirectory
from mlops_assets_tests.support.access_lists import has_access_lists


@pytest.fixture(autouse=True)
def _usual_umask(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(STATE_MODE_VARIABLE, raising=False)
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def fill(state: StateDirectory) -> list[Path]:
    """Create what programs create in a state directory, with their own modes."""
    state.open()
    state.mlflow.mkdir(parents=True)
    database, text = state.mlflow / "mlflow.db", state.mlflow / "note.txt"
    with sqlite3.connect(database) as connection:
        connection.execute("create table a (b)")
    text.write_text("text", "utf-8")
    return [database, text, state.root / "layout.json"]


def test_a_new_state_directory_is_for_its_owner_alone(tmp_path: Path):
    state = StateDirectory(tmp_path / "data" / "state")
    files = fill(state)
    assert mode(state.root) == 0o700
    assert mode(tmp_path / "data") == 0o755, "the folder above is not ours"
    if has_access_lists(tmp_path):
        assert mode(state.mlflow) == 0o700
        assert {mode(file) for file in files} == {0o600}


def test_a_declared_mode_is_that_of_the_directory_and_limits_what_is_below(tmp_path: Path, monkeypatch):
    monkeypatch.setenv(STATE_MODE_VARIABLE, "2750")
    state = StateDirectory(tmp_path / "state")
    files = fill(state)
    assert mode(state.root) == 0o2750
    if has_access_lists(tmp_path):
        assert mode(state.mlflow) == 0o2750
        assert {mode(file) for file in files} == {0o640}


def test_the_umask_decides_where_that_is_declared(tmp_path: Path, monkeypatch):
    monkeypatch.setenv(STATE_MODE_VARIABLE, "umask")
    state = StateDirectory(tmp_path / "state")
    files = fill(state)
    assert (mode(state.root), {mode(file) for file in files}) == (0o755, {0o644})
    assert wider_mode(state.root) is None


def test_an_existing_directory_keeps_its_mode_and_is_wider(tmp_path: Path, monkeypatch):
    root = tmp_path / "state"
    root.mkdir(0o755)
    files = fill(StateDirectory(root))
    assert (mode(root), {mode(file) for file in files}) == (0o755, {0o644})
    assert wider_mode(root) == 0o755
    monkeypatch.setenv(STATE_MODE_VARIABLE, "0755")
    assert wider_mode(root) is None
    root.chmod(0o700)
    assert wider_mode(root) is None


def test_without_access_control_lists_the_directory_protects(tmp_path: Path, monkeypatch):
    def unsupported(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(permissions.os, "setxattr", unsupported, raising=False)
    state = StateDirectory(tmp_path / "state")
    fill(state)
    assert mode(state.root) == 0o700


@pytest.mark.parametrize("declared", ["rwx", "0600", "770x", "0o900", "10700"])
def test_an_unusable_mode_is_an_error(monkeypatch, declared, record_property):
    monkeypatch.setenv(STATE_MODE_VARIABLE, declared)
    with pytest.raises(StoreError, match=rf"MLOPS_STATE_MODE is '{declared}', .*\n  hint: .* 0700") as caught:
        state_mode()
    record_property("message", str(caught.value))
