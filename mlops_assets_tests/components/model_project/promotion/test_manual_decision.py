"""The version that a manual decision is about, and the status that it requires."""

from types import SimpleNamespace

import pytest

from mlops_assets.components.model_project.promotion.manual_decision import ManualDecision, resolve_version
from mlops_assets.core.errors import TrackingError
from mlops_assets.stores.governance.ledger.entries import GATES
from mlops_assets.stores.governance.ledger.state import LedgerState
from mlops_assets_tests.support.ledgers import FIRST, SECOND, chain, event, state_after

SHOP = SimpleNamespace(name="shop")
PENDING = (("registered", 3), ("gated", 3), ("registered", 4), ("gated", 4))
STATE = state_after(*FIRST, *SECOND, *PENDING)
EXPIRED = state_after(*FIRST, ("registered", 2), ("rejected", 2), ("expired", 2))
FAILED = LedgerState.of(chain(event(1), event(1, "rejected", actor=GATES, reason="rmse 9")))
APPROVE, REJECT, ROLLBACK, RETIRE = (
    ManualDecision[name] for name in ("approve", "reject", "rollback", "retire")
)


@pytest.mark.parametrize(("decision", "version"), [(APPROVE, 4), (REJECT, 4), (ROLLBACK, 1), (RETIRE, 2)])
def test_each_decision_has_a_default_version(decision, version):
    assert resolve_version(SHOP, STATE, decision, None) == version


@pytest.mark.parametrize(("decision", "version"), [(APPROVE, 3), (REJECT, 3), (ROLLBACK, 1), (RETIRE, 2)])
def test_a_version_whose_status_allows_the_decision_is_accepted(decision, version):
    assert resolve_version(SHOP, STATE, decision, version) == version


@pytest.mark.parametrize(
    ("decision", "message"),
    [
        (APPROVE, "shop: no version is pending approval"),
        (REJECT, "shop: no version is pending approval"),
        (ROLLBACK, "shop: there is no previous champion"),
        (RETIRE, "shop: there is no champion"),
    ],
)
def test_without_a_default_version_the_decision_is_rejected(decision, message):
    with pytest.raises(TrackingError, match=f"{message}\n  hint: see `mlops history shop`"):
        resolve_version(SHOP, LedgerState(), decision, None)


@pytest.mark.parametrize(
    ("decision", "version", "message"),
    [
        (APPROVE, 9, r"version 9 is not in the ledger\n  hint: choose one of 1, 2, 3, 4"),
        (
            APPROVE,
            1,
            r"version 1 is not pending approval: ada retired it \(because\)\n  hint: pending are 3, 4",
        ),
        (REJECT, 2, r"version 2 is not pending approval: ada promoted it \(because\)"),
        (ROLLBACK, 2, r"version 2 is already the champion\n  hint: name a former one with --to"),
        (ROLLBACK, 3, r"version 3 never was the champion\n  hint: choose one of 1, 2"),
        (RETIRE, 1, r"version 1 is not the champion\n  hint: only the champion can be retired"),
    ],
)
def test_a_version_whose_status_does_not_allow_the_decision_is_rejected(decision, version, message):
    with pytest.raises(TrackingError, match=message):
        resolve_version(SHOP, STATE, decision, version)


def test_a_version_that_failed_its_gates_is_approved_only_against_them():
    with pytest.raises(TrackingError, match=r"version 1 failed its gates: rmse 9\n  hint: .*--against-gates"):
        resolve_version(SHOP, FAILED, APPROVE, 1)
    assert resolve_version(SHOP, FAILED, APPROVE, 1, against_gates=True) == 1
    with pytest.raises(TrackingError, match="version 1 is not pending approval: gates rejected it"):
        resolve_version(SHOP, FAILED, REJECT, 1, against_gates=True)


def test_a_version_rejected_by_a_person_is_not_approved_even_against_the_gates():
    state = LedgerState.of(chain(event(1), event(1, "rejected", actor=GATES), event(1, "rejected")))
    with pytest.raises(TrackingError, match="version 1 is not pending approval: ada rejected it"):
        resolve_version(SHOP, state, APPROVE, 1, against_gates=True)


@pytest.mark.parametrize("decision", [APPROVE, REJECT, ROLLBACK, RETIRE])
def test_an_expired_version_allows_no_decision(decision, record_property):
    with pytest.raises(TrackingError, match="shop: version 2 has expired: because") as raised:
        resolve_version(SHOP, EXPIRED, decision, 2, against_gates=True)
    assert "hint: train a new version: mlops run shop --force" in str(raised.value)
    record_property("error", str(raised.value))
