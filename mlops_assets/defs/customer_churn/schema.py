"""Contracts of the transactions: what a purchase may look like."""

import pandera.pandas as pa

CHANNELS = ["web", "app", "store"]
REGIONS = ["north", "east", "south", "west"]


class Transactions(pa.DataFrameModel):
    """One row a purchase."""

    transaction_id: str
    customer_id: str
    occurred_at: pa.DateTime
    quantity: int = pa.Field(gt=0)
    amount: float = pa.Field(ge=0)
    channel: str = pa.Field(isin=CHANNELS)
    region: str = pa.Field(isin=REGIONS)
