"""Locations in the SQLite store of a state directory follow the directory, and no others are changed."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mlops_assets.stores.tracking.client import connect, make_current
from mlops_assets.stores.tracking.locations import OwnArtifacts, local_path, missing_model_file

LOCATIONS = {
    "experiments": "select artifact_location from experiments where name = 'lending'",
    "runs": "select artifact_uri from runs",
    "logged_models": "select artifact_location from logged_models",
    "model_versions": "select storage_location from model_versions",
}


@pytest.fixture
def store(tmp_path: Path, empty_tracking_store: Path) -> OwnArtifacts:
    """A store whose path contains a space, with a registered model of one file."""
    folder = tmp_path / "the state" / "mlflow"
    folder.mkdir(parents=True)
    shutil.copy(empty_tracking_store, folder / "mlflow.db")
    own = OwnArtifacts(folder / "mlflow.db", folder / "artifacts")
    client = connect(f"sqlite:///{own.database}", own.folder)
    experiment = client.create_experiment("lending", artifact_location=(own.folder / "lending").as_uri())
    run = client.create_run(experiment).info.run_id
    model = client.create_logged_model(experiment, source_run_id=run)
    saved = own.folder / "lending" / "models" / model.model_id / "artifacts"
    assert local_path(model.artifact_location) == saved
    saved.mkdir(parents=True)
    (saved / "MLmodel").write_text("a model", "utf-8")
    make_current(f"sqlite:///{own.database}")
    client.create_registered_model("lending")
    client.create_model_version("lending", model.model_uri, run, model_id=model.model_id)
    client.set_registered_model_alias("lending", "champion", "1")
    return own


def moved(store: OwnArtifacts, state: Path) -> OwnArtifacts:
    return OwnArtifacts(state / "mlflow" / "mlflow.db", state / "mlflow" / "artifacts")


def locations(store: OwnArtifacts) -> dict[str, str]:
    with closing(sqlite3.connect(store.database)) as connection:
        return {name: connection.execute(query).fetchone()[0] for name, query in LOCATIONS.items()}


def test_the_locations_of_a_moved_store_are_those_of_its_new_place(store, tmp_path):
    state = store.folder.parents[1]
    here = moved(store, state.rename(tmp_path / "new#place"))
    connect(f"sqlite:///{here.database}", here.folder)
    assert all(found.startswith(f"{here.folder.as_uri()}/lending") for found in locations(here).values())
    champion = here.champion_folder("lending")
    assert champion is not None
    assert (champion / "MLmodel").read_text("utf-8") == "a model"
    assert here.relocate() == 0


def test_a_copied_store_is_adapted_and_the_original_is_not_changed(store, tmp_path):
    original, before = store.database.read_bytes(), locations(store)
    copy = moved(store, shutil.copytree(store.folder.parents[1], tmp_path / "copy"))
    assert copy.relocate() == 4
    assert all(found.startswith(copy.folder.as_uri()) for found in locations(copy).values())
    assert (store.database.read_bytes(), locations(store)) == (original, before)
    assert store.relocate() == 0


def test_a_store_that_is_opened_through_a_link_keeps_its_locations(store, tmp_path):
    before = locations(store)
    link = tmp_path / "link"
    link.symlink_to(store.folder.parents[1])
    assert moved(store, link).relocate() == 0
    assert locations(store) == before


def test_locations_that_were_chosen_in_mlflow_are_kept(store):
    kept = ("s3://bucket/mlflow/artifacts/a", "mlflow-artifacts:/1", "file:///srv/models/a", "/srv/b", "./c")
    with closing(sqlite3.connect(store.database)) as connection, connection:
        for number, location in enumerate(kept):
            connection.execute(
                "insert into experiments (name, artifact_location, lifecycle_stage) values (?, ?, 'active')",
                (f"chosen {number}", location),
            )
    assert store.relocate() == 0


def test_a_store_without_artifacts_beside_it_is_never_changed(tmp_path):
    state = tmp_path / "mlflow" / "artifacts"
    assert OwnArtifacts.of("sqlite:////srv/shared/mlflow.db", state) is None
    assert OwnArtifacts.of("https://mlflow.example.com", None) is None
    assert OwnArtifacts.of("postgresql://db/mlflow", state) is None


def test_a_version_whose_folder_is_missing_is_found(store):
    assert store.missing_versions() == []
    folder = store.champion_folder("lending")
    shutil.rmtree(folder)
    assert store.missing_versions() == [("lending", 1, folder)]


def test_the_first_missing_file_of_a_model_is_named(tmp_path):
    assert missing_model_file(tmp_path) == tmp_path / "MLmodel"
    (tmp_path / "MLmodel").touch()
    files = tmp_path / "data" / "model"
    assert missing_model_file(tmp_path) == files / "manifest.json"
    files.mkdir(parents=True)
    (files / "manifest.json").write_text('{"files": {"model.json": "", "estimator/model.ubj": ""}}', "utf-8")
    (files / "model.json").touch()
    assert missing_model_file(tmp_path) == files / "estimator" / "model.ubj"
    (files / "estimator").mkdir()
    (files / "estimator" / "model.ubj").touch()
    assert missing_model_file(tmp_path) is None
