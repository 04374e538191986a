"""Run folders of services: what killed services have left goes, and services that run are not disturbed."""

import shutil
from pathlib import Path

import pytest

from mlops_assets.serving.process import run_folder
from mlops_assets.serving.process.run_folder import METRICS_VARIABLE, RUN_VARIABLE, running


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (RUN_VARIABLE, METRICS_VARIABLE):
        monkeypatch.setenv(name, "")


def test_what_a_killed_service_has_left_is_removed_and_a_running_one_is_kept(tmp_path: Path) -> None:
    left = tmp_path / "serving" / "run-killed"
    status = tmp_path / "serving" / "status" / "shop" / "run-killed.json"
    for folder in (left / "models", status.parent):
        folder.mkdir(parents=True)
    status.write_text("{}")

    with running(tmp_path) as first, running(tmp_path) as second:
        assert not left.exists()
        assert not status.exists()
        assert first.path.is_dir()
        assert second.path.is_dir()
        assert first.service != second.service
        assert first.path.stat().st_mode & 0o077 == 0
    assert list((tmp_path / "serving").glob("run-*")) == []


def test_a_service_starts_while_another_one_removes_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending = tmp_path / "serving" / "run-ending"
    (ending / "models").mkdir(parents=True)
    monkeypatch.setattr(run_folder, "remove_statuses", lambda *_: shutil.rmtree(ending, ignore_errors=True))
    with running(tmp_path) as service:
        assert service.path.is_dir()
        assert not ending.exists()
