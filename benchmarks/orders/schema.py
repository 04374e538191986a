"""Contract of the generated orders: the usual checks."""

import pandas as pd
import pandera.pandas as pa

CATEGORIES = ["books", "clothes", "food", "garden", "music", "sports", "tools", "toys"]
COUNTRIES = ["AT", "BE", "CH", "DE", "DK", "ES", "FR", "GB", "IT", "NL", "PL", "SE"]


class Orders(pa.DataFrameModel):
    """One row an order line."""

    order_id: int = pa.Field(ge=1)
    customer_id: int = pa.Field(ge=1)
    ordered_at: pa.DateTime
    shipped_at: pa.DateTime = pa.Field(nullable=True)
    product: str = pa.Field(str_matches=r"[A-Z]{2}-[0-9]{4}$")
    category: str = pa.Field(isin=CATEGORIES)
    country: str = pa.Field(isin=COUNTRIES, nullable=True)
    quantity: int = pa.Field(in_range={"min_value": 1, "max_value": 100})
    unit_price: float = pa.Field(gt=0, lt=10_000)
    discount: float = pa.Field(in_range={"min_value": 0, "max_value": 0.9}, nullable=True)
    weight: float = pa.Field(ge=0, nullable=True)
    gift: bool
    note: str = pa.Field(str_length={"max_value": 80}, nullable=True)
    paid: float = pa.Field(ge=0)

    @pa.dataframe_check(name="paid_at_most_the_price")
    def paid_at_most_the_price(cls, frame: pd.DataFrame) -> pd.Series:  # noqa: N805
        """A discount does not raise the price of an order."""
        return frame["paid"] <= frame["quantity"] * frame["unit_price"] * 1.001
