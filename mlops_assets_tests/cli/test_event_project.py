"""The `mlops` command in an event project: partitions, up-to-date assets, backtests, samples."""

from pathlib import Path

import pytest

from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.dg_project import write_dg_project
from mlops_assets_tests.support.shop import FEATURES_SQL, SCHEMA, SETTINGS, TARGET_SQL, of_month, purchases

LAST = "2024-06"
MONTHS = ["2024-01", "2024-02", "2024-03", "2024-04", "2024-05", LAST]
SAMPLE = """
def sample(folder, *, months=2, customers=10, seed=0, without=()):
    folder.mkdir(parents=True)
    (folder / "arguments.txt").write_text(f"{months} {customers} {seed} {sorted(without)}")
    return "made up"
"""

OWN = """
import dagster as dg

from mlops_assets.resources import WarehouseResource

months = dg.MonthlyPartitionsDefinition("2024-01", end_date="2025-05", fmt="%Y-%m")


@dg.asset(key_prefix="shop", deps=[["shop", "predictions"]], partitions_def=months)
def sure(context: dg.AssetExecutionContext, warehouse: WarehouseResource):
    return warehouse.table(
        context, "select customer from shop.predictions where _partition = $partition and probability > 0.5"
    )


@dg.asset(key_prefix="shop", deps=[["shop", "sure"]])
def counted(context: dg.AssetExecutionContext, warehouse: WarehouseResource):
    return warehouse.table(context, "select _partition as month, count(*) as n from shop.sure group by all")
"""


@pytest.fixture
def place(tmp_path, monkeypatch, empty_tracking_store) -> Path:
    """A dg project with the shop and six months of its purchases, which the command runs in."""
    root = tmp_path / "project"
    queries = {"features.sql": FEATURES_SQL, "target.sql": TARGET_SQL}
    files = {"schema.py": SCHEMA, **queries, "sample.py": SAMPLE}
    write_dg_project(root, "shop", SETTINGS, files, mlflow=empty_tracking_store)
    (root / "data" / "purchases").mkdir()
    for month in MONTHS:
        write(root, month)
    monkeypatch.chdir(root)
    monkeypatch.syspath_prepend(str(root))
    monkeypatch.setenv("DAGSTER_HOME", str(root))
    return root


def write(root: Path, month: str, *, without_rows: int = 0, broken: bool = False) -> None:
    frame = of_month(purchases(), month).iloc[without_rows:]
    if broken:
        frame = frame.assign(amount=-1.0)
    frame.to_csv(root / "data" / "purchases" / f"purchases-{month}.csv", index=False)


def partitions(place: Path, asset: str) -> dict[str, str]:
    return Warehouse(place / "data" / "state" / "warehouse").partitions(["shop", *asset.split("/")])


def test_a_run_materializes_every_partition_a_champion_and_its_predictions(place):
    [folder] = place.glob("*/defs/shop")
    (folder / "assets.py").write_text(OWN, "utf-8")
    done = mlops("run", "shop")
    assert done.exit_code == 0, done.output
    output = flat(done.output)
    assert "in 6 partitions" in output
    assert f"registered models:/shop/1, cut-off {LAST}" in output
    assert f"predictions 2024-01 to {LAST}; {LAST}: " in output
    assert list(partitions(place, "predictions")) == MONTHS
    assert list(partitions(place, "target")) == MONTHS[:-1]
    assert list(partitions(place, "training_set")) == [LAST]
    assert list(partitions(place, "sure")) == MONTHS, "the project's own assets follow"
    assert "counted: done" in done.output

    again = mlops("run", "shop")
    assert again.exit_code == 0
    assert "shop is up to date" in again.output
    assert "done" not in again.output

    (folder / "assets.py").write_text(OWN.replace("0.5", "0.6"), "utf-8")
    changed = mlops("run", "shop").output
    assert "predictions: done" not in changed
    assert f"{LAST} sure: done" in changed
    assert "counted: done" in changed


def test_a_corrected_file_updates_only_the_partitions_that_look_back_on_it(place):
    assert mlops("run", "shop", "--until", "features").exit_code == 0
    before = {name: partitions(place, name) for name in ("validated_purchases", "features")}
    write(place, "2024-02", without_rows=9)
    again = mlops("run", "shop", "--until", "features")
    assert again.exit_code == 0, again.output
    assert "2024-01 raw_purchases" not in again.output
    assert "2024-03 raw_purchases" not in again.output
    changed = {
        name: [key for key, digest in partitions(place, name).items() if before[name][key] != digest]
        for name in before
    }
    assert changed == {"validated_purchases": ["2024-02"], "features": ["2024-02", "2024-03", "2024-04"]}


def test_one_partition_is_run_with_the_model_of_its_cutoff(place):
    assert mlops("run", "shop", "--partitions", "2024-01..2024-05", "--until", "target").exit_code == 0
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
    write(place, "2024-03", broken=True)
    done = mlops("run", "shop", "--until", "features")
    assert done.exit_code == 1
    output = flat(done.output)
    assert "shop/validated_purchases of 2024-03: check rejected_share" in output
    assert output.count("error:") == 2
    assert "rows of 2024-03 (100.0%) violate the contract" in output
    assert list(partitions(place, "features")) == ["2024-01", "2024-02", LAST]

    write(place, "2024-03")
    assert mlops("run", "shop", "--until", "features").exit_code == 0
    assert list(partitions(place, "features")) == MONTHS


def test_a_backtest_walks_forward_and_registers_nothing(place):
    done = mlops("backtest", "shop", "--cutoffs", "2024-05..2024-06")
    assert done.exit_code == 0, done.output
    output = flat(done.output)
    assert "2024-05 2024-04 2024-03" in output
    assert "2024-06 2024-05 2024-04" in output
    assert "nothing was registered" in output
    page = place / "data" / "state" / "reports" / "shop" / "backtest.html"
    assert "2024-05" in page.read_text("utf-8")
    assert "registered_model" not in done.output


def test_a_backtest_before_the_first_cutoff_is_an_error(place):
    done = mlops("backtest", "shop", "--cutoffs", "2024-02..2024-05")
    assert done.exit_code == 1
    assert "cut-off 2024-02 is too early" in flat(done.output)
    assert "choose 2024-04 or a later cut-off" in flat(done.output)


def test_a_sample_is_generated_by_the_function_of_the_project(place, tmp_path):
    target = tmp_path / "made"
    options = ("--months", "3", "--seed", "5", "--without", "late, broken", "--to", str(target))
    done = mlops("sample", "shop", *options)
    assert done.exit_code == 0, done.output
    assert "made up" in done.output
    assert (target / "arguments.txt").read_text() == "3 10 5 ['broken', 'late']"
