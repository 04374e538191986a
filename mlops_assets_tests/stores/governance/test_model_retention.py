"""The files of rejected versions are removed; those of former and possible champions are kept."""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import mlflow
import pytest

from mlops_assets.compat.mlflow import get_artifact_repository
from mlops_assets.core.digests import file_digest
from mlops_assets.ml.model.artifact import save_model
from mlops_assets.stores.governance import model_retention
from mlops_assets.stores.governance.audit import audit
from mlops_assets.stores.governance.champion_ledger import ChampionLedger
from mlops_assets.stores.governance.ledger.entries import Event
from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets.stores.governance.model_retention import Expired, expire
from mlops_assets.stores.system.state_directory import StateDirectory
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets.stores.warehouse.warehouse import Warehouse

PROJECT = "garage"
STORY = {
    1: ("registered", "gated", "promoted"),
    2: ("registered", "gated", "retired 1", "promoted"),
    3: ("registered", "rejected"),
    4: ("registered", "gated", "rejected"),
    5: ("registered", "gated"),
    6: ("registered", "rejected"),
}
"""The first was champion; the newest was rejected, and is kept for inspection."""
LATER = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    folder = tmp_path / "studies"
    folder.mkdir()
    for name in ("a.journal", "a.lock", "a.lock.holder", "b.journal", "c.journal"):
        (folder / name).write_text(name)
    for name in ("a.predictions", "b.predictions"):
        (folder / name).mkdir()
        (folder / name / "0.npy").write_text(name)
    return folder


@pytest.fixture
def champion_ledger(warehouse, tracking, run, model, tmp_path) -> ChampionLedger:
    """Of a project with six versions of one model each."""
    digest = save_model(model, tmp_path / "model")
    mlflow.set_tracking_uri(tracking.uri)
    found = ChampionLedger(Ledger(warehouse, PROJECT), tracking.registry)
    shared = ""
    for number in STORY:
        run_id = run()
        if number in (1, 3, 4):  # the others share a model, because logging one takes a second
            with mlflow.start_run(run_id=run_id):
                uri = tracking.log_model(tmp_path / "model", model.spec)
        shared = shared or uri
        uri = uri if number in (3, 4) else shared
        study = {3: "a.journal", 4: "b.journal", 5: "b.journal"}.get(number, "c.journal")
        facts = {"model_uri": uri, "model_digest": digest, "study": study}
        tracking.log_facts(run_id, facts=facts)
        tracking.registry.register(PROJECT, tracking.trained_model(PROJECT), facts)
    for number, events in STORY.items():
        for planned in events:
            kind, _, other = planned.partition(" ")
            found.record(Event(kind, int(other or number), "ada", "because", digest))
    return found


def content(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): file_digest(path) for path in folder.rglob("*") if path.is_file()}


def model_files(tracking, champion_ledger: ChampionLedger) -> dict[int, int]:
    """The number of model files of each version."""
    artifacts = tracking.artifacts / PROJECT / "models"
    found = {one.version: one.uri.rsplit("/", 1)[-1] for one in champion_ledger.registry.versions(PROJECT)}
    return {
        version: sum(path.is_file() for path in artifacts.joinpath(name).rglob("*"))
        for version, name in sorted(found.items())
    }


def test_models_and_searches_of_rejected_versions_are_removed(champion_ledger, tracking, studies):
    before = model_files(tracking, champion_ledger)
    expired = expire(champion_ledger, tracking, studies, LATER, dry_run=True)
    assert model_files(tracking, champion_ledger) == before
    assert {one.version for one in expired} == {3, 4}
    assert all(one.bytes > 1_000 for one in expired)

    assert expire(champion_ledger, tracking, studies, LATER, dry_run=False) == expired

    assert model_files(tracking, champion_ledger) == {**before, 3: 0, 4: 0}
    assert {path.name for path in studies.iterdir()} == {
        *("a.lock", "b.journal", "b.predictions", "c.journal"),
    }
    states = champion_ledger.recover().states
    assert states == {1: "retired", 2: "champion", 3: "expired", 4: "expired", 5: "pending", 6: "rejected"}
    last = champion_ledger.ledger.entries()[-1].event
    assert (last.kind, last.actor) == ("expired", "retention")
    assert last.reason.startswith(f"rejected on {datetime.now(UTC):%Y-%m-%d}, before ")
    assert not any(found.errors for found in audit(champion_ledger, tracking))
    assert expire(champion_ledger, tracking, studies, LATER, dry_run=False) == []


