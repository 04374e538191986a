"""The watch of a champion: what it looks at, what it proposes, and what it reports."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_assets.core.errors import TrackingError
from mlops_assets.serving.deployment.champion_watch import ChampionWatch
from mlops_assets.serving.deployment.model_facts import read_facts
from mlops_assets.serving.deployment.rollout import Rollout
from mlops_assets.serving.deployment.versions import VersionFolders
from mlops_assets.stores.tracking.client import TAG
from mlops_assets_tests.support.served_samples import HOUSING, Samples
from mlops_assets_tests.support.served_state import ServedState


class _Folders(VersionFolders):
    checks = 0

    def recorded_champion(self, project: str):
        self.checks += 1
        return super().recorded_champion(project)


@pytest.fixture(scope="module")
def state(
    samples: Samples, empty_tracking_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServedState]:
    found = ServedState(tmp_path_factory.mktemp("watched") / "state", samples, empty_tracking_store)
    found.add_version()
    found.add_version()
    found.promote(1)
    return found


def test_only_a_move_of_the_champion_is_checked_and_a_version_that_does_not_verify_stays_out(
    state: ServedState, tmp_path: Path
) -> None:
    folders = _Folders(state.config, tmp_path, print)
    rollout = Rollout(tmp_path, {HOUSING: folders.champion(HOUSING)})
    watch = ChampionWatch(state.config, folders, rollout, HOUSING)
    assert watch.look()
    checks = folders.checks
    assert watch.look()
    state.tracking.registry.set_version_tags(HOUSING, 2, {"note": "the database has changed"})
    assert watch.look()
    assert folders.checks == checks

    state.promote(2)
    assert watch.look()
    upcoming = rollout.project(HOUSING).deployment.upcoming
    assert upcoming is not None
    assert (upcoming.version, Path(upcoming.folder).is_dir()) == (2, True)

    state.promote(1)
    assert watch.look()
    assert rollout.project(HOUSING).deployment.upcoming is None

    [manifest] = (state.root / "mlflow" / "artifacts").rglob(f"*{_artifact(state, 2)}*/**/model.json")
    manifest.write_text(f"{manifest.read_text()} ")
    state.promote(2)
    assert watch.look()
    error = rollout.project(HOUSING).error
    assert error is not None
    assert (error.kind, error.version) == ("load", 2)
    assert "version 2 does not load, and version 1 answers" in error.message
    assert "model.json does not match the manifest" in error.message
    assert not Path(upcoming.folder).with_name("2-3").exists()


def test_a_registry_that_can_not_be_read_is_reported_and_the_watch_goes_on(
    state: ServedState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = _Folders(state.config, tmp_path, print)
    state.promote(1)
    rollout = Rollout(tmp_path, {HOUSING: folders.champion(HOUSING)})
    watch = ChampionWatch(state.config, folders, rollout, HOUSING)
    with monkeypatch.context() as patch:
        patch.setattr(type(folders.tracking.registry), "champion", _fails)
        assert not watch.look()
        assert not watch.look()
    error = rollout.project(HOUSING).error
    assert error is not None
    assert (error.kind, error.message, error.count) == ("check", "the server is down", 2)

    assert watch.look()
    assert rollout.project(HOUSING).error is None


def test_a_version_whose_run_has_lost_the_tag_of_its_model_is_deployed_with_its_facts(
    state: ServedState, tmp_path: Path
) -> None:
    version = state.tracking.registry.version(HOUSING, state.add_version())
    state.tracking.client.log_metric(version.run_id, "test_rmse", 0.5)
    state.tracking.client.delete_tag(version.run_id, f"{TAG}model_uri")
    with pytest.raises(TrackingError, match="has no tag"):
        state.tracking.model_of_run(version.run_id)
    deployed = VersionFolders(state.config, tmp_path, print).fetch(version)
    facts = read_facts(Path(deployed.folder))
    assert (facts["run_id"], facts["metrics"]) == (version.run_id, {"test_rmse": 0.5})


def _fails(*_: object) -> None:
    raise TrackingError("the server is down")


def _artifact(state: ServedState, number: int) -> str:
    return state.tracking.registry.version(HOUSING, number).uri.rsplit("/", 1)[-1]
