"""Sensors over real ticks: files are requested once they are complete, and exactly once."""

import dagster as dg
import pytest

from mlops_assets.components.model_project.automation import sensors
from mlops_assets_tests.support.shop import FILES, MONTHS, of_month

FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH, SEVENTH = MONTHS[:7]
CHAMPION = "shop_new_champion"


def asked(shop):
    return [request.partition_key for request in shop.daemon.ask(FILES)]


def test_a_new_file_is_requested_in_the_second_tick_only(shop):
    shop.write(SIXTH)
    waiting = shop.daemon.tick(FILES)
    assert waiting.skip_message == "purchases-2024-06.csv may still be written to; nothing is new"
    assert shop.daemon.look(FILES) == []
    assert shop.daemon.look(FILES) == [SIXTH]
    assert [shop.daemon.look(FILES) for _ in range(3)] == [[], [], []]
    for layer in ("raw", "validated", "quarantine"):
        assert shop.materializations(f"{layer}_purchases")[SIXTH] == 1


def test_a_request_covers_the_layers_of_the_table_in_one_partition(shop):
    shop.write(SIXTH)
    shop.daemon.ask(FILES)
    [request] = shop.daemon.ask(FILES)
    assert request.partition_key == SIXTH
    assert {"/".join(key.path[1:]) for key in request.asset_selection} == {
        "raw_purchases",
        "validated_purchases",
        "quarantine_purchases",
    }


def test_a_growing_file_is_not_requested(shop):
    frame = of_month(shop.purchases, SIXTH)
    for rows in (5, 10, 15):
        shop.write(SIXTH, frame.head(rows))
        assert asked(shop) == []
    assert shop.daemon.look(FILES) == [SIXTH]
    assert len(shop.frame("raw_purchases", SIXTH)) == 15


def test_a_partition_is_requested_once_all_of_its_files_are_complete(shop):
    frame = of_month(shop.purchases, SIXTH)
    shop.write(SIXTH, frame.head(10))
    asked(shop)
    shop.write(SIXTH, frame.iloc[10:20], name="more-2024-06.csv")
    assert asked(shop) == []
    assert shop.daemon.look(FILES) == [SIXTH]
    assert len(shop.frame("validated_purchases", SIXTH)) == 20


def test_a_touched_file_with_equal_content_is_not_requested(shop):
    shop.write(THIRD)
    assert [asked(shop) for _ in range(3)] == [[], [], []]


def test_corrected_and_new_files_are_requested_together(shop):
    shop.write(SIXTH)
    shop.write(SECOND, of_month(shop.purchases, SECOND).head(30))
    assert [asked(shop) for _ in range(3)] == [[], [SECOND, SIXTH], []]


def test_restored_content_is_requested_again(shop):
    for rows in (30, None, 30):
        shop.write(SECOND, of_month(shop.purchases, SECOND).head(rows) if rows else None)
        assert [shop.daemon.look(FILES) for _ in range(3)] == [[], [SECOND], []]
    assert len(shop.frame("raw_purchases", SECOND)) == 30


def test_a_tick_requests_a_limited_number_of_partitions(shop, monkeypatch):
    monkeypatch.setattr(sensors, "MAX_REQUESTS", 2)
    for month in MONTHS[5:8]:
        shop.write(month)
    assert [asked(shop) for _ in range(4)] == [[], MONTHS[5:7], MONTHS[7:8], []]


def test_a_daemon_killed_before_its_commit_requests_again_and_runs_once(shop):
    shop.write(SIXTH)
    shop.daemon.ask(FILES)
    launched = shop.daemon.launch(FILES, shop.daemon.ask(FILES, commit=False))
    again = shop.daemon.ask(FILES)
    assert [request.partition_key for request in again] == [SIXTH], "nothing is missed"
    assert launched == [SIXTH]
    assert shop.daemon.launch(FILES, again) == [], "Dagster knows the run key"
    assert shop.materializations("raw_purchases")[SIXTH] == 1


@pytest.mark.parametrize("cursor", [None, "0" * 32, "something else"])
def test_with_another_cursor_nothing_is_requested_twice(shop, cursor):
    before = {
        name: (shop.materializations(name), shop.digests(name)) for name in ("raw_purchases", "features")
    }
    shop.daemon.cursors[FILES] = cursor
    assert [asked(shop) for _ in range(3)] == [[], [], []]
    assert shop.daemon.settle() == {}
    assert {name: (shop.materializations(name), shop.digests(name)) for name in before} == before


