"""The plain way with pandas and pandera: read, validate, compute features, write.

Run: python -m benchmarks.orders.pandas_way orders.csv FOLDER
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from benchmarks.orders.schema import Orders

NUMBERS = ["order_id", "customer_id", "quantity", "unit_price", "discount", "weight", "paid"]
TIMES = ["ordered_at", "shipped_at"]


def main(source: Path, folder: Path) -> None:
    """Write validated, quarantined and feature rows as Parquet files."""
    raw = pd.read_csv(source, low_memory=False)
    typed = raw.copy(deep=False)
    for name in NUMBERS:
        typed[name] = pd.to_numeric(raw[name], errors="coerce")
    for name in TIMES:
        typed[name] = pd.to_datetime(raw[name], format="%Y-%m-%d %H:%M:%S", errors="coerce")
    broken = typed.index[:0]
    try:
        schema().validate(typed, lazy=True)
    except SchemaErrors as errors:
        broken = pd.Index(errors.failure_cases["index"].dropna().unique())
    valid = typed.drop(index=broken).astype(
        {"order_id": "int64", "customer_id": "int64", "quantity": "int64"}
    )
    valid.to_parquet(folder / "validated.parquet", index=False)
    raw.loc[broken].astype(str).to_parquet(folder / "quarantine.parquet", index=False)
    features(valid).to_parquet(folder / "features.parquet", index=False)
    print(f"{len(valid)} valid, {len(broken)} broken")


def schema() -> pa.DataFrameSchema:
    """The contract, with a missing integer reported as missing and not as a wrong type."""
    types = {"order_id": "float64", "customer_id": "float64", "quantity": "float64"}
    changes: dict[str, dict[str, object]] = {name: {"dtype": dtype} for name, dtype in types.items()}
    changes["order_id"] |= {"unique": True, "report_duplicates": "exclude_first"}
    return Orders.to_schema().update_columns(changes)


def features(orders: pd.DataFrame) -> pd.DataFrame:
    """What `features.sql` computes."""
    ordered = orders["ordered_at"]
    return pd.DataFrame(
        {
            "order_id": orders["order_id"],
            "quantity": orders["quantity"].astype("float64"),
            "unit_price": orders["unit_price"],
            "price": orders["quantity"] * orders["unit_price"],
            "log_unit_price": np.log(1 + orders["unit_price"]),
            "discount": orders["discount"].fillna(0),
            "without_discount": orders["discount"].isna().astype("float64"),
            "weight_each": orders["weight"] / orders["quantity"],
            "hour": ordered.dt.hour.astype("float64"),
            "weekday": ((ordered.dt.dayofweek + 1) % 7).astype("float64"),
            "hours_to_ship": (orders["shipped_at"] - ordered).dt.total_seconds() / 3600,
            "gift": orders["gift"].astype("float64"),
            "note_length": orders["note"].str.len().fillna(0),
            "product_line": orders["product"].str[:2],
            "category": orders["category"],
            "country": orders["country"].fillna("unknown"),
        }
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
