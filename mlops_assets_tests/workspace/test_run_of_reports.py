"""Reports in the run of a project: all stale partitions in one run, one line for each report."""

from pathlib import Path

import pytest
import yaml

from mlops_assets.core.periods import Periods
from mlops_assets.workspace.project_run import successive
from mlops_assets_tests.support.command_line import mlops
from mlops_assets_tests.support.shop_project import MONTHS, enter_shop_project, partitions, write_month


@pytest.fixture
def place(tmp_path, monkeypatch, empty_tracking_store) -> Path:
    place = enter_shop_project(tmp_path / "project", monkeypatch, empty_tracking_store)
    [file] = place.rglob("defs.yaml")
    declared = yaml.safe_load(file.read_text("utf-8"))
    declared["attributes"]["monitoring"] = {"reports": ["data_quality"]}
    file.write_text(yaml.safe_dump(declared), "utf-8")
    return place


def report_lines(*options: str) -> list[str]:
    done = mlops("run", "shop", "--until", "data_quality", *options)
    assert done.exit_code == 0, done.output
    return [
        line.partition("data_quality: done")[0]
        for line in done.output.splitlines()
        if "quality: done" in line
    ]


def test_one_run_makes_the_stale_reports(place):
    for month in MONTHS[3:]:
        (place / "data" / "purchases" / f"purchases-{month}.csv").unlink()
    assert report_lines() == ["2024-01..2024-03 "]
    assert list(partitions(place, "data_quality")) == MONTHS[:3]
    assert report_lines() == []
    write_month(place, MONTHS[3])
    assert report_lines() == ["2024-04 "]
    assert report_lines("--force", "--partitions", "2024-02..2024-03") == ["2024-02..2024-03 "]


def test_a_range_ends_at_a_partition_that_is_not_wanted():
    months = Periods("monthly", "2024-01")
    found = successive(months, ["2024-05", "2023-12", "2024-01", "2024-03", "2024-04"])
    assert found == [("2023-12", "2024-01"), ("2024-03", "2024-05")]
    assert successive(months, []) == []
