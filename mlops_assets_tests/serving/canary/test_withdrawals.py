"""A withdrawal holds until the ledger has it, also after a restart of the service."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from mlops_assets.core.errors import StoreError
from mlops_assets.serving.canary.withdrawals import Withdrawal, Withdrawals
from mlops_assets.stores.governance.ledger.state import LedgerState
from mlops_assets_tests.support.ledgers import chain, event

WITHDRAWAL = Withdrawal(3, 2, "score_distance 0.4", {"look": 1})
CHALLENGED = event(2, "challenged", details={"mode": "canary", "share": 0.1})


class KnownLedger:
    """A ledger in memory, which may be locked by another program."""

    def __init__(self, *later, fails: bool = False) -> None:
        self.events, self.fails = [event(1), event(2), CHALLENGED, *later], fails
        self.ledger = self

    def entries(self):
        return chain(*self.events)

    def lock(self, *_arguments):
        return nullcontext()

    def recover(self, **_options) -> LedgerState:
        if self.fails:
            raise StoreError("the warehouse is locked")
        return LedgerState.of(self.entries())

    def record(self, recorded) -> None:
        self.events.append(recorded)


def test_a_withdrawal_that_the_ledger_does_not_have_holds_after_a_restart(tmp_path: Path):
    withdrawals, ledger = Withdrawals(tmp_path, "shop"), KnownLedger(fails=True)
    challenger = LedgerState.of(ledger.entries()).challenger
    assert not withdrawals.holds(challenger)
    withdrawals.add(WITHDRAWAL)
    with pytest.raises(StoreError):
        withdrawals.record(ledger, print)
    restarted = Withdrawals(tmp_path, "shop")
    assert restarted.holds(challenger)
    ledger.fails = False
    restarted.record(ledger, print)
    assert (ledger.events[-1].kind, ledger.events[-1].actor) == ("withdrawn", "guardrails")
    assert ledger.events[-1].details == {"challenge": 3, "look": 1}
    assert LedgerState.of(ledger.entries()).challenger is None
    assert Withdrawals(tmp_path, "shop").pending is None


@pytest.mark.parametrize(
    "later", [[event(2, "withdrawn")], [event(2, "withdrawn"), CHALLENGED], [event(1, "retired")]]
)
def test_a_challenge_that_a_person_ended_is_not_withdrawn_again(tmp_path: Path, later: list):
    withdrawals, ledger = Withdrawals(tmp_path, "shop"), KnownLedger(*later)
    withdrawals.add(WITHDRAWAL)
    withdrawals.record(ledger, print)
    assert len(ledger.events) == 3 + len(later)
    assert withdrawals.pending is None


def test_a_withdrawal_holds_although_the_disk_is_full(tmp_path: Path):
    withdrawals = Withdrawals(tmp_path, "shop")
    (tmp_path / "canary").write_text("in the way", "utf-8")
    with pytest.raises(OSError):  # noqa: PT011
        withdrawals.add(WITHDRAWAL)
    assert withdrawals.holds(LedgerState.of(KnownLedger().entries()).challenger)
