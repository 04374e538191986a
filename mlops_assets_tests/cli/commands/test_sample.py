"""`mlops sample` with a project's sample.py."""

from pathlib import Path

import pytest

from mlops_assets_tests.support.command_line import mlops
from mlops_assets_tests.support.shop_project import (
    enter_shop_project,
)


@pytest.fixture
def place(tmp_path, monkeypatch, empty_tracking_store) -> Path:
    return enter_shop_project(tmp_path / "project", monkeypatch, empty_tracking_store)


def test_a_sample_is_generated_by_the_function_of_the_project(place, tmp_path):
    target = tmp_path / "made"
    options = ("--months", "3", "--seed", "5", "--without", "late, broken", "--to", str(target))
    done = mlops("sample", "shop", *options)
    assert done.exit_code == 0, done.output
    assert "done" in done.output
    assert (target / "arguments.txt").read_text() == "3 10 5 ['broken', 'late']"
