"""Features of the shop that fail `one_row_each` in a month with a purchase above a limit."""

import pandas as pd

from mlops_assets_tests.support.shop import FEATURES_SQL

SPLIT_FEATURES_SQL = FEATURES_SQL.replace(
    "group by customer", "group by customer, amount > 100000 and bought_at >= $as_of - interval 1 month"
)
"""A customer with a huge and another purchase in a month has two rows of features."""


def with_huge_purchase(frame: pd.DataFrame) -> pd.DataFrame:
    """The purchases of a month, and a second, huge one by the first customer."""
    huge = frame.iloc[[0]].assign(purchase_id="huge", amount=1_000_000.0)
    return pd.concat([frame, huge], ignore_index=True)
