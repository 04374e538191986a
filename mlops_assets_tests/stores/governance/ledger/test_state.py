"""The state of versions follows from the events alone."""

from datetime import timedelta

import pytest

from mlops_assets.stores.governance.ledger.challenger import Challenger
from mlops_assets.stores.governance.ledger.state import LedgerState
from mlops_assets_tests.support.ledgers import FIRST, NOON, SECOND, THIRD, chain, event, state_after


def test_before_any_event_there_is_no_champion():
    assert state_after() == LedgerState()
    assert state_after().previous_champion is None


def test_the_status_of_a_version_follows_from_its_last_event():
    found = state_after(*FIRST, *SECOND, ("registered", 3), ("rejected", 3), ("registered", 4), ("gated", 4))
    assert found.states == {1: "retired", 2: "champion", 3: "rejected", 4: "pending"}
    assert (found.champion, found.previous_champion, found.pending) == (2, 1, [4])


def test_each_rollback_goes_back_one_champion():
    champions = (*FIRST, *SECOND, *THIRD)
    once = state_after(*champions, ("retired", 3), ("rolled_back", 2))
    assert (once.champion, once.previous_champion) == (2, 1)
    twice = state_after(*champions, ("retired", 3), ("rolled_back", 2), ("retired", 2), ("rolled_back", 1))
    assert (twice.champion, twice.previous_champion) == (1, None)


def test_a_rollback_may_return_to_the_later_champion():
    found = state_after(
        *FIRST, *SECOND, ("retired", 2), ("rolled_back", 1), ("retired", 1), ("rolled_back", 2)
    )
    assert found.champion == 2
    assert found.ever_champion == {1, 2}
    assert found.previous_champion == 1


@pytest.mark.parametrize(("approved", "on_hold"), [(False, True), (True, False)])
def test_a_rollback_suspends_automatic_promotion_until_an_approval(approved: bool, on_hold: bool):
    approval = (("approved", 3), ("retired", 1), ("promoted", 3)) if approved else ()
    found = state_after(
        *FIRST, *SECOND, ("retired", 2), ("rolled_back", 1), ("registered", 3), ("gated", 3), *approval
    )
    assert found.on_hold is on_hold


def test_after_a_retirement_there_is_no_champion_and_a_rollback_is_possible():
    found = state_after(*FIRST, ("retired", 1))
    assert (found.champion, found.previous_champion) == (None, 1)


CHALLENGED = {"mode": "canary", "share": 0.2, "guardrails": {"latency_ratio": 2.0}}
CANARY = (*(event(1, kind) for kind in ("registered", "gated", "promoted")), event(2), event(2, "gated"))


def challenge(*later: tuple[str, int]) -> LedgerState:
    started = event(2, "challenged", details=CHALLENGED, reason="newer")
    return LedgerState.of(chain(*CANARY, started, *(event(version, kind) for kind, version in later)))


def test_a_challenge_changes_no_status_and_no_champion():
    found = challenge()
    assert (found.champion, found.states, found.pending) == (1, {1: "champion", 2: "pending"}, [2])
    assert found.last[2].event.kind == "gated"
    assert found.challenger == Challenger(
        *(2, "canary", 0.2, {"latency_ratio": 2.0}, 6, NOON + timedelta(hours=5), "ada", "newer", "d2")
    )
    assert found.challenger.description == "version 2 is a canary with 20 % of the traffic"


@pytest.mark.parametrize(
    "later",
    [
        [("withdrawn", 2)],
        [("rejected", 2)],
        [("approved", 2), ("retired", 1), ("promoted", 2)],
        [("retired", 1)],
        [("registered", 3), ("gated", 3), ("retired", 1), ("promoted", 3)],
        [("rolled_back", 1)],
    ],
)
def test_a_challenge_ends_with_the_challenger_or_the_champion(later: list[tuple[str, int]]):
    assert challenge(*later).challenger is None


def test_other_versions_do_not_end_a_challenge():
    later = [("registered", 3), ("rejected", 3), ("signed", 3), ("forgotten", 2), ("withdrawn", 3)]
    assert challenge(*later).challenger is not None


def test_the_files_of_a_rejected_version_stay_while_it_shadows():
    rejected = (event(1), event(1, "promoted"), event(2), event(2, "rejected"), event(3))
    shadow = event(2, "challenged", details={"mode": "shadow", "share": 1.0})
    later = NOON + timedelta(days=9)
    assert LedgerState.of(chain(*rejected)).rejected_before(later) == [2]
    assert LedgerState.of(chain(*rejected, shadow)).rejected_before(later) == []
    assert LedgerState.of(chain(*rejected, shadow, event(2, "withdrawn"))).rejected_before(later) == [2]
