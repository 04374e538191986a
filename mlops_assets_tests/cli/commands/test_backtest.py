"""`mlops backtest` on an event project."""

from pathlib import Path

import pytest

from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.shop_project import (
    enter_shop_project,
)


@pytest.fixture
def place(tmp_path, monkeypatch, empty_tracking_store) -> Path:
    return enter_shop_project(tmp_path / "project", monkeypatch, empty_tracking_store)


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
