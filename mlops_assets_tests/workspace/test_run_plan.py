"""The plan of an event project's run: partitions, cut-offs and custom assets."""

from pathlib import Path

import pytest

from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.dg_project import FIRST_RUN
from mlops_assets_tests.support.shop import of_month, purchases
from mlops_assets_tests.support.shop_project import (
    CUSTOM_ASSETS,
    LAST,
    MONTHS,
    enter_shop_project,
    partitions,
    write_month,
)
from mlops_assets_tests.support.split_features import with_huge_purchase


@pytest.fixture
def place(tmp_path, monkeypatch, empty_tracking_store) -> Path:
    return enter_shop_project(tmp_path / "project", monkeypatch, empty_tracking_store)


def test_a_run_materializes_every_partition_a_champion_and_its_predictions(champion_project):
    place = champion_project
    first = (place / FIRST_RUN).read_text("utf-8")
    output = flat(first)
    assert "in 6 partitions" in output
    assert f"registered models:/shop/1, cut-off {LAST}" in output
    assert f"predictions 2024-01 to {LAST}; {LAST}: " in output
    assert list(partitions(place, "predictions")) == MONTHS
    assert list(partitions(place, "target")) == MONTHS[:-1]
    assert list(partitions(place, "training_set")) == [LAST]
    assert list(partitions(place, "likely")) == MONTHS, "custom assets follow"
    assert "counted: done" in first

    again = mlops("run", "shop")
    assert again.exit_code == 0
    assert "shop is up to date" in again.output
    assert "done" not in again.output

    [folder] = place.glob("*/defs/shop")
    (folder / "assets.py").write_text(CUSTOM_ASSETS.replace("0.5", "0.6"), "utf-8")
    changed = mlops("run", "shop").output
    assert "predictions: done" not in changed
    assert f"{LAST} likely: done" in changed
    assert "counted: done" in changed


def test_a_corrected_file_updates_only_the_partitions_that_look_back_on_it(shop_of_targets):
    place = shop_of_targets
    (place / "data" / "purchases" / f"purchases-{LAST}.csv").unlink()
    before = {name: partitions(place, name) for name in ("validated_purchases", "features")}
    write_month(place, "2024-02", without_rows=9)
    again = mlops("run", "shop", "--until", "features")
    assert again.exit_code == 0, again.output
    assert "2024-01 raw_purchases" not in again.output
    assert "2024-03 raw_purchases" not in again.output
    changed = {
        name: [key for key, digest in partitions(place, name).items() if before[name][key] != digest]
        for name in before
    }
    assert changed == {"validated_purchases": ["2024-02"], "features": ["2024-02", "2024-03", "2024-04"]}


def test_one_partition_is_run_with_the_model_of_its_cutoff(shop_of_targets):
    place = shop_of_targets
    done = mlops("run", "shop", "--partition", "2024-05")
    assert done.exit_code == 0, done.output
    assert ", cut-off 2024-05" in flat(done.output)
    assert list(partitions(place, "predictions")) == ["2024-05"]
    assert LAST not in partitions(place, "raw_purchases")


def test_a_cutoff_that_can_not_be_trained_is_reported_in_a_note(place):
    done = mlops("run", "shop", "--partition", "2024-02")
    assert done.exit_code == 0, done.output
    assert "no model at cut-off 2024-02: the first cut-off is 2024-04" in flat(done.output)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--partition", "2024-13"), "2024-13 is not a partition: partitions are monthly, from 2024-01"),
        (
            ("--partition", "2024-11"),
            "no data has arrived for 2024-11 hint: choose partitions from 2024-01 to",
        ),
        (("--partitions", "2024-05..2024-02"), "2024-05..2024-02: the range ends before it starts"),
        (("--partition", "2024-02", "--partitions", "2024-02..2024-03"), "exclude each other"),
    ],
)
def test_invalid_partitions_are_an_error(place, arguments, message):
    done = mlops("run", "shop", *arguments)
    assert done.exit_code == 1
    assert message in flat(done.output)
    assert "Traceback" not in done.output


def test_a_blocked_partition_is_one_error_and_independent_partitions_still_run(place):
    write_month(place, "2024-03", broken=True)
    done = mlops("run", "shop", "--until", "features")
    assert done.exit_code == 1
    output = flat(done.output)
    assert "shop/validated_purchases of 2024-03: check rejected_share" in output
    assert output.count("error:") == 2
    assert "rows of 2024-03 (100.0%) violate the contract" in output
    assert list(partitions(place, "features")) == ["2024-01", "2024-02", LAST]

    write_month(place, "2024-03")
    assert mlops("run", "shop", "--until", "features").exit_code == 0
    assert list(partitions(place, "features")) == MONTHS


def test_nothing_is_built_on_features_that_failed_a_blocking_check(shop_of_targets):
    place = shop_of_targets
    huge = with_huge_purchase(of_month(purchases(), LAST))
    huge.to_csv(place / "data" / "purchases" / f"purchases-{LAST}.csv", index=False)
    for _ in range(2):
        done = mlops("run", "shop")
        assert done.exit_code == 1
        output = flat(done.output)
        assert f"shop/features of {LAST}: check one_row_each: 1 rows have the customer of another" in output
        assert output.count("error:") == 1, "independent partitions run"
        assert list(partitions(place, "predictions")) == MONTHS[:-1]
        assert list(partitions(place, "target")) == MONTHS[:-1]

    write_month(place, LAST)
    assert mlops("run", "shop").exit_code == 0
    assert list(partitions(place, "predictions")) == MONTHS
