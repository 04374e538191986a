"""`mlops backtest` on an event project."""

from pathlib import Path

import pytest
from dagster import AssetKey

from mlops_assets.workspace.dagster_run import run_assets, run_config
from mlops_assets.workspace.workspace import Workspace
from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.shop_project import enter_shop_project


@pytest.fixture
def place(tmp_path, monkeypatch, empty_tracking_store) -> Path:
    return enter_shop_project(tmp_path / "project", monkeypatch, empty_tracking_store)


def test_a_backtest_walks_forward_and_registers_nothing(shop_of_targets):
    """It computes what its last cut-off still lacks."""
    place = shop_of_targets
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


def test_the_model_of_a_backtest_is_not_registered_by_a_later_run(shop_of_targets):
    """Before, `mlops run` found the model up to date, and registered that of the backtest."""
    place = shop_of_targets
    assert mlops("backtest", "shop", "--cutoffs", "2024-05").exit_code == 0
    workspace = Workspace(place)
    [past] = workspace.tracking.client.search_runs(["1"], "tags.mlops.backtest = 'true'")
    with workspace.instance() as instance:
        [key] = workspace.select("shop", "registered_model") & {AssetKey(["shop", "registered_model"])}
        events = []
        config = run_config([key], source=None, trials=None, debug=False)
        assert not run_assets(workspace, instance, [key], "2024-05", config, events.append).success
    assert any("except in 1 backtest" in str(entry) for entry in events)

    assert mlops("run", "shop", "--partition", "2024-05").exit_code == 0
    version = workspace.tracking.registry.version("shop", 1)
    assert version.run_id != past.info.run_id
    assert "backtest" not in version.facts
    done = mlops("run", "shop", "--partition", "2024-05")
    assert "shop is up to date" in flat(done.output)