@pytest.mark.parametrize("cursor", [None, "0" * 32])
def test_a_change_before_the_cursor_was_lost_is_not_missed(shop, cursor):
    shop.write(SECOND, of_month(shop.purchases, SECOND).head(30))
    shop.write(SIXTH)
    asked(shop)
    shop.daemon.cursors[FILES] = cursor
    assert [shop.daemon.look(FILES) for _ in range(3)] == [[], [SECOND, SIXTH], []]
    assert len(shop.frame("raw_purchases", SECOND)) == 30


def test_a_cursor_lost_after_the_request_materializes_nothing_twice(shop):
    shop.write(SIXTH)
    assert [shop.daemon.look(FILES) for _ in range(2)] == [[], [SIXTH]]
    shop.daemon.cursors[FILES] = None
    assert [shop.daemon.look(FILES) for _ in range(3)] == [[], [], []]
    assert shop.materializations("raw_purchases")[SIXTH] == 1


def test_a_lost_snapshot_is_like_a_lost_cursor(shop):
    for path in (shop.state.sensors).rglob("*.json"):
        path.unlink()
    shop.write(SIXTH)
    assert [shop.daemon.look(FILES) for _ in range(3)] == [[], [SIXTH], []]


def test_the_first_tick_after_a_manual_run_requests_nothing(open_shop):
    shop = open_shop()
    shop.write(FIRST)
    assert shop.daemon.run("shop/raw_purchases", partition=FIRST).success
    assert [asked(shop) for _ in range(3)] == [[], [], []]
    shop.write(SECOND)
    assert [asked(shop) for _ in range(3)] == [[], [SECOND], []]


def test_a_file_without_a_date_is_reported_and_blocks_no_other(shop):
    shop.write(SIXTH, name="purchases-new.csv")
    shop.write(SEVENTH)
    tick = shop.daemon.tick(FILES)
    assert "purchases-new.csv: no date in the name" in tick.skip_message
    assert [asked(shop) for _ in range(3)] == [[], [SEVENTH], []]


def test_a_file_with_other_columns_fails_until_it_is_corrected(shop):
    (shop.data / "purchases-2024-06.csv").write_text("nothing,of\nuse,here\n", "utf-8")
    assert [shop.daemon.look(FILES) for _ in range(3)] == [[], [SIXTH], []]
    shop.daemon.settle()
    assert SIXTH not in shop.digests("validated_purchases")
    assert SIXTH not in shop.digests("features")
    shop.write(SIXTH)
    assert shop.ingest(SIXTH) == {"shop/features": [SIXTH], "shop/target": [FIFTH]}


def record_champion(shop, version, *, moved):
    """Record the materialization of a champion after a decision."""
    shop.instance.report_runless_asset_event(
        dg.AssetMaterialization(
            dg.AssetKey(["shop", "champion"]),
            metadata={"version": version, "moved": moved},
            tags={"dagster/data_version": f"version {version}"},
        )
    )


def test_a_new_champion_scores_the_newest_partition_once(champion_shop):
    done = champion_shop.daemon.tick(CHAMPION)
    assert done.skip_message == "the predictions of 2024-05 are from the new champion already"
    record_champion(champion_shop, 2, moved=True)
    [request] = champion_shop.daemon.ask(CHAMPION)
    assert request.partition_key == FIFTH
    assert champion_shop.daemon.ask(CHAMPION) == []
    ran = champion_shop.daemon.settle()
    assert ran == {"shop/status_page": [None]}, "older predictions are not changed"


def test_an_unchanged_champion_requests_nothing(champion_shop):
    champion_shop.daemon.ask(CHAMPION)
    record_champion(champion_shop, 1, moved=False)
    assert champion_shop.daemon.ask(CHAMPION) == []


def test_a_promotion_is_not_missed_when_a_later_decision_changes_nothing(champion_shop):
    champion_shop.daemon.ask(CHAMPION)
    record_champion(champion_shop, 2, moved=True)
    record_champion(champion_shop, 2, moved=False)
    assert [request.partition_key for request in champion_shop.daemon.ask(CHAMPION)] == [FIFTH]


def test_the_sensor_requests_the_score_job(champion_shop):
    record_champion(champion_shop, 2, moved=True)
    before = champion_shop.materializations("predictions")
    assert champion_shop.daemon.look(CHAMPION) == [FIFTH]
    assert champion_shop.materializations("predictions") - before == {FIFTH: 1}
