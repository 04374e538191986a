"""The champion under gates and manual decisions: rejected, approved, rolled back, and never forged."""

import json
import shutil

import pytest

from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets_tests.support.daemon import checks, failure_message
from mlops_assets_tests.support.governed_shop import (
    LENIENT,
    PENDING,
    champion_of,
    decide,
    events_of,
    findings,
    register_again,
    train,
)
from mlops_assets_tests.support.shop import MONTHS
from mlops_assets_tests.support.swapped_model import move_alias, swap_model

FIFTH, SIXTH, SEVENTH = MONTHS[4:7]


@pytest.fixture
def pending(pending_shop, instance):
    """A shop whose second version has passed its gates and is pending approval."""
    return pending_shop.restored(instance, settings=PENDING)


def test_the_first_champion_is_recorded_with_its_metrics(champion_shop):
    assert events_of(champion_shop) == [("registered", 1), ("gated", 1), ("promoted", 1)]
    registered, gated, _ = Ledger(champion_shop.warehouse, "shop").entries()
    version = champion_shop.tracking.registry.version("shop", 1)
    assert registered.event.details["cutoff"] == FIFTH
    assert registered.event.details["training_set_digest"] == version.facts["training_set_digest"]
    [gate] = gated.event.details["gates"]
    assert gate["gate"] == "better_than_baseline"
    assert gate["passed"]
    assert registered.event.model_digest == version.facts["model_digest"]
    assert not any(findings(champion_shop).values())


def test_a_version_that_fails_a_gate_is_rejected_with_the_reason_and_approved_only_with_the_option(
    champion_shop,
):
    champion_shop.declare(settings={"gates": {**LENIENT, "minimum": {"roc_auc": 0.999999}}})
    result = train(champion_shop, SIXTH)
    assert events_of(champion_shop)[3:] == [("registered", 2), ("rejected", 2)]
    gate = checks(result)["gate_minimum_metrics"]
    assert not gate.passed
    assert "(minimum 1)" in gate.description
    assert "(minimum 1)" in champion_shop.metadata("registered_model", SIXTH)["rejected"]
    assert champion_shop.metadata("champion")["decision"].startswith(
        "version 2 was rejected by gates: roc_auc"
    )
    assert champion_of(champion_shop) == 1
    assert "failed its gates: roc_auc" in failure_message(decide(champion_shop, "approve", version=2))
    assert decide(champion_shop, "approve", version=2, against_gates=True).success
    assert champion_of(champion_shop) == 2


def test_a_version_that_passed_is_pending_until_it_is_approved(pending):
    assert champion_of(pending) == 1
    assert pending.metadata("champion")["decision"] == (
        "version 2 is pending approval, because the project requires approval: mlops approve shop 2"
    )
    assert decide(pending, "approve", reason="looks fine").success
    assert champion_of(pending) == 2
    assert events_of(pending)[3:] == [
        *(("registered", 2), ("gated", 2), ("approved", 2), ("retired", 1), ("promoted", 2)),
    ]
    last = Ledger(pending.warehouse, "shop").entries()[-1].event
    assert last.actor == f"ada (claimed, by dagster run {last.dagster_run_id[:8]})"
    assert last.reason == "looks fine"
    assert pending.metadata("champion")["version"] == 2
    assert not any(findings(pending).values())


INVALID = (
    ("approve", {"reason": " "}, "shop: approve requires a reason"),
    ("approve", {"version": 1}, "shop: version 1 is not pending approval: dagster run"),
    ("approve", {"version": 7}, "shop: version 7 is not in the ledger"),
    ("rollback", {}, "shop: there is no previous champion"),
    ("rollback", {"version": 2}, "shop: version 2 never was the champion"),
    ("rollback", {"version": 1}, "shop: version 1 is already the champion"),
    ("retire", {"version": 2}, "shop: version 2 is not the champion"),
    ("adopt", {}, "shop: the ledger exists and is not replaced"),
)


def test_an_invalid_decision_changes_nothing(pending):
    before = events_of(pending)
    for decision, config, message in INVALID:
        result = decide(pending, decision, **config)
        assert not result.success, (decision, config)
        assert message in failure_message(result)
        assert (events_of(pending), champion_of(pending)) == (before, 1), (decision, config)


