"""A champion under gates and people's words: kept out, let in, brought back, and never forged."""

import json
import shutil

import pytest

from mlops_assets.stores.governance.ledger import Ledger
from mlops_assets_tests.support.daemon import checks, failure_message
from mlops_assets_tests.support.governed_shop import findings, say, serving, story, train
from mlops_assets_tests.support.shop import MONTHS

FIFTH, SIXTH, SEVENTH = MONTHS[4:7]
LENIENT = {"champion_margin": 10.0}
ASKS = {"gates": LENIENT, "approval": {"required": True}}


@pytest.fixture
def asking(champion_shop):
    """A shop whose second version has passed its gates and waits for approval."""
    champion_shop.declare(settings=ASKS)
    train(champion_shop, SIXTH)
    return champion_shop


def test_the_first_champion_is_in_the_ledger_with_its_figures(champion_shop):
    assert story(champion_shop) == [("registered", 1), ("gated", 1), ("promoted", 1)]
    registered, gated, _ = Ledger(champion_shop.warehouse, "shop").entries()
    version = champion_shop.tracking.registry.version("shop", 1)
    assert registered.event.details["cutoff"] == FIFTH
    assert registered.event.details["training_set_digest"] == version.facts["training_set_digest"]
    [gate] = gated.event.details["gates"]
    assert gate["gate"] == "better_than_baseline"
    assert gate["passed"]
    assert registered.event.model_digest == version.facts["model_digest"]
    assert not any(findings(champion_shop).values())


def test_a_version_that_fails_a_gate_is_registered_as_rejected_with_its_reasons(champion_shop):
    champion_shop.declare(settings={"gates": {**LENIENT, "minimum": {"roc_auc": 0.999999}}})
    result = train(champion_shop, SIXTH)
    assert story(champion_shop)[3:] == [("registered", 2), ("rejected", 2)]
    gate = checks(result)["gate_minimum_metrics"]
    assert not gate.passed
    assert "which must be at least 1" in gate.description
    assert "which must be at least 1" in champion_shop.metadata("registered_model", SIXTH)["rejected"]
    assert champion_shop.metadata("champion")["decision"].startswith(
        "version 2 was rejected by gates: roc_auc"
    )
    assert serving(champion_shop) == 1


def test_a_version_that_passed_waits_and_is_let_in_by_a_word(asking):
    assert serving(asking) == 1
    assert asking.metadata("champion")["decision"] == (
        "version 2 waits for approval, because approval is required: mlops approve shop 2"
    )
    assert say(asking, "approve", reason="looks fine").success
    assert serving(asking) == 2
    assert story(asking)[3:] == [
        *(("registered", 2), ("gated", 2), ("approved", 2), ("retired", 1), ("promoted", 2)),
    ]
    last = Ledger(asking.warehouse, "shop").entries()[-1].event
    assert (last.actor, last.reason) == ("ada", "looks fine")
    assert asking.metadata("champion")["version"] == 2
    assert not any(findings(asking).values())


UNFIT = (
    ("approve", {"reason": " "}, "shop: approve needs a reason"),
    ("approve", {"version": 1}, "shop: version 1 does not wait for approval: dagster run"),
    ("approve", {"version": 7}, "shop: version 7 is not in the ledger"),
    ("rollback", {}, "shop: no version was champion before this one"),
    ("rollback", {"version": 2}, "shop: version 2 never was champion"),
    ("rollback", {"version": 1}, "shop: version 1 is the champion already"),
    ("retire", {"version": 2}, "shop: version 2 is not the champion"),
    ("adopt", {}, "shop: there is a ledger, and it is not begun anew"),
)


def test_a_word_that_does_not_fit_changes_nothing(asking):
    before = story(asking)
    for word, config, told in UNFIT:
        result = say(asking, word, **config)
        assert not result.success, (word, config)
        assert told in failure_message(result)
        assert (story(asking), serving(asking)) == (before, 1), (word, config)


def test_who_was_rejected_by_a_person_stays_out(asking):
    assert say(asking, "reject", reason="month of the outage").success
    assert story(asking)[-1] == ("rejected", 2)
    assert "no version waits for approval" in failure_message(say(asking, "approve"))
    told = failure_message(say(asking, "approve", version=2))
    assert "does not wait for approval: ada rejected it (month of the outage)" in told
    assert asking.train(SIXTH).success
    assert serving(asking) == 1


def test_one_that_failed_its_gates_is_approved_only_in_so_many_words(champion_shop):
    champion_shop.declare(settings={"gates": {"champion_margin": 0.0, "minimum": {"accuracy": 1.0}}})
    train(champion_shop, SIXTH)
    assert "failed its gates: accuracy" in failure_message(say(champion_shop, "approve", version=2))
    assert say(champion_shop, "approve", version=2, against_gates=True).success
    assert serving(champion_shop) == 2


def test_who_waited_while_the_gates_changed_is_judged_again_before_it_is_let_in(asking, record_property):
    asking.declare(settings={**ASKS, "gates": {**LENIENT, "minimum": {"accuracy": 1.0}}})
    told = failure_message(say(asking, "approve"))
    record_property("told", told)
    assert "shop: version 2 failed its gates: accuracy" in told
    assert story(asking)[3:] == [("registered", 2), ("gated", 2), ("rejected", 2)]
    assert serving(asking) == 1
    assert say(asking, "approve", version=2, against_gates=True).success
    approved = Ledger(asking.warehouse, "shop").entries()[-3].event
    assert (approved.kind, approved.details) == ("approved", {"against_gates": True})


