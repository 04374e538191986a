"""Automation conditions over real ticks: each is evaluated, and the requested runs are executed."""

import csv

from mlops_assets_tests.support.daemon import failure_message
from mlops_assets_tests.support.shop import FILES, MONTHS, SETTINGS, of_month

FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH, SEVENTH = MONTHS[:7]
DATA = ("raw_purchases", "validated_purchases", "quarantine_purchases")
FOLLOWING = ("features", "target", "predictions")


def contents(shop, *assets):
    """Content digests of each partition of some tables."""
    return {asset: shop.digests(asset) for asset in assets}


def broken(frame, share):
    """The same rows, with a share of amounts that violate the contract."""
    bad = frame.astype({"amount": object})
    bad.loc[: round(len(bad) * share), "amount"] = "free"
    return bad


def test_ticks_request_nothing_when_all_assets_are_materialized(shop):
    assert shop.daemon.follow() == {}
    assert set(shop.digests("features")) == set(MONTHS[:5])
    assert set(shop.digests("target")) == set(MONTHS[:4]), "the horizon of the fifth has not arrived"
    assert set(shop.materializations("features").values()) == {1}


def test_a_new_partition_triggers_its_features_and_the_previous_target(shop):
    shop.write(SIXTH)
    assert shop.ingest(SIXTH) == {"shop/features": [SIXTH], "shop/target": [FIFTH]}
    assert SIXTH not in shop.digests("target")


def test_with_a_champion_a_new_partition_triggers_its_predictions(champion_shop):
    before = contents(champion_shop, *FOLLOWING)
    champion_shop.write(SIXTH)
    ran = champion_shop.ingest(SIXTH)
    assert ran.pop("shop/status_page") == [None]  # once, after all updates
    assert ran == {"shop/features": [SIXTH], "shop/predictions": [SIXTH], "shop/target": [FIFTH]}
    assert set(champion_shop.frame("predictions", SIXTH)["model_version"]) == {1}
    after = contents(champion_shop, *FOLLOWING)
    assert all(after[asset][month] == before[asset][month] for asset in before for month in before[asset])


def test_a_target_with_a_horizon_of_two_requires_both_partitions(open_shop):
    shop = open_shop(settings={"target": {"column": "quiet", "horizon": 2}})
    for month in (FIRST, SECOND):
        shop.write(month)
    assert shop.ingest(FIRST, SECOND) == {"shop/features": [FIRST, SECOND]}
    shop.write(THIRD)
    assert shop.ingest(THIRD) == {"shop/features": [THIRD], "shop/target": [FIRST]}


def test_no_target_is_requested_whose_horizon_lies_after_the_end_of_the_partitions(open_shop):
    shop = open_shop(settings={"partitions": {**SETTINGS["partitions"], "end": SECOND}})
    for month in (FIRST, SECOND):
        shop.write(month)
    assert shop.ingest(FIRST, SECOND) == {"shop/features": [FIRST, SECOND], "shop/target": [FIRST]}


def test_a_corrected_file_changes_its_partition_and_the_features_that_look_back_on_it(shop):
    before = contents(shop, *DATA, "features")
    frame = of_month(shop.purchases, SECOND)
    shop.write(SECOND, frame.assign(amount=frame["amount"] + 1000))
    ran = shop.ingest(SECOND)
    assert ran["shop/features"] == [SECOND, THIRD, FOURTH], "a look-back of three, and not the fifth"
    assert set(ran["shop/target"]) <= set(MONTHS[:4])
    after = contents(shop, *DATA, "features")

    def changed(asset):
        return [month for month in MONTHS[:5] if after[asset][month] != before[asset][month]]

    assert changed("raw_purchases") == changed("validated_purchases") == [SECOND]
    assert changed("quarantine_purchases") == []
    assert changed("features") == [SECOND, THIRD, FOURTH]
    assert all(
        shop.materializations("raw_purchases")[month] == (2 if month == SECOND else 1) for month in MONTHS[:5]
    )


def test_a_rewritten_file_with_equal_rows_changes_nothing(champion_shop):
    before = contents(champion_shop, *DATA, *FOLLOWING)
    versions = {asset: champion_shop.version(asset) for asset in before}
    path = champion_shop.write(THIRD)
    of_month(champion_shop.purchases, THIRD).to_csv(path, index=False, quoting=csv.QUOTE_ALL)
    assert champion_shop.ingest(THIRD) == {}, "the file is read, and nothing follows"
    assert contents(champion_shop, *DATA, *FOLLOWING) == before
    assert {asset: champion_shop.version(asset) for asset in before} == versions
    assert champion_shop.metadata("raw_purchases", THIRD)["written"] is False


