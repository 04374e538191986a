"""Moves of the champion: killed between any two steps, made by two at once, or forged."""

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
from mlops_assets.stores.governance.champion_ledger import Governance
from mlops_assets.stores.governance.ledger import Entry, Event, Ledger
from mlops_assets.stores.governance.ledger_state import Standing
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.garage import StartRun

PROJECT = "garage"


@pytest.fixture
def ledger(warehouse: Warehouse) -> Ledger:
    return Ledger(warehouse, PROJECT)


@pytest.fixture
def governance(tracking: TrackingStore, run: StartRun, ledger: Ledger, tmp_path: Path) -> Governance:
    """Of a project with three versions, none of which serves."""
    tracking.client.create_registered_model(PROJECT)
    for _ in range(3):
        tracking.client.create_model_version(PROJECT, str(tmp_path), run())
    return Governance(ledger, tracking.registry)


def event(kind: str, version: int) -> Event:
    return Event(kind, version, "ada", "because", f"digest-{version}")


FIRST = (event("registered", 1), event("gated", 1), event("promoted", 1))
SECOND = (event("registered", 2), event("gated", 2), event("retired", 1), event("promoted", 2))


def serving(governance: Governance) -> int | None:
    found = governance.registry.champion(PROJECT)
    return found.version if found else None


def test_the_alias_follows_the_ledger(governance: Governance):
    assert serving(governance) is None
    governance.record(*FIRST)
    assert serving(governance) == 1
    governance.record(*SECOND)
    assert serving(governance) == 2
    governance.record(event("retired", 2))
    assert serving(governance) is None
    assert governance.review().faults == []
    assert governance.repaired() == Standing.of(governance.ledger.entries())


class KilledError(Exception):
    pass


STEPS = ("set_model_tags", "append", "promote", "set_version_tags")
"""What a move calls, in its order."""


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_a_move_that_was_killed_at_any_step_happened_wholly_or_not_at_all(
    governance: Governance, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
):
    governance.record(*FIRST)
    owner = governance.ledger if step == "append" else governance.registry
    real = getattr(owner, step)

    def killed(*arguments, **named):
        if after:
            real(*arguments, **named)
        raise KilledError

    monkeypatch.setattr(owner, step, killed)
    with pytest.raises(KilledError):
        governance.record(*SECOND)
    monkeypatch.setattr(owner, step, real)
    happened = len(governance.ledger.entries()) == len(FIRST) + len(SECOND)
    assert happened is (
        (step, after) not in [("set_model_tags", False), ("set_model_tags", True), ("append", False)]
    )
    standing = governance.repaired()
    assert standing.champion == serving(governance) == (2 if happened else 1)
    review = governance.review()
    assert (review.faults, review.alias_fault, review.unfinished) == ([], None, [])
    if not happened:
        governance.record(*SECOND)
    assert serving(governance) == 2
    assert governance.review().faults == []


def test_two_moves_at_once_take_turns_and_agree(governance: Governance, processes: BaseContext):
    governance.record(*FIRST)
    uri, root = governance.registry.uri, governance.ledger.warehouse.root
    movers = [processes.Process(target=_move, args=(uri, root, version)) for version in (2, 3)]
    for mover in movers:
        mover.start()
    for mover in movers:
        mover.join()
        assert mover.exitcode == 0
    review = governance.review()
    assert (review.faults, review.alias_fault, review.unfinished) == ([], None, [])
    assert [entry.event.kind for entry in review.entries[3:]] == ["retired", "promoted"] * 2
    assert serving(governance) == review.standing.champion
    assert set(review.standing.line) == {1, 2, 3}


def _move(uri: str, root: Path, version: int) -> None:
    governance = Governance(Ledger(Warehouse(root), PROJECT), TrackingStore(uri).registry)
    with governance.turn("a test", print):
        champion = governance.repaired().champion
        governance.record(event("retired", champion), event("promoted", version))


def rewritten(ledger: Ledger, change: Callable[[list[Entry]], list[Entry]]) -> None:
    """Write the table anew, with every hash as it should be."""
    entries = change(ledger.entries())
    shutil.rmtree(ledger.warehouse.root / PROJECT / "ledger")
    sealed: list[Entry] = []
    for entry in entries:
        sealed.append(Entry.after(sealed[-1] if sealed else None, entry.event, entry.at))
    ledger.append(sealed)


