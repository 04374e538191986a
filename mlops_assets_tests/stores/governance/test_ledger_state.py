"""The state of versions follows from the events alone."""

import pytest

from mlops_assets.stores.governance.ledger_state import LedgerState
from mlops_assets_tests.support.ledgers import FIRST, SECOND, THIRD, state_after


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
