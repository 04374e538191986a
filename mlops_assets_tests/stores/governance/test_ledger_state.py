"""Where versions stand follows from the events alone."""

import pytest

from mlops_assets.stores.governance.ledger_state import Standing
from mlops_assets_tests.support.ledgers import FIRST, SECOND, THIRD, standing


def test_before_any_event_there_is_no_champion():
    assert standing() == Standing()
    assert standing().before_champion is None


def test_each_version_stands_where_its_last_event_left_it():
    found = standing(*FIRST, *SECOND, ("registered", 3), ("rejected", 3), ("registered", 4), ("gated", 4))
    assert found.states == {1: "retired", 2: "champion", 3: "rejected", 4: "waiting"}
    assert (found.champion, found.before_champion, found.waiting) == (2, 1, [4])


def test_going_back_twice_goes_further_back_each_time():
    line = (*FIRST, *SECOND, *THIRD)
    once = standing(*line, ("retired", 3), ("rolled_back", 2))
    assert (once.champion, once.before_champion) == (2, 1)
    twice = standing(*line, ("retired", 3), ("rolled_back", 2), ("retired", 2), ("rolled_back", 1))
    assert (twice.champion, twice.before_champion) == (1, None)


def test_one_may_go_forward_again_to_who_was_champion():
    found = standing(*FIRST, *SECOND, ("retired", 2), ("rolled_back", 1), ("retired", 1), ("rolled_back", 2))
    assert found.champion == 2
    assert found.were_champion == {1, 2}
    assert found.before_champion == 1


@pytest.mark.parametrize(("approved", "held"), [(False, True), (True, False)])
def test_a_rollback_holds_the_champion_until_somebody_approves(approved: bool, held: bool):
    word = (("approved", 3), ("retired", 1), ("promoted", 3)) if approved else ()
    found = standing(
        *FIRST, *SECOND, ("retired", 2), ("rolled_back", 1), ("registered", 3), ("gated", 3), *word
    )
    assert found.held is held


def test_a_champion_that_was_retired_leaves_nobody_and_can_be_brought_back():
    found = standing(*FIRST, ("retired", 1))
    assert (found.champion, found.before_champion) == (None, 1)
