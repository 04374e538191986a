"""Schedules target the newest partition that has data, and skip if nothing has changed."""

from datetime import UTC, datetime

import pytest

from mlops_assets_tests.support.shop import MONTHS, of_month

FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH = MONTHS[:6]
NOW = datetime(2024, 7, 2, 7, tzinfo=UTC)
SCHEDULES = {
    "train": "0 7 2 * *",
    "score": "0 6 * * *",
    "backfill": {"cron": "0 5 * * 0", "last": 3},
    "timezone": "Europe/Berlin",
}
TRAIN, SCORE, BACKFILL = (f"shop_{purpose}_schedule" for purpose in ("train", "score", "backfill"))
DATA = ("shop/raw_purchases", "shop/validated_purchases", "shop/quarantine_purchases", "shop/features")


@pytest.fixture
def scheduled(champion_shop):
    champion_shop.declare(settings={"schedules": SCHEDULES})
    return champion_shop


def asked(shop, schedule):
    return [request.partition_key for request in shop.daemon.schedule(schedule, NOW).run_requests]


def skipped(shop, schedule):
    tick = shop.daemon.schedule(schedule, NOW)
    assert not tick.run_requests
    return tick.skip_message


def test_training_is_skipped_while_the_model_is_up_to_date(scheduled):
    assert skipped(scheduled, TRAIN) == "the model of cut-off 2024-05 is up to date"


def test_training_targets_the_newest_cutoff_with_a_labelled_holdout(scheduled):
    scheduled.write(SIXTH)
    scheduled.ingest(SIXTH)
    assert asked(scheduled, TRAIN) == [SIXTH]


def test_training_is_requested_again_when_an_earlier_partition_is_corrected(scheduled):
    frame = of_month(scheduled.purchases, SECOND)
    scheduled.write(SECOND, frame.assign(amount=frame["amount"] + 1))
    scheduled.ingest(SECOND)
    assert asked(scheduled, TRAIN) == [FIFTH]


def test_schedules_without_data_are_skipped_with_a_reason(open_shop):
    shop = open_shop(settings={"schedules": SCHEDULES})
    assert skipped(shop, TRAIN) == "no cut-off has a labelled evaluation partition yet"
    assert skipped(shop, SCORE) == "there are no rows to score yet"
    assert skipped(shop, BACKFILL) == "nothing has arrived yet"


def test_scoring_is_skipped_without_a_champion(shop):
    shop.declare(settings={"schedules": SCHEDULES})
    assert skipped(shop, SCORE) == "there is no champion yet"


def test_scoring_requests_the_newest_partition_unless_its_predictions_are_up_to_date(scheduled):
    assert skipped(scheduled, SCORE) == "the predictions of 2024-05 are up to date"
    scheduled.write(SIXTH)
    assert scheduled.daemon.run(*DATA, partition=SIXTH).success
    assert asked(scheduled, SCORE) == [SIXTH]
    assert scheduled.daemon.run("shop/predictions", partition=SIXTH).success
    assert skipped(scheduled, SCORE) == "the predictions of 2024-06 are up to date"


def test_the_backfill_ingests_the_newest_partitions_and_writes_no_equal_content(scheduled):
    tick = scheduled.daemon.schedule(BACKFILL, NOW)
    assert [request.partition_key for request in tick.run_requests] == [THIRD, FOURTH, FIFTH]
    assert len({request.run_key for request in tick.run_requests}) == 3
    before = {asset: scheduled.version(asset) for asset in ("raw_purchases", "features")}
    job = scheduled.daemon.defs.get_repository_def().get_job("shop_ingest")
    result = job.execute_in_process(
        instance=scheduled.instance, partition_key=THIRD, resources={**scheduled.stores}
    )
    assert result.success
    assert {asset: scheduled.version(asset) for asset in before} == before
    assert scheduled.daemon.settle() == {}


def test_two_ticks_of_the_same_time_have_the_same_run_keys(scheduled):
    keys = [
        [request.run_key for request in scheduled.daemon.schedule(BACKFILL, NOW).run_requests]
        for _ in range(2)
    ]
    assert keys[0] == keys[1]


def test_only_declared_schedules_exist(shop):
    assert not shop.daemon.defs.get_repository_def().schedule_defs
    shop.declare(settings={"schedules": {"train": "@daily"}})
    [schedule] = shop.daemon.defs.get_repository_def().schedule_defs
    assert schedule.name == TRAIN
    assert schedule.default_status.value == "RUNNING"
    shop.declare(settings={"schedules": SCHEDULES, "automation": {"schedules": False}})
    found = shop.daemon.defs.get_repository_def().schedule_defs
    assert {schedule.default_status.value for schedule in found} == {"STOPPED"}
    assert {schedule.execution_timezone for schedule in found} == {"Europe/Berlin"}
