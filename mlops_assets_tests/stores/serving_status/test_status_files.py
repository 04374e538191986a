"""The status files of services: what is written is read, and a service that stood still is recognised."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mlops_assets.stores.serving_status.status import ServedVersion, ServingError, ServingStatus, Traffic
from mlops_assets.stores.serving_status.status_files import read_statuses, remove_statuses, write_status

_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_STATUS = ServingStatus(
    project="lending",
    service="run-1",
    address="http://127.0.0.1:8000",
    host="laptop",
    pid=7,
    started_at=_NOW - timedelta(hours=1),
    updated_at=_NOW,
    state="changing",
    workers=2,
    ready=2,
    restarts=1,
    versions={"champion": ServedVersion(3, "abc", _NOW - timedelta(minutes=5), 2)},
    upcoming=4,
    error=ServingError("load", "version 4 does not load", "train again", _NOW, 4, 2),
    traffic=Traffic(10, 1, 2, 70, 3, 10, 60.0, 0.001, 0.002, 0.003),
)


def test_the_status_of_all_services_of_a_project_is_read_and_removed_with_its_service(tmp_path: Path) -> None:
    later = replace(_STATUS, service="run-2", started_at=_NOW, error=None, versions={})
    for status in (_STATUS, later, replace(_STATUS, project="other")):
        write_status(tmp_path, status)

    assert read_statuses(tmp_path, "lending") == [later, _STATUS]
    assert read_statuses(tmp_path, "unknown") == []

    remove_statuses(tmp_path, "run-1")
    assert read_statuses(tmp_path, "lending") == [later]
    assert read_statuses(tmp_path, "other") == []


def test_a_status_is_fresh_for_half_a_minute() -> None:
    assert _STATUS.is_fresh(_NOW + timedelta(seconds=29))
    assert not _STATUS.is_fresh(_NOW + timedelta(seconds=30))


def test_keys_of_a_later_release_are_ignored() -> None:
    values = _STATUS.to_json() | {"new": 1}
    values["traffic"]["new"] = 1

    assert ServingStatus.of_json(values) == _STATUS
