"""A small event project of the tests: its files, and purchases with a known pattern."""

from typing import Any

import numpy as np
import pandas as pd

MONTHS = [f"{month}" for month in pd.period_range("2024-01", "2025-04", freq="M")]
"""The months that purchases are made in."""

SCHEMA = """
import pandera.pandas as pa


class Purchases(pa.DataFrameModel):
    purchase_id: str
    customer: str
    bought_at: pa.DateTime
    amount: float = pa.Field(gt=0)
    channel: str = pa.Field(isin=["shop", "web"])
"""
FEATURES_SQL = """
select
    customer,
    count(*) filter (bought_at >= $as_of - interval 2 month) as recent,
    date_diff('day', max(bought_at), $as_of) as days_since,
    sum(amount) as amount,
    arg_max(channel, (bought_at, purchase_id)) as channel
from purchases
group by customer
"""
TARGET_SQL = """
select customer, (buyers.customer is null)::bigint as quiet
from entities
left join (select distinct customer from purchases) as buyers using (customer)
"""
SETTINGS: dict[str, Any] = {
    "description": "Which customers buy nothing next month.",
    "task": "binary",
    "entity": ["customer"],
    "target": {"column": "quiet", "horizon": 1},
    "partitions": {"cadence": "monthly", "start": "2024-01", "end": "2025-04"},
    "tables": {
        "purchases": {
            "source": "data/purchases/*.csv",
            "time": "bought_at",
            "key": ["purchase_id"],
            "max_rejected_share": 0.1,
        }
    },
    "tuning": {"trials": 1, "folds": 2, "threads": 1, "families": ["linear"]},
}


def purchases(customers: int = 80, *, seed: int = 0) -> pd.DataFrame:
    """Purchases of customers of whom every other one buys often, and the others seldom.

    Times are of the second half of a month, so that no month's rows lie at its edges.
    """
    random = np.random.default_rng(seed)
    bought = []
    for month in MONTHS:
        for number in range(customers):
            if random.random() < (0.9 if number % 2 else 0.25):
                day, hour = random.integers(15, 28), random.integers(0, 24)
                bought.append((f"c{number:03}", f"{month}-{day:02} {hour:02}:00:00"))
    frame = pd.DataFrame(bought, columns=["customer", "bought_at"])
    frame.insert(0, "purchase_id", [f"p{number:05}" for number in range(len(frame))])
    frame["amount"] = random.gamma(2.0, 20.0, len(frame)).round(2) + 1
    frame["channel"] = random.choice(["shop", "web"], len(frame))
    return frame


def of_month(frame: pd.DataFrame, month: str) -> pd.DataFrame:
    """The purchases that happened in a month."""
    return frame[frame["bought_at"].str.startswith(month)].reset_index(drop=True)
