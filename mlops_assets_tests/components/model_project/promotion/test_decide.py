"""The decision about the champion, without a Dagster run: manual decisions and automatic promotion."""

import os
import pwd
import socket
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from mlops_assets.components.model_project.promotion.decide import ChampionConfig, decide
from mlops_assets.core.command_user import run_of_command
from mlops_assets.core.errors import ProjectError, StoreError, TrackingError
from mlops_assets_tests.support.governed_shop import champion_of, events_of, register_again

LENIENT = {"champion_margin": 10.0}


def decision(shop, *, run_id: str = "0123456789", serving: Path | None = None, **config):
    context = SimpleNamespace(run=SimpleNamespace(run_id=run_id), has_partition_key=False)
    found = ChampionConfig(**{"reason": "because", "actor": "ada", **config})
    return decide(context, shop.project, found, shop.tracking, shop.warehouse, serving)


@pytest.fixture
def shop(champion_shop):
    """A shop with a second version that is pending approval."""
    champion_shop.declare(settings={"gates": LENIENT})
    register_again(champion_shop)
    ledger = champion_shop.champion_ledger
    entries = ledger.ledger.entries()
    ledger.record(*(replace(entry.event, version=2) for entry in entries[:2]))
    return champion_shop


def test_an_approval_promotes_only_when_the_move_is_made(shop):
    found = decision(shop, decision="approve")
    assert (found.candidate.version, found.newest.version) == (2, 2)
    assert found.reason == "version 2 was approved by ada (claimed, by dagster run 01234567): because"
    assert champion_of(shop) == 1
    found.move()
    assert champion_of(shop) == 2
    assert events_of(shop)[-3:] == [("approved", 2), ("retired", 1), ("promoted", 2)]


def test_gates_are_evaluated_again_before_an_approval(shop):
    shop.declare(settings={"gates": {**LENIENT, "minimum": {"accuracy": 1.0}}})
    with pytest.raises(TrackingError, match="shop: version 2 failed its gates: accuracy"):
        decision(shop, decision="approve")
    assert events_of(shop)[-1] == ("rejected", 2)
    found = decision(shop, decision="approve", version=2, against_gates=True)
    found.move()
    assert shop.champion_ledger.ledger.entries()[-3].event.details == {"against_gates": True}


def test_a_rejection_is_recorded_at_once_and_has_no_candidate(shop):
    found = decision(shop, decision="reject", reason=" month of the outage ")
    assert (found.candidate, found.move) == (None, None)
    assert (
        found.reason
        == "version 2 was rejected by ada (claimed, by dagster run 01234567): month of the outage"
    )
    last = shop.champion_ledger.ledger.entries()[-1].event
    assert (last.kind, last.version, last.actor, last.reason) == (
        *("rejected", 2, "ada (claimed, by dagster run 01234567)"),
        "month of the outage",
    )
    assert last.dagster_run_id == "0123456789"


def test_a_version_deleted_from_the_registry_can_be_rejected_but_not_approved(shop):
    shop.tracking.client.delete_model_version("shop", "2")
    with pytest.raises(TrackingError, match="shop has no version 2 in the registry"):
        decision(shop, decision="approve")
    assert decision(shop, decision="reject").newest.version == 1
    assert events_of(shop)[-1] == ("rejected", 2)


def test_without_an_actor_the_dagster_run_is_recorded(shop):
    decision(shop, decision="retire", actor="")
    assert shop.champion_ledger.ledger.entries()[-1].event.actor == "dagster run 01234567"
    assert champion_of(shop) is None


@pytest.mark.parametrize(
    "name", ["approve", "reject", "rollback", "retire", "adopt", "challenge", "withdraw"]
)
def test_every_manual_decision_requires_a_reason(shop, name):
    before = events_of(shop)
    with pytest.raises(ProjectError, match=f"shop: {name} requires a reason\n  hint: the reason is recorded"):
        decision(shop, decision=name, reason=" \n")
    assert events_of(shop) == before


def test_a_rollback_and_a_retirement_correct_an_alias_that_was_moved_by_hand(shop):
    shop.tracking.registry.promote("shop", 2)
    for name in ("approve", "reject"):
        with pytest.raises(StoreError, match="the alias points to version 2"):
            decision(shop, decision=name)
    decision(shop, decision="retire")
    assert champion_of(shop) is None
    decision(shop, decision="rollback").move()
    assert champion_of(shop) == 1


def test_a_version_that_is_the_champion_stays_it(shop):
    run_id = shop.tracking.registry.version("shop", 1).facts["dagster_run_id"]
    shop.tracking.client.delete_model_version("shop", "2")  # registered with the same MLflow run
    found = decision(shop, decision=None, run_id=run_id)
    assert (found.reason, found.move) == ("version 1 is already the champion", None)


def test_a_run_of_a_command_records_its_account_whatever_the_environment_names(shop, monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "auditor")
    with run_of_command():
        decision(shop, decision="retire", actor="")
    account = pwd.getpwuid(os.geteuid()).pw_name
    assert shop.champion_ledger.ledger.entries()[-1].event.actor == f"{account}@{socket.gethostname()}"


@pytest.mark.parametrize("name", ["gates", "retention", "root@vm", "dagster run 01234567"])
def test_a_name_from_the_run_configuration_is_recorded_as_claimed(shop, name):
    decision(shop, decision="reject", version=2, actor=name)
    last = shop.champion_ledger.ledger.entries()[-1].event
    assert last.actor == f"{name} (claimed, by dagster run 01234567)"


def test_a_claimed_name_that_is_not_one_line_is_rejected(shop):
    before = len(shop.champion_ledger.ledger.entries())
    for name in ("ada\napproved by the board", "\x1b[2Jada", "a" * 201):
        with pytest.raises(ProjectError, match="can't be recorded"):
            decision(shop, decision="reject", version=2, actor=name)
    assert len(shop.champion_ledger.ledger.entries()) == before
