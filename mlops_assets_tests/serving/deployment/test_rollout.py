"""Changes of the served versions, step by step, without workers and stores."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mlops_assets.core.errors import StoreError
from mlops_assets.serving.deployment.rollout import Rollout
from mlops_assets.serving.deployment.state import DeployedVersion, ProjectDeployment, read_deployment
from mlops_assets.serving.deployment.worker_reports import LoadFailure, WorkerReport

_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class _Clock:
    now = _NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def version(tmp_path: Path) -> Callable[[int], DeployedVersion]:
    def make(number: int) -> DeployedVersion:
        folder = tmp_path / "models" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        return DeployedVersion(number, f"digest {number}", str(folder))

    return make


def _loaded(pid: int, *versions: DeployedVersion, ready: bool = True) -> WorkerReport:
    return WorkerReport(pid, ready, frozenset(one.folder for one in versions))


def test_a_version_answers_once_all_ready_workers_have_loaded_it(tmp_path: Path, clock, version) -> None:
    old, new = version(1), version(2)
    rollout = Rollout(tmp_path, {"shop": old}, clock=clock)
    rollout.propose("shop", new)
    assert read_deployment(tmp_path) == {"shop": ProjectDeployment(old, new)}

    clock.now += timedelta(seconds=1)
    rollout.step([_loaded(1, old, new), _loaded(2, old), _loaded(3, ready=False)])
    assert rollout.project("shop").deployment == ProjectDeployment(old, new)

    rollout.step([_loaded(1, old, new), _loaded(2, old, new), _loaded(3, ready=False)])
    assert read_deployment(tmp_path) == {"shop": ProjectDeployment(new)}
    assert (rollout.project("shop").since, rollout.project("shop").changes) == (clock.now, 1)
    assert Path(old.folder).exists()  # a worker still answers with it

    rollout.step([_loaded(1, new), _loaded(2, new)])
    assert not Path(old.folder).exists()
    assert Path(new.folder).exists()


def test_a_version_that_one_worker_can_not_load_stays_out_and_is_tried_again(
    tmp_path: Path, clock, version
) -> None:
    old, new = version(1), version(2)
    rollout = Rollout(tmp_path, {"shop": old}, clock=clock)
    rollout.propose("shop", new)

    broken = WorkerReport(2, True, frozenset({old.folder}), {new.folder: LoadFailure("no column", "train")})
    rollout.step([_loaded(1, old, new), broken])

    found = rollout.project("shop")
    assert read_deployment(tmp_path) == {"shop": ProjectDeployment(old)}
    assert found.error is not None
    assert found.error.message == "version 2 does not load, and version 1 answers: no column"
    assert (found.error.kind, found.error.version, found.failures["load"]) == ("load", 2, 1)
    rollout.step([_loaded(1, old), _loaded(2, old)])
    assert not Path(new.folder).exists()

    assert not rollout.is_retry_due("shop")
    clock.now += timedelta(seconds=60)
    assert rollout.is_retry_due("shop")
    again = version(2)
    rollout.propose("shop", again)
    rollout.step([_loaded(1, old, again), _loaded(2, old, again)])
    assert rollout.project("shop").error is None
    assert read_deployment(tmp_path) == {"shop": ProjectDeployment(again)}


def test_a_version_that_takes_too_long_is_given_up(tmp_path: Path, clock, version) -> None:
    old, new = version(1), version(2)
    rollout = Rollout(tmp_path, {"shop": old}, clock=clock)
    rollout.propose("shop", new)
    clock.now += timedelta(seconds=121)
    rollout.step([_loaded(1, old)])

    error = rollout.project("shop").error
    assert error is not None
    assert "not all workers have loaded it within 120 seconds" in error.message
    assert read_deployment(tmp_path) == {"shop": ProjectDeployment(old)}


def test_a_rollback_while_a_version_is_loaded_keeps_the_one_that_answers(
    tmp_path: Path, clock, version
) -> None:
    old, new = version(1), version(2)
    rollout = Rollout(tmp_path, {"shop": old}, clock=clock)
    rollout.propose("shop", new)
    assert rollout.serves("shop", 2, "digest 2")

    rollout.keep("shop")
    rollout.step([_loaded(1, old)])
    assert read_deployment(tmp_path) == {"shop": ProjectDeployment(old)}
    assert (Path(old.folder).exists(), Path(new.folder).exists()) == (True, False)
    assert rollout.project("shop").changes == 0


def test_a_project_without_a_champion_gets_one_again(tmp_path: Path, clock, version) -> None:
    old, new = version(1), version(2)
    rollout = Rollout(tmp_path, {"shop": old}, clock=clock)
    rollout.propose("shop", None)
    assert rollout.serves("shop", None)
    assert read_deployment(tmp_path) == {"shop": ProjectDeployment(None)}

    rollout.propose("shop", new)
    rollout.step([_loaded(1, new)])
    assert read_deployment(tmp_path) == {"shop": ProjectDeployment(new)}


def test_a_check_that_fails_again_and_again_is_one_error_with_a_count(tmp_path: Path, clock, version) -> None:
    rollout = Rollout(tmp_path, {"shop": version(1)}, clock=clock)
    for _ in range(3):
        rollout.check_failed("shop", StoreError("ledger and registry disagree", hint="decide"))
        clock.now += timedelta(seconds=5)

    error = rollout.project("shop").error
    assert error is not None
    assert (error.since, error.count) == (_NOON, 3)
    rollout.check_succeeded("shop")
    assert rollout.project("shop").error is None
    assert rollout.project("shop").failures["check"] == 3
