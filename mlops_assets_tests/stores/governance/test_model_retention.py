"""The files of rejected versions age out; those of who ever served, and of who may yet, stay."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import mlflow
import pytest

from mlops_assets.ml.model.artifact import save_model
from mlops_assets.stores.governance.audit import audit
from mlops_assets.stores.governance.champion_ledger import Governance
from mlops_assets.stores.governance.ledger import Event, Ledger
from mlops_assets.stores.governance.model_retention import Expired, expire

PROJECT = "garage"
STORY = {
    1: ("registered", "gated", "promoted"),
    2: ("registered", "gated", "retired 1", "promoted"),
    3: ("registered", "rejected"),
    4: ("registered", "gated", "rejected"),
    5: ("registered", "gated"),
    6: ("registered", "rejected"),
}
"""The first was champion and was rejected by nobody; the newest was rejected and may be looked at."""
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
def governance(warehouse, tracking, run, model, tmp_path) -> Governance:
    """Of a project with six versions of one model each."""
    digest = save_model(model, tmp_path / "model")
    mlflow.set_tracking_uri(tracking.uri)
    found = Governance(Ledger(warehouse, PROJECT), tracking.registry)
    served = ""
    for number in STORY:
        run_id = run()
        if number in (1, 3, 4):  # the others share a model, because logging one takes a second
            with mlflow.start_run(run_id=run_id):
                uri = tracking.log_model(tmp_path / "model", model.spec)
        served = served or uri
        uri = uri if number in (3, 4) else served
        study = {3: "a.journal", 4: "b.journal", 5: "b.journal"}.get(number, "c.journal")
        facts = {"model_uri": uri, "model_digest": digest, "study": study}
        tracking.log_facts(run_id, facts=facts)
        tracking.registry.register(PROJECT, tracking.trained_model(PROJECT), facts)
    for number, events in STORY.items():
        for told in events:
            kind, _, other = told.partition(" ")
            found.record(Event(kind, int(other or number), "ada", "because", digest))
    return found


def model_files(tracking, governance: Governance) -> dict[int, int]:
    """How many files each version's model has."""
    artifacts = tracking.artifacts / PROJECT / "models"
    found = {one.version: one.uri.rsplit("/", 1)[-1] for one in governance.registry.versions(PROJECT)}
    return {
        version: sum(path.is_file() for path in artifacts.joinpath(name).rglob("*"))
        for version, name in sorted(found.items())
    }


def test_rejected_versions_lose_their_models_and_searches_and_nobody_else_does(governance, tracking, studies):
    before = model_files(tracking, governance)
    told = expire(governance, tracking, studies, LATER, dry_run=True)
    assert model_files(tracking, governance) == before
    assert {one.version for one in told} == {3, 4}
    assert all(one.bytes > 1_000 for one in told)

    assert expire(governance, tracking, studies, LATER, dry_run=False) == told

    assert model_files(tracking, governance) == {**before, 3: 0, 4: 0}
    assert {path.name for path in studies.iterdir()} == {
        *("a.lock", "b.journal", "b.predictions", "c.journal"),
    }
    states = governance.repaired().states
    assert states == {1: "retired", 2: "champion", 3: "expired", 4: "expired", 5: "waiting", 6: "rejected"}
    last = governance.ledger.entries()[-1].event
    assert (last.kind, last.actor) == ("expired", "retention")
    assert last.reason.startswith(f"rejected on {datetime.now(UTC):%Y-%m-%d}, before ")
    assert not any(found.faults for found in audit(governance, tracking))
    assert expire(governance, tracking, studies, LATER, dry_run=False) == []


def test_who_was_rejected_lately_stays(governance, tracking, studies):
    before = model_files(tracking, governance)
    assert expire(governance, tracking, studies, LATER - timedelta(days=2), dry_run=False) == []
    assert model_files(tracking, governance) == before


def test_what_a_killed_vacuum_left_is_removed_and_a_version_deleted_by_hand_stops_nothing(
    governance, tracking, studies
):
    tracking.client.delete_model_version(PROJECT, "4")
    third = governance.registry.version(PROJECT, 3)
    governance.record(Event("expired", 3, "retention", "because", third.facts["model_digest"]))
    [told] = expire(governance, tracking, studies, LATER - timedelta(days=2), dry_run=False)
    assert (told.version, model_files(tracking, governance)[3]) == (3, 0)
    assert told != Expired(3, 0, 0)
    assert expire(governance, tracking, studies, LATER, dry_run=False) == []
    assert governance.repaired().states[4] == "expired"