def test_a_version_rejected_by_a_person_is_not_promoted(pending):
    assert decide(pending, "reject", reason="month of the outage").success
    assert events_of(pending)[-1] == ("rejected", 2)
    assert "no version is pending approval" in failure_message(decide(pending, "approve"))
    message = failure_message(decide(pending, "approve", version=2))
    assert "is not pending approval: ada (claimed, by dagster run " in message
    assert ") rejected it (month of the outage)" in message
    assert pending.train(SIXTH).success
    assert champion_of(pending) == 1


def test_gates_are_evaluated_again_before_an_approval_if_they_changed(pending, record_property):
    pending.declare(settings={**PENDING, "gates": {**LENIENT, "minimum": {"accuracy": 1.0}}})
    message = failure_message(decide(pending, "approve"))
    record_property("error", message)
    assert "shop: version 2 failed its gates: accuracy" in message
    assert events_of(pending)[3:] == [("registered", 2), ("gated", 2), ("rejected", 2)]
    assert champion_of(pending) == 1
    assert decide(pending, "approve", version=2, against_gates=True).success
    approved = Ledger(pending.warehouse, "shop").entries()[-3].event
    assert (approved.kind, approved.details) == ("approved", {"against_gates": True})


def test_a_rollback_changes_predictions_and_puts_promotion_on_hold(pending):
    assert decide(pending, "approve").success
    pending.declare(settings={"gates": LENIENT})
    assert decide(pending, "rollback", reason="complaints").success
    assert champion_of(pending) == 1
    assert pending.tracking.load_pyfunc("models:/shop@champion").metadata.model_uuid
    assert pending.daemon.run("shop/predictions", partition=SIXTH).success
    assert set(pending.frame("predictions", SIXTH)["model_version"]) == {1}
    train(pending, SEVENTH)
    assert pending.metadata("champion")["decision"] == (
        "version 3 is pending approval, because automatic promotion is on hold after a rollback: "
        "mlops approve shop 3"
    )
    assert champion_of(pending) == 1
    assert decide(pending, "approve", version=3).success
    assert champion_of(pending) == 3


def test_a_version_registered_outside_of_mlops_assets_does_not_affect_others(pending):
    pending.tracking.client.create_model_version("shop", str(pending.root), "f" * 32)
    assert decide(pending, "approve").success
    assert champion_of(pending) == 2
    assert "is not in the ledger" in findings(pending)["version 3"][0]


def test_a_retired_champion_makes_no_predictions_and_can_be_restored(champion_shop):
    assert decide(champion_shop, "retire").success
    assert champion_of(champion_shop) is None
    assert "has no champion" in failure_message(champion_shop.daemon.run("shop/predictions", partition=FIFTH))
    assert decide(champion_shop, "rollback").success
    assert champion_of(champion_shop) == 1


def test_a_lost_ledger_is_replaced_by_a_manual_decision(champion_shop, record_property):
    shutil.rmtree(champion_shop.state.warehouse / "shop" / "ledger")
    stopped = failure_message(champion_shop.daemon.run("shop/predictions", partition=FIFTH))
    assert "the ledger is missing; the registry recorded 3 entries" in stopped
    record_property("error", stopped)
    assert decide(champion_shop, "adopt", reason="the disk died").success
    assert events_of(champion_shop) == [("registered", 1), ("promoted", 1)]
    decided = champion_shop.metadata("champion")["decision"]
    assert decided.startswith("a new ledger was started by ada (claimed, by dagster run ")
    assert decided.endswith("), version 1 is champion: the disk died")
    assert not any(findings(champion_shop).values())
    assert champion_shop.daemon.run("shop/predictions", partition=FIFTH).success
    assert train(champion_shop, SIXTH).success
    assert events_of(champion_shop)[2:4] == [("registered", 2), ("gated", 2)]


def test_one_byte_changed_in_the_ledger_stops_predictions_and_promotions(champion_shop):
    [file] = sorted((champion_shop.state.warehouse / "shop" / "ledger").glob("*.parquet"))[-1:]
    content = bytearray(file.read_bytes())
    content[content.index(b"dagster run") + 8] ^= 1
    file.write_bytes(content)
    for result in (champion_shop.daemon.run("shop/predictions", partition=FIFTH), champion_shop.train(FIFTH)):
        assert not result.success
        assert "ledger" in failure_message(result)
    assert any(errors for subject, errors in findings(champion_shop).items() if subject.startswith("ledger"))