def without_the_last(entries: list[Entry]) -> list[Entry]:
    return entries[:-1]


def with_another_reason(entries: list[Entry]) -> list[Entry]:
    told = Event("promoted", 1, "eve", "because", "digest-1")
    return [*entries[:2], Entry.after(entries[1], told, entries[2].at), *entries[3:]]


def with_one_more(entries: list[Entry]) -> list[Entry]:
    return [*entries, Entry.after(entries[-1], event("promoted", 3), entries[-1].at)]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (without_the_last, "ledger entry 7, of version 2, is gone"),
        (with_another_reason, "ledger entry 3 is not the one that version 1 was told of"),
        (with_one_more, "the ledger ends in 8:"),
    ],
)
def test_a_table_that_was_rewritten_to_its_end_is_found(governance: Governance, ledger, change, told: str):
    governance.record(*FIRST)
    governance.record(*SECOND)
    rewritten(ledger, change)
    assert any(told in fault for fault in governance.review().faults)
    with pytest.raises(StoreError, match=r"garage: .*ledger"):
        governance.serving("a test", print)


def test_a_ledger_that_was_removed_is_found(governance: Governance, ledger: Ledger):
    governance.record(*FIRST)
    shutil.rmtree(ledger.warehouse.root / PROJECT / "ledger")
    told = "garage: the ledger is gone, and the registry was told of 3 entries"
    with pytest.raises(StoreError, match=told) as caught:
        governance.serving("a test", print)
    assert "mlops adopt garage --reason" in caught.value.hint


def lose(governance: Governance) -> str:
    """Remove the table; returns its last hash."""
    lost = governance.ledger.entries()[-1].hash
    shutil.rmtree(governance.ledger.warehouse.root / PROJECT / "ledger")
    return lost


def test_a_lost_ledger_begins_anew_with_what_the_registry_has(
    governance: Governance, tracking: TrackingStore
):
    governance.record(*FIRST)
    governance.record(*SECOND)
    old = governance.ledger.entries()
    lost = lose(governance)
    governance.begin_anew("ada", "the disk died", "run-1")
    entries = governance.ledger.entries()
    assert [(entry.event.kind, entry.event.version) for entry in entries] == [
        *(("registered", 1), ("registered", 2), ("registered", 3), ("promoted", 2))
    ]
    assert {(entry.event.actor, entry.event.reason, entry.event.dagster_run_id) for entry in entries} == {
        ("ada", "the disk died", "run-1")
    }
    assert entries[0].event.details == {"lost_ledger": f"7:{lost}"}
    kept = governance.registry.version(PROJECT, 1).facts
    assert [kept[f"lost_ledger.{lost[:8]}.{number}"] for number in (1, 2, 3, 6)] == [
        old[number - 1].hash for number in (1, 2, 3, 6)
    ]
    assert governance.serving("a test", print).version == 2
    found = next(iter(audit(governance, tracking)))
    assert found.passed
    assert ", begun anew by ada on 2" in found.subject
    assert found.subject.endswith("after one of 7 was lost")


@pytest.mark.parametrize("call", range(10))
def test_a_ledger_that_was_killed_while_it_began_anew_begins_with_the_next_word(
    governance: Governance, monkeypatch: pytest.MonkeyPatch, call: int
):
    governance.record(*FIRST)
    lost = lose(governance)
    left = iter([*[False] * call, True])

    def dying(real):
        def step(*arguments, **named):
            if next(left, False):
                raise KilledError
            return real(*arguments, **named)

        return step

    with monkeypatch.context() as patched:
        for name in ("set_model_tags", "set_version_tags", "delete_version_tags"):
            patched.setattr(governance.registry, name, dying(getattr(governance.registry, name)))
        patched.setattr(governance.ledger, "append", dying(governance.ledger.append))
        with pytest.raises(KilledError):
            governance.begin_anew("ada", "the disk died")
    if not governance.ledger.entries():
        governance.begin_anew("ada", "the disk died")
    assert governance.repaired().champion == serving(governance) == 1
    assert governance.ledger.entries()[0].event.details == {"lost_ledger": f"3:{lost}"}
    assert governance.review().faults == []


