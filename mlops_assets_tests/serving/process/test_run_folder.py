"""Run folders of services: what killed services have left goes, and services that run are not disturbed."""

import shutil
from pathlib import Path

import pytest

from mlops_assets.serving.process import run_folder
from mlops_assets.serving.process.run_folder import METRICS_VARIABLE, RUN_VARIABLE, running
from mlops_assets.stores.system.service_files import ServiceFiles


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
    for kind in ("log", "canary"):
        ServiceFiles(tmp_path / "serving", kind).write("shop", "run-ended", {})

    with running(tmp_path) as first:
        assert not list((tmp_path / "serving").glob("*/shop/*.json"))
        log = ServiceFiles(tmp_path / "serving", "log")
        log.write("shop", first.service, {"committed": 1})
        with running(tmp_path) as second:
            log.write("shop", second.service, {"committed": 2})
            assert not left.exists()
            assert sorted(one["committed"] for one in log.read("shop")) == [1, 2]
            assert first.path.is_dir()
            assert second.path.is_dir()
            assert first.service != second.service
            assert first.path.stat().st_mode & 0o077 == 0
        assert len(log.read("shop")) == 2, "rows that were dropped at last are seen until the next start"
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
