"""data_quality of an event project: a planted defect is named, and later partitions change nothing."""

import dagster as dg
import pandas as pd
import pytest

from mlops_assets.ml.monitoring.expected_range import MINIMUM
from mlops_assets_tests.support.shop import MONTHS, of_month

KEY = ("shop", "data_quality")
LAYERS = ("shop/raw_purchases", "shop/validated_purchases", "shop/quarantine_purchases")
USED = MONTHS[: MINIMUM + 1]
SCHEMA_WITH_ANY_CHANNEL = """
import pandera.pandas as pa


class Purchases(pa.DataFrameModel):
    purchase_id: str
    customer: str
    bought_at: pa.DateTime
    amount: float = pa.Field(gt=0)
    channel: str
"""


@pytest.fixture
def measured(open_shop):
    """Six months, of which the last one has amounts in another unit, a new channel and broken rows."""
    shop = open_shop(
        settings={"monitoring": {"reports": ["data_quality"]}},
        schema=SCHEMA_WITH_ANY_CHANNEL,
    )
    for month in USED:
        frame = of_month(shop.purchases, month)
        if month == USED[-1]:
            frame["amount"] = frame["amount"] * 100
            frame["channel"] = frame["channel"].where(frame.index % 2 == 0, "kiosk")
            frame.loc[:1, "amount"] = -1.0
        shop.write(month, frame)
        shop.daemon.run(*LAYERS, partition=month)
    span = {"dagster/asset_partition_range_start": USED[0], "dagster/asset_partition_range_end": USED[-1]}
    result = shop.daemon.defs.resolve_job_def("shop_monitor").execute_in_process(
        instance=shop.instance, tags=span
    )
    return shop, result


def test_the_month_with_a_defect_warns_and_names_it(measured):
    shop, result = measured
    evaluations = {found.partition: found for found in result.get_asset_check_evaluations()}
    assert [month for month, found in evaluations.items() if not found.passed] == [USED[-1]]
    last = evaluations[USED[-1]]
    assert last.severity == dg.AssetCheckSeverity.WARN
    assert "purchases.amount: mean is" in last.description
    assert "expected" in last.description
    assert last.target_materialization_data.run_id == result.run_id

    found = shop.warehouse.frame(KEY, partition=USED[-1]).set_index(["measure", "column_name"])
    assert found.loc[("new_categories", "channel"), "note"].tolist() == ["kiosk"]
    assert found.loc[("rejected_rows", None), "value"].tolist() == [2.0]
    mean = of_month(shop.purchases, USED[-1]).iloc[2:]["amount"].mean() * 100
    assert found.loc[("mean", "amount"), "value"].tolist() == [pytest.approx(mean)]
    assert not set(found["note"].dropna()) & set(shop.purchases["customer"])

    before = {month: shop.warehouse.frame(KEY, partition=month) for month in USED[:-1]}
    shop.daemon.run("shop/data_quality", partition=USED[3])  # now with later months in the table
    pd.testing.assert_frame_equal(shop.warehouse.frame(KEY, partition=USED[3]), before[USED[3]])