def test_a_ledger_that_is_there_or_never_was_is_not_begun_anew(governance: Governance, record_property):
    with pytest.raises(StoreError, match="garage: there was no ledger that could be lost"):
        governance.begin_anew("ada", "because")
    governance.record(*FIRST)
    with pytest.raises(StoreError, match="garage: there is a ledger, and it is not begun anew") as caught:
        governance.begin_anew("ada", "because")
    record_property("told", str(caught.value))
    lose(governance)
    governance.begin_anew("ada", "because")
    with pytest.raises(StoreError, match="garage: there is a ledger"):
        governance.begin_anew("ada", "because")


def test_a_lost_ledger_is_told_by_the_hashes_of_its_versions_where_its_last_one_is_gone(
    governance: Governance, tracking: TrackingStore
):
    governance.record(*FIRST)
    lost = lose(governance)
    tracking.client.delete_registered_model_tag(PROJECT, "mlops.ledger_head")
    governance.begin_anew("ada", "because")
    assert governance.ledger.entries()[0].event.details == {"lost_ledger": f"3:{lost}"}
    assert governance.review().faults == []


def test_a_lost_ledger_without_champion_begins_with_the_versions(governance: Governance):
    governance.record(*FIRST, event("retired", 1))
    lose(governance)
    standing = governance.begin_anew("ada", "because")
    assert (standing.champion, standing.states[1]) == (None, "registered")
    assert governance.serving("a test", print) is None


def test_an_alias_that_was_moved_by_hand_is_found_and_a_word_mends_it(governance: Governance):
    governance.record(*FIRST)
    governance.registry.promote(PROJECT, 3)
    with pytest.raises(StoreError, match="the alias is at version 3, and by the ledger version 1 is"):
        governance.serving("a test", print)
    assert governance.repaired(by_word=True).champion == 1
    governance.record(event("rolled_back", 1))
    assert governance.serving("a test", print).version == 1


def test_a_champion_from_before_there_was_a_ledger_begins_it(governance: Governance):
    governance.registry.promote(PROJECT, 2)
    assert governance.serving("a test", print).version == 2
    told = [(entry.event.kind, entry.event.version) for entry in governance.ledger.entries()]
    assert told == [("registered", 1), ("registered", 2), ("registered", 3), ("promoted", 2)]
    assert governance.repaired().champion == 2


def test_an_audit_during_a_move_waits_for_it_instead_of_calling_it_a_fault(
    governance: Governance, tracking: TrackingStore, monkeypatch: pytest.MonkeyPatch
):
    governance.record(*FIRST)
    real, waited = governance.ledger.append, []

    def meanwhile(entries):  # the registry was told, and the ledger not yet
        monkeypatch.setattr(governance.ledger, "append", real)
        with ThreadPoolExecutor(1) as threads:
            other = Governance(governance.ledger, governance.registry)
            looking = threads.submit(lambda: list(audit(other, tracking, waited.append))[:2])
            while not waited and not looking.done():
                time.sleep(0.01)
            real(entries)
            governance._follow(Standing.of(governance.ledger.entries()), entries)
            turn.close()
            found = looking.result()
        assert [one.faults for one in found] == [(), ()]

    monkeypatch.setattr(governance.ledger, "append", meanwhile)
    with ExitStack() as turn:
        turn.enter_context(governance.turn("a test", print))
        governance.record(*SECOND)
    assert waited


def test_a_version_that_was_deleted_stops_nothing_else(governance: Governance, tracking: TrackingStore):
    governance.record(*FIRST)
    governance.record(*SECOND)
    tracking.client.delete_model_version(PROJECT, "1")
    assert governance.serving("a test", print).version == 2
    governance.record(event("retired", 2), event("rolled_back", 3), event("rejected", 1))
    assert governance.serving("a test", print).version == 3


def test_a_champion_that_was_deleted_is_told_and_a_word_mends_it(
    governance: Governance, tracking: TrackingStore, record_property
):
    governance.record(*FIRST)
    tracking.client.delete_model_version(PROJECT, "1")
    with pytest.raises(StoreError, match="version 1, by the ledger the champion, was deleted") as raised:
        governance.serving("a test", print)
    record_property("told", str(raised.value))
    assert governance.repaired(by_word=True).champion == 1
    governance.record(event("retired", 1))
    assert governance.serving("a test", print) is None
    governance.record(event("registered", 2), event("gated", 2), event("promoted", 2))
    assert governance.serving("a test", print).version == 2
