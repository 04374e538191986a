"""Purchases written by hand, and what the event project computes from them."""

import pandas as pd

from mlops_assets_tests.support.shop import SETTINGS, Shop

TABLE = ("shop/raw_purchases", "shop/validated_purchases", "shop/quarantine_purchases")
COUNTS = "select customer, count(*) as bought from purchases group by customer"
FOREVER = {"partitions": {**SETTINGS["partitions"], "lookback": None}}


def bought(*rows: tuple) -> pd.DataFrame:
    """Purchases by id, customer, timestamp and amount."""
    frame = pd.DataFrame(rows, columns=["purchase_id", "customer", "bought_at", "amount"])
    return frame.assign(channel="web")


def ingest(shop: Shop, *months: str) -> None:
    """Materialize the layers of the table, for each month."""
    for month in months:
        assert shop.daemon.run(*TABLE, partition=month).success


def counts(shop: Shop, month: str) -> dict[str, int]:
    """The feature of the query `COUNTS` by customer."""
    frame = shop.frame("features", month)
    return dict(zip(frame["customer"], frame["bought"].astype(int), strict=True))


def labels(shop: Shop, month: str) -> dict[str, int]:
    """The target by customer."""
    frame = shop.frame("target", month)
    return dict(zip(frame["customer"], frame["quiet"], strict=True))
