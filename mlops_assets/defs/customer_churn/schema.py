"""Contracts of the sales log and of the features of a customer.

A purchase has at least one item; it may be free, such as a gift. `transaction_id`, `channel` and `region` are
optional, because not every shop records them; a project that requires the first declares it as key.
"""

import pandera.pandas as pa

CHANNELS = ["web", "app", "store"]
REGIONS = ["north", "east", "south", "west"]


class Transactions(pa.DataFrameModel):
    """One row per purchase in the shop's monthly file."""

    transaction_id: str | None = pa.Field(nullable=True, description="identifier of the purchase")
    customer_id: str = pa.Field(description="identifier of the customer")
    occurred_at: pa.DateTime = pa.Field(description="timestamp, in the shop's local time")
    quantity: int = pa.Field(gt=0, le=10_000, description="number of items")
    amount: float = pa.Field(
        ge=0, le=1_000_000, description="price of all items together, in the shop's currency"
    )
    channel: str | None = pa.Field(isin=CHANNELS, nullable=True, description="sales channel")
    region: str | None = pa.Field(isin=REGIONS, nullable=True, description="region of the customer")


class Features(pa.DataFrameModel):
    """Result of `features.sql`: one row per customer who bought in the last 180 days.

    A customer with one visit has no gap between visits, and one with two visits has no deviation of gaps.
    """

    customer_id: str
    region: str = pa.Field(nullable=True)
    days_since_last: float = pa.Field(in_range={"min_value": 1, "max_value": 180})
    orders: float = pa.Field(gt=0)
    amount: float = pa.Field(ge=0)
    tenure_days: float = pa.Field(gt=0)
    log_days_since_last: float = pa.Field(gt=0)
    log_orders: float = pa.Field(ge=0)
    log_amount: float = pa.Field(ge=0)
    log_tenure_days: float = pa.Field(gt=0)
    average_basket: float = pa.Field(ge=0)
    average_quantity: float = pa.Field(ge=1)
    basket_change: float
    quantity_change: float
    gap_mean: float = pa.Field(gt=0, nullable=True)
    gap_deviation: float = pa.Field(ge=0, nullable=True)
    usual_gap: float = pa.Field(gt=0)
    last_gap_change: float = pa.Field(nullable=True)
    silence: float
    orders_30: float = pa.Field(ge=0)
    orders_90: float = pa.Field(ge=0)
    orders_180: float = pa.Field(gt=0)
    amount_30: float = pa.Field(ge=0)
    amount_90: float = pa.Field(ge=0)
    amount_180: float = pa.Field(ge=0)
    log_orders_90: float = pa.Field(ge=0)
    orders_trend_30: float
    orders_trend_90: float
    quantity_trend_90: float
    amount_trend_90: float
    favourite_channel: str = pa.Field(nullable=True)
    last_channel: str = pa.Field(nullable=True)
    app_share: float = pa.Field(in_range={"min_value": 0, "max_value": 1}, nullable=True)
    app_share_change: float = pa.Field(in_range={"min_value": -1, "max_value": 1}, nullable=True)

    @pa.dataframe_check(name="a_longer_window_holds_a_shorter_one")
    def a_longer_window_holds_a_shorter_one(cls, frame):  # noqa: N805
        """All windows end at the same timestamp."""
        return (frame["orders_30"] <= frame["orders_90"]) & (frame["orders_90"] <= frame["orders_180"])

    @pa.dataframe_check(name="recency_at_most_tenure")
    def recency_at_most_tenure(cls, frame):  # noqa: N805
        """The last purchase is not before the first."""
        return frame["days_since_last"] <= frame["tenure_days"]