def test_an_artifact_with_one_changed_byte_is_detected_and_not_opened(champion_shop):
    version = champion_shop.tracking.registry.version("shop", 1)
    with champion_shop.tracking.files(version.uri) as folder:
        name = next(path.name for path in folder.iterdir() if path.suffix == ".skops")
    [file] = [
        path for path in champion_shop.state.mlflow.rglob(name) if version.uri.rsplit("/", 1)[-1] in str(path)
    ][:1]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert any("does not match the manifest" in error for error in findings(champion_shop)["version 1"])
    result = champion_shop.daemon.run("shop/predictions", partition=FIFTH)
    assert f"shop version 1 ({version.uri}): {name} does not match the manifest" in failure_message(result)


def test_gate_results_are_recorded_with_the_champion_of_the_comparison(pending):
    gated = Ledger(pending.warehouse, "shop").entries()[-1].event
    assert gated.details["against"] == 1
    names = [gate["gate"] for gate in gated.details["gates"]]
    assert names == ["better_than_baseline", "not_worse_than_champion"]
    assert json.loads(json.dumps(gated.details)) == gated.details


def test_a_replaced_manifest_is_detected_in_artifact_and_registry(champion_shop):
    version = champion_shop.tracking.registry.version("shop", 1)
    known = version.facts["model_manifest"]
    registered = Ledger(champion_shop.warehouse, "shop").entries()[0].event
    assert registered.details["model_manifest"] == known != registered.details["evaluated_manifest"]
    champion_shop.tracking.registry.set_version_tags("shop", 1, {"model_manifest": "0" * 64})
    errors = findings(champion_shop)["version 1"]
    shown = f"model_manifest is {'0' * 12}… in MLflow and {known[:12]}… in the ledger"
    assert errors == (f"differs from the ledger: {shown}",)  # the files are those of the ledger
    result = champion_shop.daemon.run("shop/predictions", partition=FIFTH)
    assert f"is not the one that the ledger records: {shown}" in failure_message(result)


def test_a_swapped_model_with_matching_tags_is_refused_before_it_is_opened(
    champion_shop, monkeypatch, record_property
):
    tracking = champion_shop.tracking
    swap_model(tracking, "shop", 1)
    assert tracking.load(tracking.registry.version("shop", 1))  # its tags alone do not reveal it

    def opened(folder):
        raise AssertionError(f"{folder} was opened")

    monkeypatch.setattr("mlops_assets.ml.model.artifact.load_model", opened)
    predicted = champion_shop.daemon.run("shop/predictions", partition=FIFTH)
    message = failure_message(predicted)
    assert "shop: version 1 in MLflow is not the one that the ledger records: model_digest is " in message
    assert "model_manifest is " in message
    record_property("error", message)
    job = champion_shop.daemon.defs.resolve_job_def("shop_reproduce")
    config = {"ops": {"shop__reproduce": {"config": {"version": 1}}}}
    reproduced = job.execute_in_process(
        instance=champion_shop.instance, run_config=config, raise_on_error=False
    )
    assert "is not the one that the ledger records" in failure_message(reproduced)
    errors = findings(champion_shop)["version 1"]
    assert any(error.startswith("differs from the ledger: model_digest is ") for error in errors)
    assert any("its manifest differs" in error for error in errors)

    recorded = Ledger(champion_shop.warehouse, "shop").entries()[0].event
    facts = {"model_digest": recorded.model_digest, "model_manifest": recorded.details["model_manifest"]}
    tracking.registry.set_version_tags("shop", 1, facts)  # the tags of the ledger, and the swapped files
    predicted = champion_shop.daemon.run("shop/predictions", partition=FIFTH)
    assert "its manifest differs" in failure_message(predicted)


def test_an_alias_moved_in_the_database_of_mlflow_stops_predictions(champion_shop):
    register_again(champion_shop)
    move_alias(champion_shop.state.mlflow / "mlflow.db", "shop", 2)
    predicted = champion_shop.daemon.run("shop/predictions", partition=FIFTH)
    assert "the alias points to version 2, but the champion by the ledger is version 1" in failure_message(
        predicted
    )
