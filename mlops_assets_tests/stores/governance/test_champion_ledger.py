"""Moves of the champion: killed between any two steps, made concurrently, or forged."""

import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing.context import BaseContext
from pathlib import Path

import pytest

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.governance.audit import audit
from mlops_assets.stores.governance.champion_ledger import ChampionLedger
from mlops_assets.stores.governance.ledger.entries import Entry, Event
from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets.stores.governance.ledger.state import LedgerState
from mlops_assets.stores.governance.lost_ledger import replace_lost_ledger
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.garage import StartRun

PROJECT = "garage"


@pytest.fixture
def ledger(warehouse: Warehouse) -> Ledger:
    return Ledger(warehouse, PROJECT)


@pytest.fixture
def champion_ledger(tracking: TrackingStore, run: StartRun, ledger: Ledger, tmp_path: Path) -> ChampionLedger:
    """Of a project with three versions and no champion."""
    tracking.client.create_registered_model(PROJECT)
    for number in (1, 2, 3):
        tags = {"mlops.model_digest": f"digest-{number}"}
        tracking.client.create_model_version(PROJECT, str(tmp_path), run(), tags=tags)
    return ChampionLedger(ledger, tracking.registry)


def event(kind: str, version: int) -> Event:
    return Event(kind, version, "ada", "because", f"digest-{version}")


FIRST = (event("registered", 1), event("gated", 1), event("promoted", 1))
SECOND = (event("registered", 2), event("gated", 2), event("retired", 1), event("promoted", 2))


def champion_of(champion_ledger: ChampionLedger) -> int | None:
    found = champion_ledger.registry.champion(PROJECT)
    return found.version if found else None


def test_the_alias_follows_the_ledger(champion_ledger: ChampionLedger):
    assert champion_of(champion_ledger) is None
    champion_ledger.record(*FIRST)
    assert champion_of(champion_ledger) == 1
    champion_ledger.record(*SECOND)
    assert champion_of(champion_ledger) == 2
    champion_ledger.record(event("retired", 2))
    assert champion_of(champion_ledger) is None
    assert champion_ledger.review().errors == []
    assert champion_ledger.recover() == LedgerState.of(champion_ledger.ledger.entries())


class KilledError(Exception):
    pass


STEPS = ("set_model_tags", "append", "promote", "set_version_tags")
"""What a move calls, in its order."""


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_a_move_killed_at_any_step_is_atomic(
    champion_ledger: ChampionLedger, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
):
    champion_ledger.record(*FIRST)
    owner = champion_ledger.ledger if step == "append" else champion_ledger.registry
    real = getattr(owner, step)

    def killed(*arguments, **named):
        if after:
            real(*arguments, **named)
        raise KilledError

    monkeypatch.setattr(owner, step, killed)
    with pytest.raises(KilledError):
        champion_ledger.record(*SECOND)
    monkeypatch.setattr(owner, step, real)
    happened = len(champion_ledger.ledger.entries()) == len(FIRST) + len(SECOND)
    assert happened is (
        (step, after) not in [("set_model_tags", False), ("set_model_tags", True), ("append", False)]
    )
    ledger_state = champion_ledger.recover()
    assert ledger_state.champion == champion_of(champion_ledger) == (2 if happened else 1)
    review = champion_ledger.review()
    assert (review.errors, review.alias_error, review.unfinished) == ([], None, [])
    if not happened:
        champion_ledger.record(*SECOND)
    assert champion_of(champion_ledger) == 2
    assert champion_ledger.review().errors == []


def test_concurrent_moves_are_applied_one_by_one(champion_ledger: ChampionLedger, processes: BaseContext):
    champion_ledger.record(*FIRST)
    uri, root = champion_ledger.registry.uri, champion_ledger.ledger.warehouse.root
    movers = [processes.Process(target=_move, args=(uri, root, version)) for version in (2, 3)]
    for mover in movers:
        mover.start()
    for mover in movers:
        mover.join()
        assert mover.exitcode == 0
    review = champion_ledger.review()
    assert (review.errors, review.alias_error, review.unfinished) == ([], None, [])
    assert [entry.event.kind for entry in review.entries[3:]] == ["retired", "promoted"] * 2
    assert champion_of(champion_ledger) == review.state.champion
    assert set(review.state.succession) == {1, 2, 3}


def _move(uri: str, root: Path, version: int) -> None:
    champion_ledger = ChampionLedger(Ledger(Warehouse(root), PROJECT), TrackingStore(uri).registry)
    with champion_ledger.lock("a test", print):
        champion = champion_ledger.recover().champion
        champion_ledger.record(event("retired", champion), event("promoted", version))


def rewritten(ledger: Ledger, change: Callable[[list[Entry]], list[Entry]]) -> None:
    """Rewrite the table with valid hashes."""
    entries = change(ledger.entries())
    shutil.rmtree(ledger.warehouse.root / PROJECT / "ledger")
    sealed: list[Entry] = []
    for entry in entries:
        sealed.append(Entry.after(sealed[-1] if sealed else None, entry.event, entry.at))
    ledger.append(sealed)


