"""A dg project with the shop: six months of its purchases, which the `mlops` command runs on."""

from pathlib import Path

import pytest

from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.dg_project import enter_dg_project, write_dg_project
from mlops_assets_tests.support.shop import FEATURES_SQL, SCHEMA, SETTINGS, TARGET_SQL, of_month, purchases

LAST = "2024-06"
MONTHS = ["2024-01", "2024-02", "2024-03", "2024-04", "2024-05", LAST]
SAMPLE = """
def sample(folder, *, months=2, customers=10, seed=0, without=()):
    folder.mkdir(parents=True)
    (folder / "arguments.txt").write_text(f"{months} {customers} {seed} {sorted(without)}")
    return "done"
"""

CUSTOM_ASSETS = """
import dagster as dg

from mlops_assets.resources import WarehouseResource

months = dg.MonthlyPartitionsDefinition("2024-01", end_date="2025-05", fmt="%Y-%m")


@dg.asset(key_prefix="shop", deps=[["shop", "predictions"]], partitions_def=months)
def likely(context: dg.AssetExecutionContext, warehouse: WarehouseResource):
    return warehouse.table(
        context, "select customer from shop.predictions where _partition = $partition and probability > 0.5"
    )


@dg.asset(key_prefix="shop", deps=[["shop", "likely"]])
def counted(context: dg.AssetExecutionContext, warehouse: WarehouseResource):
    return warehouse.table(context, "select _partition as month, count(*) as n from shop.likely group by all")
"""


def enter_shop_project(root: Path, monkeypatch: pytest.MonkeyPatch, empty_tracking_store: Path) -> Path:
    """A dg project with the shop and six months of its purchases, and enter it."""
    queries = {"features.sql": FEATURES_SQL, "target.sql": TARGET_SQL}
    files = {"schema.py": SCHEMA, **queries, "sample.py": SAMPLE}
    write_dg_project(root, "shop", SETTINGS, files, mlflow=empty_tracking_store)
    (root / "data" / "purchases").mkdir()
    for month in MONTHS:
        write_month(root, month)
    return enter_dg_project(root, monkeypatch)


def write_month(root: Path, month: str, *, without_rows: int = 0, broken: bool = False) -> None:
    frame = of_month(purchases(), month).iloc[without_rows:]
    if broken:
        frame = frame.assign(amount=-1.0)
    frame.to_csv(root / "data" / "purchases" / f"purchases-{month}.csv", index=False)


def partitions(place: Path, asset: str) -> dict[str, str]:
    return Warehouse(place / "data" / "state" / "warehouse").partitions(["shop", *asset.split("/")])
