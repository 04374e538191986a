"""A signed ledger with a real registry: moves, rewritten stores, a missing and a new key."""

import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.governance.audit import audit
from mlops_assets.stores.governance.champion_ledger import ChampionLedger
from mlops_assets.stores.governance.ledger import ledger
from mlops_assets.stores.governance.ledger.entries import Entry, Event
from mlops_assets.stores.governance.ledger.keys import LedgerKeys, signing_key_id
from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets.stores.governance.signing import sign_ledger
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.garage import StartRun

PROJECT = "garage"
NONE, OLD, NEW = LedgerKeys(), LedgerKeys(b"o" * 32), LedgerKeys(b"n" * 32)
ROTATING = LedgerKeys(NEW.current, (b"o" * 32,))


def event(kind: str, version: int, reason: str = "because") -> Event:
    return Event(kind, version, "ada", reason, f"digest-{version}")


FIRST = (event("registered", 1), event("gated", 1), event("promoted", 1))


class Stores:
    """A warehouse and a registry with two versions; the keys of a process are chosen at each use."""

    def __init__(self, root: Path, tracking: TrackingStore, run: StartRun) -> None:
        self.tracking, self.ledger = tracking, Ledger(Warehouse(root / "warehouse"), PROJECT)
        tracking.client.create_registered_model(PROJECT)
        for number in (1, 2):
            tags = {"mlops.model_digest": f"digest-{number}"}
            tracking.client.create_model_version(PROJECT, str(root), run(), tags=tags)

    def with_keys(self, keys: LedgerKeys) -> ChampionLedger:
        return ChampionLedger(self.ledger, self.tracking.registry, keys)

    def sign(self, keys: LedgerKeys, *, unverified: bool = False) -> str:
        return sign_ledger(self.with_keys(keys), "ada", "for the record", unverified=unverified)

    def audit(self, keys: LedgerKeys, head: str | None = None):
        return next(iter(audit(self.with_keys(keys), self.tracking, head=head)))

    def rewrite(self, *events: Event) -> list[Entry]:
        """Replace ledger, anchors and alias, consistently, as someone can who writes both stores."""
        shutil.rmtree(self.ledger.warehouse.root / PROJECT)
        for version in self.tracking.registry.versions(PROJECT):
            anchors = [name for name in version.facts if name.startswith("ledger.")]
            self.tracking.registry.delete_version_tags(PROJECT, version.version, anchors)
        self.tracking.registry.set_model_tags(PROJECT, {"ledger_head": ""})
        self.with_keys(NONE).append([], events)
        return self.ledger.entries()


@pytest.fixture
def stores(tmp_path: Path, tracking: TrackingStore, run: StartRun) -> Stores:
    return Stores(tmp_path, tracking, run)


def test_each_entry_is_signed_with_the_key_and_verified_with_it(stores):
    stores.with_keys(OLD).record(*FIRST)
    entries = stores.ledger.entries()
    assert {signing_key_id(entry.signature) for entry in entries} == {OLD.current_id}
    assert len({entry.signature for entry in entries}) == 3
    assert stores.with_keys(OLD).verified_champion("a test", print).version == 1
    found = stores.audit(OLD)
    assert found.passed
    assert f"signatures: entries 1 to 3 by the key {OLD.current_id}. A change of ledger" in found.notes[0]


REFUSED = (
    (NONE, f"the ledger is signed with the key {OLD.current_id}, and MLOPS_LEDGER_KEY is not set"),
    (NEW, f"signed with the key {OLD.current_id}, and MLOPS_LEDGER_KEY is the key {NEW.current_id}"),
)


@pytest.mark.parametrize(("keys", "message"), REFUSED)
def test_a_signed_ledger_is_not_used_without_its_key(stores, keys, message, record_property):
    stores.with_keys(OLD).record(*FIRST)
    for use in (
        lambda ledger: ledger.recover(),
        lambda ledger: ledger.record(event("retired", 1)),
        lambda ledger: ledger.verified_champion("a test", print),
        lambda ledger: ledger.verified_version(1, "a test", print),
    ):
        with pytest.raises(StoreError, match=message) as raised:
            use(stores.with_keys(keys))
    record_property("error", str(raised.value))
    assert len(stores.ledger.entries()) == 3
    assert any(message in error for error in stores.audit(keys).errors)


def test_both_stores_rewritten_consistently_are_found_with_the_key_alone(stores):
    stores.with_keys(OLD).record(*FIRST)
    real = stores.ledger.entries()
    forged = stores.rewrite(*FIRST[:2], event("promoted", 1, "forged"))
    assert stores.audit(NONE).passed  # without the key, nothing shows it
    assert "MLOPS_LEDGER_KEY is set" in stores.audit(OLD).errors[0]
    with pytest.raises(StoreError, match="the ledger is not signed, and MLOPS_LEDGER_KEY is set"):
        stores.with_keys(OLD).verified_champion("a test", print)
    signatures = [replace(entry, signature=old.signature) for entry, old in zip(forged, real, strict=True)]
    shutil.rmtree(stores.ledger.warehouse.root / PROJECT)
    stores.ledger.append(signatures)  # the signatures of the real entries on the forged ones
    assert not {entry.hash for entry in real} & {entry.hash for entry in forged}
    made = f"does not match: it was not made with the key {OLD.current_id}"
    assert stores.audit(OLD).errors == tuple(
        f"the signature of ledger entry {number} {made}" for number in (1, 2, 3)
    )


