"""Changed periods of an event project: each row is in one partition, whatever was declared before."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.command_line import flat, mlops
from mlops_assets_tests.support.shop_project import enter_shop_project, partitions

TABLES = ("raw_purchases", "validated_purchases", "features")


@pytest.fixture
def place(tmp_path, monkeypatch, empty_tracking_store) -> Path:
    """The shop, whose rows arrive in one file with a column for the time of arrival."""
    place = enter_shop_project(tmp_path / "project", monkeypatch, empty_tracking_store)
    files = sorted((place / "data" / "purchases").iterdir())
    pd.concat(map(pd.read_csv, files[:2])).to_csv(place / "data" / "purchases" / "all.csv", index=False)
    for file in files:
        file.unlink()
    return place


def declare(place: Path, **periods: str) -> None:
    [file] = place.rglob("defs.yaml")
    declared = yaml.safe_load(file.read_text("utf-8"))
    declared["attributes"]["tables"]["purchases"]["arrival"] = "bought_at"
    declared["attributes"]["partitions"] |= periods
    file.write_text(yaml.safe_dump(declared), "utf-8")


def rows(place: Path, table: str) -> dict[str | None, int]:
    return Warehouse(place / "data" / "state" / "warehouse").row_counts(("shop", table))


def output(*command: str) -> str:
    done = mlops(*command)
    assert done.exit_code == 0, done.output
    return flat(done.output)


def run() -> str:
    return output("run", "shop", "--until", "features")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"start": "2024-01"}, {"start": "2024-02"}),
        ({"start": "2024-02"}, {"start": "2024-01"}),
        ({"start": "2024-01"}, {"start": "2024-01-01", "cadence": "weekly", "end": "2024-03-01"}),
    ],
    ids=["later", "earlier", "weekly"],
)
def test_rows_count_once_after_the_periods_are_changed(place, before, after):
    declare(place, **before)
    total = len(pd.read_csv(place / "data" / "purchases" / "all.csv"))
    first = run()
    assert sum(rows(place, "raw_purchases").values()) == total
    declare(place, **after)
    second = run()
    for table in TABLES:
        assert min(filter(None, rows(place, table))) >= after["start"]
        assert len({len(partition) for partition in partitions(place, table)}) == 1
    for table in TABLES[:2]:
        assert sum(rows(place, table).values()) == total
    for found in (first, second):
        assert re.search(rf"{total:,} read, {total:,} validated, 0 quarantined", found), found
    if after["start"] != "2024-01":
        assert "raw_purchases: removed 2024-01" in second
    assert str(total) in output("sql", "select count(*) as n from shop.raw_purchases")
    assert "up to date" in run()