def without_the_last(entries: list[Entry]) -> list[Entry]:
    return entries[:-1]


def with_another_reason(entries: list[Entry]) -> list[Entry]:
    forged = Event("promoted", 1, "eve", "because", "digest-1")
    return [*entries[:2], Entry.after(entries[1], forged, entries[2].at), *entries[3:]]


def with_one_more(entries: list[Entry]) -> list[Entry]:
    return [*entries, Entry.after(entries[-1], event("promoted", 3), entries[-1].at)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_the_last, "ledger entry 7, of version 2, is missing"),
        (with_another_reason, "ledger entry 3 differs from the one that the registry recorded for version 1"),
        (with_one_more, "the last entry of the ledger is 8:"),
    ],
)
def test_a_table_rewritten_with_valid_hashes_is_detected(
    champion_ledger: ChampionLedger, ledger, change, message: str
):
    champion_ledger.record(*FIRST)
    champion_ledger.record(*SECOND)
    rewritten(ledger, change)
    assert any(message in error for error in champion_ledger.review().errors)
    with pytest.raises(StoreError, match=r"garage: .*ledger"):
        champion_ledger.verified_champion("a test", print)


def test_a_removed_ledger_is_detected(champion_ledger: ChampionLedger, ledger: Ledger):
    champion_ledger.record(*FIRST)
    shutil.rmtree(ledger.warehouse.root / PROJECT / "ledger")
    message = "garage: the ledger is missing; the registry recorded 3 entries"
    with pytest.raises(StoreError, match=message) as caught:
        champion_ledger.verified_champion("a test", print)
    assert "mlops adopt garage --reason" in caught.value.hint


def lose(champion_ledger: ChampionLedger) -> str:
    """Remove the table; returns its last hash."""
    lost = champion_ledger.ledger.entries()[-1].hash
    shutil.rmtree(champion_ledger.ledger.warehouse.root / PROJECT / "ledger")
    return lost


def test_a_lost_ledger_is_replaced_with_the_versions_of_the_registry(
    champion_ledger: ChampionLedger, tracking: TrackingStore
):
    champion_ledger.record(*FIRST)
    champion_ledger.record(*SECOND)
    old = champion_ledger.ledger.entries()
    lost = lose(champion_ledger)
    replace_lost_ledger(champion_ledger, "ada", "the disk died", "run-1")
    entries = champion_ledger.ledger.entries()
    assert [(entry.event.kind, entry.event.version) for entry in entries] == [
        *(("registered", 1), ("registered", 2), ("registered", 3), ("promoted", 2))
    ]
    assert {(entry.event.actor, entry.event.reason, entry.event.dagster_run_id) for entry in entries} == {
        ("ada", "the disk died", "run-1")
    }
    assert entries[0].event.details == {"lost_ledger": f"7:{lost}"}
    kept = champion_ledger.registry.version(PROJECT, 1).facts
    assert [kept[f"lost_ledger.{lost[:8]}.{number}"] for number in (1, 2, 3, 6)] == [
        old[number - 1].hash for number in (1, 2, 3, 6)
    ]
    assert champion_ledger.verified_champion("a test", print).version == 2
    found = next(iter(audit(champion_ledger, tracking)))
    assert found.passed
    assert ", started by ada on 2" in found.subject
    assert found.subject.endswith("in place of a lost ledger of 7 entries")


@pytest.mark.parametrize("call", range(10))
def test_an_interrupted_replacement_of_a_lost_ledger_is_completed_by_the_next_one(
    champion_ledger: ChampionLedger, monkeypatch: pytest.MonkeyPatch, call: int
):
    champion_ledger.record(*FIRST)
    lost = lose(champion_ledger)
    left = iter([*[False] * call, True])

    def dying(real):
        def step(*arguments, **named):
            if next(left, False):
                raise KilledError
            return real(*arguments, **named)

        return step

    with monkeypatch.context() as patched:
        for owner, name in [
            (champion_ledger.registry, one)
            for one in ("set_model_tags", "set_version_tags", "delete_version_tags")
        ]:
            patched.setattr(owner, name, dying(getattr(owner, name)))
        patched.setattr(champion_ledger.ledger, "append", dying(champion_ledger.ledger.append))
        with pytest.raises(KilledError):
            replace_lost_ledger(champion_ledger, "ada", "the disk died")
    if not champion_ledger.ledger.entries():
        replace_lost_ledger(champion_ledger, "ada", "the disk died")
    assert champion_ledger.recover().champion == champion_of(champion_ledger) == 1
    assert champion_ledger.ledger.entries()[0].event.details == {"lost_ledger": f"3:{lost}"}
    assert champion_ledger.review().errors == []