def test_a_return_of_both_stores_to_an_earlier_state_is_found_with_a_noted_entry(stores):
    stores.with_keys(OLD).record(*FIRST)
    before = stores.ledger.entries()
    stores.with_keys(OLD).record(event("retired", 1))
    last = stores.ledger.entries()[-1]
    assert stores.audit(OLD, f"4:{last.hash}").passed
    stores.rewrite(*FIRST)
    shutil.rmtree(stores.ledger.warehouse.root / PROJECT)
    stores.ledger.append(before)
    stores.with_keys(OLD)._update_registry(stores.with_keys(OLD).review().state, before)
    stores.tracking.registry.set_model_tags(PROJECT, {"ledger_head": f"3:{before[-1].hash}"})
    assert stores.audit(OLD).passed
    [error] = stores.audit(OLD, f"4:{last.hash}").errors
    assert error.startswith("entry 4 is not the one that was noted, it is missing")
    assert stores.audit(OLD, f"3:{before[-1].hash}").passed


def test_an_existing_ledger_is_signed_by_a_decision(stores, record_property):
    stores.with_keys(NONE).record(*FIRST)
    assert stores.audit(NONE).notes[0].startswith("the ledger is not signed: a change of the ledger alone")
    with pytest.raises(
        StoreError, match=r"MLOPS_LEDGER_KEY is set\n  hint: if it was never signed"
    ) as raised:
        stores.with_keys(OLD).recover()
    record_property("error", str(raised.value))
    assert stores.sign(OLD) == f"the ledger of garage, 4 entries, is signed with the key {OLD.current_id}"
    last = stores.ledger.entries()[-1].event
    assert (last.kind, last.version, last.details) == ("signed", 1, {"key": OLD.current_id})
    state = stores.with_keys(OLD).recover()
    assert (state.champion, state.states, state.last[1].event.kind) == (1, {1: "champion"}, "promoted")
    assert (
        stores.audit(OLD)
        .notes[0]
        .startswith(f"signatures: entries 1 to 3 without one; entry 4 by the key {OLD.current_id}")
    )
    with pytest.raises(StoreError, match="already signed with the key"):
        stores.sign(OLD)


def test_a_key_is_replaced_while_the_former_one_is_known(stores):
    stores.with_keys(OLD).record(*FIRST)
    with pytest.raises(StoreError, match=f"and MLOPS_LEDGER_KEY is the key {NEW.current_id}"):
        stores.sign(NEW)
    assert stores.sign(ROTATING).endswith(NEW.current_id)
    assert stores.with_keys(NEW).recover().champion == 1  # the former key is not required any more
    assert stores.audit(NEW).passed
    assert not stores.audit(OLD).passed


def test_a_lost_key_is_replaced_by_a_decision_that_the_audit_reports(stores):
    stores.with_keys(OLD).record(*FIRST)
    stores.sign(NEW, unverified=True)
    found = stores.audit(NEW)
    assert found.passed
    assert found.notes[0].startswith(
        "entry 4: ada signed the ledger although the last entry of the ledger is"
    )
    stores.with_keys(NEW).record(event("retired", 1))
    assert stores.with_keys(NEW).recover().champion is None


def test_an_entry_without_a_signature_after_signed_ones_is_found(stores):
    stores.with_keys(OLD).record(*FIRST)
    stores.with_keys(NONE).append(stores.ledger.entries(), [event("retired", 1)])
    assert stores.audit(OLD).errors == ("ledger entry 4 is not signed, unlike those before it",)
    stores.sign(OLD, unverified=True)
    assert stores.audit(OLD).passed


def test_with_a_key_a_champion_without_a_ledger_needs_a_decision(stores):
    stores.tracking.registry.promote(PROJECT, 2)
    with pytest.raises(StoreError, match="version 2 is the champion in MLflow, there is no ledger"):
        stores.with_keys(OLD).verified_champion("a test", print)
    assert "was started with version 2" in stores.sign(OLD)
    assert stores.with_keys(OLD).verified_champion("a test", print).version == 2
    assert stores.audit(OLD).passed


def test_nothing_is_signed_without_a_key_or_a_ledger_or_while_the_stores_disagree(stores):
    with pytest.raises(StoreError, match="MLOPS_LEDGER_KEY is not set"):
        stores.sign(NONE)
    with pytest.raises(StoreError, match="garage: there is no ledger yet"):
        stores.sign(OLD)
    stores.with_keys(NONE).record(*FIRST)
    stores.tracking.registry.promote(PROJECT, 2)
    with pytest.raises(
        StoreError, match="was not signed, because it and MLflow disagree: the alias points to"
    ):
        stores.sign(OLD)
    assert len(stores.ledger.entries()) == 3


def test_a_ledger_of_an_earlier_version_gets_the_column_of_signatures(stores, monkeypatch):
    earlier = pa.schema([column for column in ledger._SCHEMA if column.name != "signature"])
    with monkeypatch.context() as patched:
        patched.setattr(ledger, "_SCHEMA", earlier)
        stores.with_keys(NONE).record(*FIRST)
    table = DeltaTable(str(stores.ledger.warehouse.root / PROJECT / "ledger"))
    assert "signature" not in {one.name for one in table.schema().fields}
    stores.sign(OLD)
    assert [bool(entry.signature) for entry in stores.ledger.entries()] == [False, False, False, True]
    assert stores.audit(OLD).passed
