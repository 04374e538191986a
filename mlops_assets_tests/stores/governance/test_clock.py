"""The clock of a machine beside the times of a ledger."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mlops_assets.stores.governance.clock import clock_note, clock_notes
from mlops_assets.stores.governance.ledger.entries import Entry
from mlops_assets.stores.governance.ledger.state import LedgerState
from mlops_assets_tests.support.ledgers import NOON, chain, event

DAY = timedelta(days=1)


def set_back(*hours: float) -> list[Entry]:
    """Entries that were written at these hours after noon, by the clock."""
    events = [event(1), event(1, "rejected"), event(2), event(2, "gated")]
    return [
        replace(entry, at=NOON + timedelta(hours=one))
        for entry, one in zip(chain(*events), hours, strict=True)
    ]


def test_an_entry_with_a_time_before_the_one_before_it_is_described():
    entries = set_back(0, 1, -47, -46)
    assert list(clock_notes(entries, NOON + DAY)) == [
        "ledger entry 3 has the time 2026-02-27 13:00:00 UTC, 2 days before entry 2: the clock was set back, "
        "or was ahead before. The order of entries is their sequence"
    ]


def test_a_clock_that_is_behind_the_ledger_is_described():
    assert clock_note(set_back(0, 1, 2, 3), NOON + timedelta(hours=1.5)) == (
        "the clock of this machine shows 2026-03-01 13:30:00 UTC, 2 hours before ledger entry 4 of "
        "2026-03-01 15:00:00 UTC: the clock was set back, or was ahead before. Set it: ages, reminders and "
        "retention depend on it. The order of versions and of ledger entries does not"
    )
    assert "before ledger entry 2 of" in (clock_note(set_back(0, 1, -5, -4), NOON) or "")


@pytest.mark.parametrize("seconds", [0, 0.9])
def test_clocks_of_several_machines_may_differ_by_a_second(seconds: float):
    entries = set_back(0, 0, -seconds / 3600, 0)
    assert list(clock_notes(entries, NOON - timedelta(seconds=seconds))) == []
    assert clock_note([], NOON) is None


def test_a_version_that_was_rejected_while_the_clock_was_behind_does_not_expire_early():
    state = LedgerState.of(set_back(0, -1_000, 1, 2))
    assert state.last[1].at < NOON - DAY
    assert state.rejected_before(NOON) == []
    assert state.rejected_before(NOON + DAY) == [1]


def test_a_version_is_pending_since_no_earlier_than_the_entry_before():
    assert LedgerState.of(set_back(0, 1, 2, -1_000)).pending_since == {2: NOON + timedelta(hours=2)}
