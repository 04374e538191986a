"""The plain way with Polars and pandera: read as text, cast, validate, compute features, write.

Run in an environment with `polars.txt`, which this script does not share with mlops_assets:
python benchmarks/orders/polars_way.py orders.csv FOLDER
"""

import sys
from pathlib import Path

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

CATEGORIES = ["books", "clothes", "food", "garden", "music", "sports", "tools", "toys"]
COUNTRIES = ["AT", "BE", "CH", "DE", "DK", "ES", "FR", "GB", "IT", "NL", "PL", "SE"]
INTEGERS = ["order_id", "customer_id", "quantity"]
FLOATS = ["unit_price", "discount", "weight", "paid"]
TIMES = ["ordered_at", "shipped_at"]
POSITION = "position"


class Orders(pa.DataFrameModel):
    """The contract of `schema.py`; uniqueness is a rule of the frame, because Polars rows have no index."""

    order_id: int = pa.Field(ge=1)
    customer_id: int = pa.Field(ge=1)
    ordered_at: pl.Datetime = pa.Field(nullable=False)
    shipped_at: pl.Datetime = pa.Field(nullable=True)
    product: str = pa.Field(str_matches=r"^[A-Z]{2}-[0-9]{4}$")
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
    def paid_at_most_the_price(cls, data: pa.PolarsData) -> pl.LazyFrame:  # noqa: N805
        """A discount does not raise the price of an order."""
        limit = pl.col("quantity") * pl.col("unit_price") * 1.001
        return data.lazyframe.select(pl.col("paid") <= limit)

    @pa.dataframe_check(name="order_id_is_unique")
    def order_id_is_unique(cls, data: pa.PolarsData) -> pl.LazyFrame:  # noqa: N805
        """The first row of an order is valid."""
        return data.lazyframe.select(pl.col("order_id").is_first_distinct())


def main(source: Path, folder: Path) -> None:
    """Write validated, quarantined and feature rows as Parquet files."""
    raw = pl.read_csv(source, infer_schema=False)
    typed = raw.with_columns(
        pl.col(INTEGERS).cast(pl.Int64, strict=False),
        pl.col(FLOATS).cast(pl.Float64, strict=False),
        pl.col(TIMES).str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False),
        gift=pl.col("gift") == "true",
    )
    broken = pl.Series(dtype=pl.UInt32)
    try:
        Orders.validate(typed, lazy=True)
    except SchemaErrors as errors:
        broken = errors.failure_cases["index"].drop_nulls().unique().cast(pl.UInt32)
    # A value that has no type is missing after the cast: it is reported for columns that must have one.
    is_broken = pl.int_range(pl.len(), dtype=pl.UInt32).is_in(broken.implode())
    valid = typed.filter(~is_broken)
    valid.write_parquet(folder / "validated.parquet")
    raw.filter(is_broken).write_parquet(folder / "quarantine.parquet")
    features(valid).write_parquet(folder / "features.parquet")
    print(f"{len(valid)} valid, {len(broken)} broken")


def features(orders: pl.DataFrame) -> pl.DataFrame:
    """What `features.sql` computes."""
    ordered = pl.col("ordered_at")
    price = pl.col("quantity") * pl.col("unit_price")
    return orders.select(
        "order_id",
        pl.col("quantity").cast(pl.Float64),
        "unit_price",
        price=price,
        log_unit_price=(1 + pl.col("unit_price")).log(),
        discount=pl.col("discount").fill_null(0),
        without_discount=pl.col("discount").is_null(),
        weight_each=pl.col("weight") / pl.col("quantity"),
        hour=ordered.dt.hour(),
        weekday=ordered.dt.weekday() % 7,
        hours_to_ship=(pl.col("shipped_at") - ordered).dt.total_seconds() / 3600,
        gift=pl.col("gift"),
        note_length=pl.col("note").str.len_chars().fill_null(0),
        product_line=pl.col("product").str.slice(0, 2),
        category=pl.col("category"),
        country=pl.col("country").fill_null("unknown"),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