def test_after_a_rollback_predictions_follow_and_the_next_training_asks(asking):
    assert say(asking, "approve").success
    asking.declare(settings={"gates": LENIENT})
    assert say(asking, "rollback", reason="complaints").success
    assert serving(asking) == 1
    assert asking.tracking.load_pyfunc("models:/shop@champion").metadata.model_uuid
    assert asking.daemon.run("shop/predictions", partition=SIXTH).success
    assert set(asking.frame("predictions", SIXTH)["model_version"]) == {1}
    train(asking, SEVENTH)
    assert asking.metadata("champion")["decision"] == (
        "version 3 waits for approval, because a rollback holds the champion: mlops approve shop 3"
    )
    assert serving(asking) == 1
    assert say(asking, "approve", version=3).success
    assert serving(asking) == 3


def test_a_version_that_somebody_registered_by_hand_is_in_nobodys_way(asking):
    asking.tracking.client.create_model_version("shop", str(asking.root), "f" * 32)
    assert say(asking, "approve").success
    assert serving(asking) == 2
    assert "is not in the ledger" in findings(asking)["version 3"][0]


def test_a_retired_champion_serves_no_more_and_can_be_brought_back(champion_shop):
    assert say(champion_shop, "retire").success
    assert serving(champion_shop) is None
    assert "has no champion" in failure_message(champion_shop.daemon.run("shop/predictions", partition=FIFTH))
    assert say(champion_shop, "rollback").success
    assert serving(champion_shop) == 1


def test_after_the_ledger_was_lost_a_word_begins_a_new_one_with_the_champion(champion_shop, record_property):
    shutil.rmtree(champion_shop.state.warehouse / "shop" / "ledger")
    stopped = failure_message(champion_shop.daemon.run("shop/predictions", partition=FIFTH))
    assert "the ledger is gone, and the registry was told of 3 entries" in stopped
    record_property("told", stopped)
    assert say(champion_shop, "adopt", reason="the disk died").success
    assert story(champion_shop) == [("registered", 1), ("promoted", 1)]
    assert champion_shop.metadata("champion")["decision"] == (
        "the ledger is begun anew by ada, version 1 serves: the disk died"
    )
    assert not any(findings(champion_shop).values())
    assert champion_shop.daemon.run("shop/predictions", partition=FIFTH).success
    assert train(champion_shop, SIXTH).success
    assert story(champion_shop)[2:4] == [("registered", 2), ("gated", 2)]


def test_one_byte_changed_in_the_ledger_stops_predictions_and_promotions(champion_shop):
    [file] = sorted((champion_shop.state.warehouse / "shop" / "ledger").glob("*.parquet"))[-1:]
    content = bytearray(file.read_bytes())
    content[content.index(b"dagster run") + 8] ^= 1
    file.write_bytes(content)
    for result in (champion_shop.daemon.run("shop/predictions", partition=FIFTH), champion_shop.train(FIFTH)):
        assert not result.success
        assert "ledger" in failure_message(result)
    assert any(told for subject, told in findings(champion_shop).items() if subject.startswith("ledger"))


def test_one_byte_changed_in_an_artifact_is_found_and_not_opened(champion_shop):
    version = champion_shop.tracking.registry.version("shop", 1)
    with champion_shop.tracking.files(version.uri) as folder:
        name = next(path.name for path in folder.iterdir() if path.suffix == ".skops")
    [file] = [
        path for path in champion_shop.state.mlflow.rglob(name) if version.uri.rsplit("/", 1)[-1] in str(path)
    ][:1]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert any("is not the file that was written" in told for told in findings(champion_shop)["version 1"])
    result = champion_shop.daemon.run("shop/predictions", partition=FIFTH)
    assert f"shop version 1 ({version.uri}): {name} is not the file that was written" in failure_message(
        result
    )


def test_the_ledgers_details_are_json_that_says_what_was_judged_against(asking):
    gated = Ledger(asking.warehouse, "shop").entries()[-1].event
    assert gated.details["against"] == 1
    names = [gate["gate"] for gate in gated.details["gates"]]
    assert names == ["better_than_baseline", "not_worse_than_champion"]
    assert json.loads(json.dumps(gated.details)) == gated.details


def test_a_manifest_that_another_one_replaced_is_found_in_artifact_and_registry(champion_shop):
    version = champion_shop.tracking.registry.version("shop", 1)
    known = version.facts["model_manifest"]
    registered = Ledger(champion_shop.warehouse, "shop").entries()[0].event
    assert registered.details["model_manifest"] == known != registered.details["judged_manifest"]
    champion_shop.tracking.registry.set_version_tags("shop", 1, {"model_manifest": "0" * 64})
    told = findings(champion_shop)["version 1"]
    assert "has another model_manifest in the registry than in the ledger" in told
    assert any("its manifest differs" in fault for fault in told)
    result = champion_shop.daemon.run("shop/predictions", partition=FIFTH)
    assert "its manifest differs" in failure_message(result)
