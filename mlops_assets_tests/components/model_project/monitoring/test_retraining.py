"""The decision to train, its table, and the sensor that starts the training once."""

from datetime import UTC, datetime

import dagster as dg
import pandas as pd
import pytest

from mlops_assets.core import job_names
from mlops_assets_tests.support.daemon import failure_message
from mlops_assets_tests.support.shop import MONTHS

FIFTH, SIXTH, SEVENTH = MONTHS[4:7]
RETRAIN = {"retrain": {"when": ["drift"], "m_of_n": [1, 2]}, "monitoring": {"reports": ["drift"]}}
SENSOR = "shop_retrain"
KEYS, NOW = [dg.AssetKey(["shop", "retraining"])], datetime(2024, 7, 2, tzinfo=UTC)
DRIFT_COLUMNS = (
    "reference, kind, column_name, effect, effect_size, p_adjusted, weighted_effect, drifted, model_version"
)
DECISIONS = "number, decision, cutoff, rules, trained_cutoff, champion"


@pytest.fixture(scope="session")
def kept_watched(keep_shop, trained_shop):
    def make(_, known):
        shop = trained_shop.restored(known)
        shop.declare(settings=RETRAIN)
        shop.write(SIXTH)
        shop.ingest(SIXTH)
        return shop

    return keep_shop("watched_shop", make)


@pytest.fixture
def watched(kept_watched, instance):
    """A shop with a champion of the fifth month, whose sixth month has arrived."""
    return kept_watched.restored(instance, settings=RETRAIN)


def report_drift(shop, month, *, drifted=True, version=1):
    """Write the report of a month, as the asset `drift_report` does."""
    rows = [
        ("training", "feature", "amount", "psi", 0.4, 1e-9, 0.3, drifted, version),
        ("training", "feature", "recent", "psi", 0.0, 0.8, 0.0, False, version),
        ("previous", "feature", "recent", "psi", 0.9, 1e-9, 0.9, True, version),
    ]
    columns = pd.DataFrame(rows, columns=DRIFT_COLUMNS.split(", "))
    with shop.warehouse.connect() as connection:
        relation = connection.from_df(columns)
        shop.warehouse.write(shop.path("drift_report"), relation, partition=month)


def decide(shop):
    result = shop.daemon.run("shop/retraining")
    assert result.success, failure_message(result)
    return shop.metadata("retraining")


def decisions(shop):
    with shop.warehouse.connect() as connection:
        table = shop.warehouse.relation(connection, shop.path("retraining"))
        return table.order("number").project(DECISIONS).fetchall()


def test_drift_starts_one_training_of_the_newest_labelled_cutoff(watched):
    assert watched.metadata("retraining")["decision"] == "keep"  # by automation
    assert "keep" in watched.daemon.tick(SENSOR).skip_message
    report_drift(watched, SIXTH)
    found = decide(watched)
    assert (found["decision"], found["train_cutoff"]) == ("train", SIXTH)
    assert found["reason"] == (
        f"drift: drift in 1 of 1 report since cut-off {FIFTH} ({SIXTH}: amount), 1 of 2 are required. Trains "
        f"cut-off {SIXTH}"
    )
    assert "amount (kind feature, effect psi, effect_size 0.4, p_adjusted 1e-09)" in found["evidence"]
    [request] = watched.daemon.ask(SENSOR)
    assert request.partition_key == SIXTH
    [again] = watched.daemon.ask(SENSOR)  # of a restarted daemon: the run key is the same
    assert again.run_key == request.run_key
    assert watched.daemon.launch(SENSOR, [request, again]) == [SIXTH]
    assert watched.metadata("registered_model", SIXTH)["version"] == 2
    assert "up to date" in watched.daemon.tick(SENSOR).skip_message  # before the next decision
    decide(watched)
    assert decisions(watched) == [
        (1, "keep", None, "", FIFTH, 1),
        (2, "train", SIXTH, "drift", FIFTH, 1),
        (3, "keep", None, "", SIXTH, watched.metadata("champion")["version"]),
    ]


def test_equal_evidence_gives_no_new_row(watched):
    report_drift(watched, SIXTH, drifted=False)
    before = decide(watched)["decision_number"], watched.version("retraining")
    assert (decide(watched)["decision_number"], watched.version("retraining")) == before


def test_a_training_in_progress_is_not_started_twice(watched):
    report_drift(watched, SIXTH)
    decide(watched)
    job = watched.daemon.defs.resolve_job_def(job_names.job_name("shop", job_names.TRAIN))
    run = watched.instance.create_run_for_job(job, tags={"dagster/partition": SIXTH})
    assert watched.daemon.tick(SENSOR).skip_message.endswith(f"is trained by run {run.run_id}")
    watched.instance.report_run_canceled(run)
    assert len(watched.daemon.ask(SENSOR)) == 1


def test_the_decision_follows_its_inputs(watched):
    watched.daemon.settle()
    report_drift(watched, SIXTH)
    before = watched.materializations("retraining").total()
    watched.daemon.run("shop/predictions", partition=SIXTH)  # no input of the decision
    assert "shop/retraining" not in watched.daemon.settle()
    watched.daemon.run("shop/target", partition=FIFTH)
    assert watched.daemon.settle()["shop/retraining"] == [None]
    assert watched.materializations("retraining").total() == before + 1
    assert watched.metadata("retraining")["decision"] == "train"


def test_a_tick_of_the_schedule_asks_for_a_decision_and_trains_once(watched):
    watched.declare(
        settings={
            "retrain": {"when": ["schedule", "drift"], "m_of_n": [1, 2]},
            "monitoring": {"reports": ["drift"]},
            "schedules": {"train": "@daily"},
        }
    )
    report_drift(watched, SIXTH)
    [request] = watched.daemon.schedule("shop_train_schedule", NOW).run_requests
    assert request.partition_key is None
    watched.daemon.defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=watched.instance, asset_selection=KEYS, tags=dict(request.tags)
    )
    assert watched.metadata("retraining")["rules"] == "schedule, drift"
    decided = watched.metadata("retraining")["decision_number"]
    assert decide(watched)["decision_number"] == decided  # the tick lasts until its cut-off is trained
    assert watched.daemon.look(SENSOR) == [SIXTH]
    assert decide(watched)["decision"] == "keep"
    assert "up to date" in watched.daemon.schedule("shop_train_schedule", NOW).skip_message