def test_recently_rejected_versions_are_kept(champion_ledger, tracking, studies):
    before = model_files(tracking, champion_ledger)
    assert expire(champion_ledger, tracking, studies, LATER - timedelta(days=2), dry_run=False) == []
    assert model_files(tracking, champion_ledger) == before


def test_an_interrupted_removal_is_completed_and_a_deleted_version_is_skipped(
    champion_ledger, tracking, studies
):
    tracking.client.delete_model_version(PROJECT, "4")
    third = champion_ledger.registry.version(PROJECT, 3)
    champion_ledger.record(Event("expired", 3, "retention", "because", third.facts["model_digest"]))
    [expired] = expire(champion_ledger, tracking, studies, LATER - timedelta(days=2), dry_run=False)
    assert (expired.version, model_files(tracking, champion_ledger)[3]) == (3, 0)
    assert expired != Expired(3, 0, 0)
    assert expire(champion_ledger, tracking, studies, LATER, dry_run=False) == []
    assert champion_ledger.recover().states[4] == "expired"


def test_a_copied_state_directory_removes_its_own_files_only(
    champion_ledger, tracking, studies, state, warehouse, tmp_path
):
    """Before, MLflow's absolute locations led to the original's models."""
    before = content(state.root)
    copy = StateDirectory(shutil.copytree(state.root, tmp_path / "copy"))
    there = TrackingStore(f"sqlite:///{copy.mlflow / 'mlflow.db'}", copy.artifacts)
    ledger = ChampionLedger(
        Ledger(Warehouse(shutil.copytree(warehouse.root, copy.warehouse)), PROJECT), there.registry
    )
    kept = model_files(there, ledger)
    expired = expire(ledger, there, studies, LATER, dry_run=False)
    assert {one.version for one in expired} == {3, 4}
    assert model_files(there, ledger) == {**kept, 3: 0, 4: 0}
    assert content(state.root) == before


@pytest.mark.parametrize("location", ["link", "elsewhere", "s3"])
def test_files_outside_the_state_directory_are_kept_and_reported(
    champion_ledger, tracking, studies, tmp_path, location, monkeypatch
):
    third = tracking.artifacts / PROJECT / "models" / champion_ledger.registry.version(PROJECT, 3).uri[8:]
    outside = third.rename(tmp_path / "another").joinpath("artifacts")
    if location == "link":
        third.symlink_to(outside.parent)
        expected = (third / "artifacts").as_uri()
    else:
        expected = outside.as_uri() if location == "elsewhere" else "s3://bucket/models"
        with closing(sqlite3.connect(tracking.artifacts.with_name("mlflow.db"))) as database, database:
            database.execute(
                "update logged_models set artifact_location = ? where model_id = ?", (expected, third.name)
            )
    if location == "s3":

        def open_bucket(location: str, tracking_uri: str):
            local = outside.as_uri() if location == expected else location
            return get_artifact_repository(local, tracking_uri=tracking_uri)

        monkeypatch.setattr(model_retention, "get_artifact_repository", open_bucket)
    before = content(outside)
    found = {
        one.version: one.outside for one in expire(champion_ledger, tracking, studies, LATER, dry_run=False)
    }
    assert found == {3: (expected,), 4: ()}
    assert content(outside) == before
    assert "MLmodel" in before


def test_searches_are_removed_by_their_exact_name_and_inside_the_folder(
    champion_ledger, tracking, studies, tmp_path
):
    """A tag is text that anyone with access to the registry may set."""
    champion_ledger.registry.set_version_tags(PROJECT, 3, {"study": "*.journal"})
    champion_ledger.registry.set_version_tags(PROJECT, 4, {"study": "linked.journal"})
    (tmp_path / "another").mkdir()
    (studies / "linked.predictions").symlink_to(tmp_path / "another")
    before = content(studies)
    found = {
        one.version: one.outside for one in expire(champion_ledger, tracking, studies, LATER, dry_run=False)
    }
    assert found == {3: (), 4: (str(studies / "linked.predictions"),)}
    assert content(studies) == before
    assert (tmp_path / "another").is_dir()