def test_a_ledger_that_exists_or_never_existed_is_not_replaced(
    champion_ledger: ChampionLedger, record_property
):
    with pytest.raises(StoreError, match="garage: there was no ledger that could be lost"):
        replace_lost_ledger(champion_ledger, "ada", "because")
    champion_ledger.record(*FIRST)
    with pytest.raises(StoreError, match="garage: the ledger exists and is not replaced") as caught:
        replace_lost_ledger(champion_ledger, "ada", "because")
    record_property("error", str(caught.value))
    lose(champion_ledger)
    replace_lost_ledger(champion_ledger, "ada", "because")
    with pytest.raises(StoreError, match="garage: the ledger exists"):
        replace_lost_ledger(champion_ledger, "ada", "because")


def test_the_end_of_a_lost_ledger_is_derived_from_the_versions_if_its_tag_is_missing(
    champion_ledger: ChampionLedger, tracking: TrackingStore
):
    champion_ledger.record(*FIRST)
    lost = lose(champion_ledger)
    tracking.client.delete_registered_model_tag(PROJECT, "mlops.ledger_head")
    replace_lost_ledger(champion_ledger, "ada", "because")
    assert champion_ledger.ledger.entries()[0].event.details == {"lost_ledger": f"3:{lost}"}
    assert champion_ledger.review().errors == []


def test_a_lost_ledger_without_champion_is_replaced_with_the_versions(champion_ledger: ChampionLedger):
    champion_ledger.record(*FIRST, event("retired", 1))
    lose(champion_ledger)
    ledger_state = replace_lost_ledger(champion_ledger, "ada", "because")
    assert (ledger_state.champion, ledger_state.states[1]) == (None, "registered")
    assert champion_ledger.verified_champion("a test", print) is None


def test_an_alias_moved_by_hand_is_corrected_by_a_manual_decision(
    champion_ledger: ChampionLedger,
):
    champion_ledger.record(*FIRST)
    champion_ledger.registry.promote(PROJECT, 3)
    with pytest.raises(
        StoreError, match="alias points to version 3, but the champion by the ledger is version 1"
    ):
        champion_ledger.verified_champion("a test", print)
    assert champion_ledger.recover(ignore_alias=True).champion == 1
    champion_ledger.record(event("rolled_back", 1))
    assert champion_ledger.verified_champion("a test", print).version == 1


def test_a_champion_older_than_the_ledger_starts_it(champion_ledger: ChampionLedger):
    champion_ledger.registry.promote(PROJECT, 2)
    assert champion_ledger.verified_champion("a test", print).version == 2
    found = [(entry.event.kind, entry.event.version) for entry in champion_ledger.ledger.entries()]
    assert found == [("registered", 1), ("registered", 2), ("registered", 3), ("promoted", 2)]
    assert champion_ledger.recover().champion == 2


def test_an_audit_waits_for_a_move_in_progress_instead_of_reporting_an_error(
    champion_ledger: ChampionLedger, tracking: TrackingStore, monkeypatch: pytest.MonkeyPatch
):
    champion_ledger.record(*FIRST)
    real, waited = champion_ledger.ledger.append, []

    def meanwhile(entries):  # the registry has the new head, and the ledger not yet the entries
        monkeypatch.setattr(champion_ledger.ledger, "append", real)
        with ThreadPoolExecutor(1) as threads:
            other = ChampionLedger(champion_ledger.ledger, champion_ledger.registry)
            looking = threads.submit(lambda: list(audit(other, tracking, waited.append))[:2])
            while not waited and not looking.done():
                time.sleep(0.01)
            real(entries)
            champion_ledger._update_registry(LedgerState.of(champion_ledger.ledger.entries()), entries)
            turn.close()
            found = looking.result()
        assert [one.errors for one in found] == [(), ()]

    monkeypatch.setattr(champion_ledger.ledger, "append", meanwhile)
    with ExitStack() as turn:
        turn.enter_context(champion_ledger.lock("a test", print))
        champion_ledger.record(*SECOND)
    assert waited


def test_a_deleted_version_does_not_affect_others(champion_ledger: ChampionLedger, tracking: TrackingStore):
    champion_ledger.record(*FIRST)
    champion_ledger.record(*SECOND)
    tracking.client.delete_model_version(PROJECT, "1")
    assert champion_ledger.verified_champion("a test", print).version == 2
    champion_ledger.record(event("registered", 3), event("retired", 2), event("rolled_back", 3))
    champion_ledger.record(event("rejected", 1))
    assert champion_ledger.verified_champion("a test", print).version == 3


def test_a_deleted_champion_is_reported_and_corrected_by_a_manual_decision(
    champion_ledger: ChampionLedger, tracking: TrackingStore, record_property
):
    champion_ledger.record(*FIRST)
    tracking.client.delete_model_version(PROJECT, "1")
    with pytest.raises(StoreError, match="version 1, the champion by the ledger, was deleted") as raised:
        champion_ledger.verified_champion("a test", print)
    record_property("error", str(raised.value))
    assert champion_ledger.recover(ignore_alias=True).champion == 1
    champion_ledger.record(event("retired", 1))
    assert champion_ledger.verified_champion("a test", print) is None
    champion_ledger.record(event("registered", 2), event("gated", 2), event("promoted", 2))
    assert champion_ledger.verified_champion("a test", print).version == 2
