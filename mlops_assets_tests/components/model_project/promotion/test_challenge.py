"""Decisions about a challenger: which versions may shadow or take traffic, and what the ledger records."""

import pytest

from mlops_assets.components.model_project.promotion.challenge import Challenge, resolve_challenger
from mlops_assets.core.errors import TrackingError
from mlops_assets.stores.governance.challenge_report import write_report
from mlops_assets.stores.governance.ledger.state import LedgerState
from mlops_assets_tests.components.model_project.promotion.test_decide import decision, shop
from mlops_assets_tests.support.governed_shop import champion_of, events_of, findings
from mlops_assets_tests.support.ledgers import FIRST, SECOND, chain, event, state_after

__all__ = ["shop"]
STATE = state_after(
    *(*FIRST, *SECOND, ("registered", 3), ("rejected", 3), ("registered", 4), ("gated", 4)),
    *(("registered", 5), ("rejected", 5), ("expired", 5)),
)


def chosen(mode: str, version: int | None = None, state: LedgerState = STATE) -> int:
    return resolve_challenger("shop", state, Challenge(version, mode, None, {}))


def test_the_newest_version_that_passed_its_gates_challenges_by_default():
    assert (chosen("canary"), chosen("shadow")) == (4, 4)


@pytest.mark.parametrize("version", [1, 3])
def test_rejected_and_retired_versions_may_shadow_and_not_answer(version: int):
    assert chosen("shadow", version) == version
    with pytest.raises(TrackingError, match=f"version {version} may not answer requests.*\n.* --shadow"):
        chosen("canary", version)


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (2, "version 2 is the champion"),
        (5, "version 5 has expired: because"),
        (9, r"version 9 is not in the ledger\n  hint: choose one of 1, 2, 3, 4, 5"),
    ],
)
def test_a_version_that_can_not_challenge_is_an_error(version: int, message: str):
    with pytest.raises(TrackingError, match=f"shop: {message}"):
        chosen("shadow", version)


def test_a_challenge_requires_a_champion_a_version_and_no_other_challenger():
    with pytest.raises(TrackingError, match="there is no champion to compare a version with"):
        chosen("canary", state=LedgerState())
    with pytest.raises(TrackingError, match="no version passed its gates and is not the champion"):
        chosen("canary", state=state_after(*FIRST))
    started = event(2, "challenged", details={"mode": "shadow", "share": 1.0})
    state = LedgerState.of(chain(event(1), event(1, "promoted"), event(2), started))
    with pytest.raises(TrackingError, match=r"version 2 is a shadow of 100 % of the traffic, since 2026-03"):
        chosen("canary", state=state)


def test_a_withdrawn_challenger_is_pending_as_before_and_the_promotion_of_one_records_its_statistics(
    shop, tmp_path
):
    decision(shop, decision="challenge", mode="shadow")
    write_report(tmp_path, "shop", "run-1", {"challenge": 1, "of": "another challenge"})
    found = decision(shop, decision="withdraw", reason="enough rows", serving=tmp_path)
    assert found.reason == "version 2 was withdrawn by ada (claimed, by dagster run 01234567): enough rows"
    assert events_of(shop)[-2:] == [("challenged", 2), ("withdrawn", 2)]
    state = shop.champion_ledger.review().state
    assert (state.challenger, state.pending) == (None, [2])
    with pytest.raises(TrackingError, match="shop: no version challenges the champion"):
        decision(shop, decision="withdraw")

    found = decision(shop, decision="challenge", share=0.25)
    assert found.reason == "version 2 is a canary with 25 % of the traffic; the champion is version 1"
    assert (found.move, champion_of(shop)) == (None, 1)
    entry = shop.champion_ledger.ledger.entries()[-1]
    assert (entry.event.kind, entry.event.actor) == ("challenged", "ada (claimed, by dagster run 01234567)")
    assert entry.event.details["share"] == 0.25
    assert entry.event.details["guardrails"]["error_rate_difference"] == 0.02

    of_two_services = [{"challenge": entry.sequence, "checks": [], "at": at} for at in (2, 1)]
    for report in of_two_services:
        write_report(tmp_path, "shop", f"run-{report['at']}", report)
    decision(shop, decision="approve", serving=tmp_path).move()
    approved = shop.champion_ledger.ledger.entries()[-3].event
    assert (approved.kind, approved.version) == ("approved", 2)
    assert approved.details == {"canary": of_two_services[0], "other_services": [of_two_services[1]]}
    assert shop.champion_ledger.review().state.challenger is None
    assert not any(findings(shop).values())