def test_invalid_rows_block_downstream_assets_until_the_file_is_corrected(champion_shop):
    shop = champion_shop
    good = of_month(shop.purchases, THIRD)
    before = contents(shop, *FOLLOWING)
    shop.write(THIRD, broken(good, 0.3))
    assert shop.ingest(THIRD) == {}
    for _ in range(3):
        assert shop.daemon.follow() == {}
    assert contents(shop, *FOLLOWING) == before, "the last good state"
    shop.write(THIRD, good.assign(amount=good["amount"] + 1000))
    ran = shop.ingest(THIRD)
    assert ran["shop/features"] == ran["shop/predictions"] == [THIRD, FOURTH, FIFTH]
    after = contents(shop, "features")["features"]
    assert [month for month in MONTHS[:5] if after[month] != before["features"][month]] == [
        THIRD,
        FOURTH,
        FIFTH,
    ]


def test_manual_runs_do_not_read_a_partition_with_too_many_invalid_rows(shop):
    before = contents(shop, "features", "target")
    shop.write(THIRD, broken(of_month(shop.purchases, THIRD), 0.3))
    assert shop.ingest(THIRD) == {}
    result = shop.daemon.run("shop/features", partition=FIFTH)
    assert not result.success
    assert f"rows of {THIRD} (" in failure_message(result)
    assert "violate the contract; the limit is 10.0%" in failure_message(result)
    assert "rows of 2024-03 (" in failure_message(shop.daemon.run("shop/target", partition=SECOND))
    assert contents(shop, "features", "target") == before


def test_restoring_a_valid_file_changes_nothing(shop):
    before = contents(shop, *DATA, "features", "target")
    shop.write(THIRD, broken(of_month(shop.purchases, THIRD), 0.3))
    assert shop.ingest(THIRD) == {}
    shop.write(THIRD)
    shop.ingest(THIRD)
    assert contents(shop, *DATA, "features", "target") == before


def test_an_invalid_new_partition_does_not_change_earlier_ones(shop):
    shop.write(SIXTH, broken(of_month(shop.purchases, SIXTH), 0.3))
    assert shop.ingest(SIXTH) == {}
    assert SIXTH not in shop.digests("features")
    assert FIFTH not in shop.digests("target"), "it depends on the invalid partition"
    shop.write(SIXTH)
    assert shop.ingest(SIXTH) == {"shop/features": [SIXTH], "shop/target": [FIFTH]}


def test_a_partition_requires_the_previous_one(shop):
    shop.write(SEVENTH)
    assert shop.ingest(SEVENTH) == {}, "its features look back on the sixth"
    shop.write(SIXTH)
    assert shop.ingest(SIXTH) == {"shop/features": [SIXTH, SEVENTH], "shop/target": [FIFTH, SIXTH]}


def test_features_are_computed_again_when_a_missing_partition_arrives(shop):
    shop.write(SEVENTH)
    shop.ingest(SEVENTH)
    assert shop.daemon.run("shop/features", partition=SEVENTH).success
    without = shop.digests("features")[SEVENTH]
    assert shop.daemon.settle() == {}
    shop.write(SIXTH)
    assert shop.ingest(SIXTH)["shop/features"] == [SIXTH, SEVENTH]
    assert shop.digests("features")[SEVENTH] != without


def test_manually_materialized_assets_are_not_materialized_again(shop):
    shop.write(SIXTH)
    assert shop.daemon.run(*(f"shop/{asset}" for asset in DATA), "shop/features", partition=SIXTH).success
    assert shop.daemon.run("shop/target", partition=FIFTH).success
    assert shop.daemon.settle() == {}
    for _ in range(2):
        shop.daemon.look(FILES)
    assert shop.daemon.settle() == {}


def test_a_daemon_without_its_cursor_materializes_nothing_twice(champion_shop):
    before = {asset: champion_shop.materializations(asset) for asset in (*DATA, *FOLLOWING)}
    champion_shop.daemon.automation_cursor = None
    assert champion_shop.daemon.settle() == {}
    assert {asset: champion_shop.materializations(asset) for asset in before} == before
