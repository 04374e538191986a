"""A small project for tests whose text columns look like numbers and missing values."""

from typing import Any

import numpy as np
import pandas as pd

SCHEMA = """
import pandera.pandas as pa


class Parcels(pa.DataFrameModel):
    postcode: str
    code: str
    country: str
    weight: float = pa.Field(gt=0, nullable=True)
    insured: bool
    sent_at: pa.DateTime
    late: str = pa.Field(isin=["no", "yes"])

    @pa.dataframe_check
    def late_parcels_are_sent(cls, frame):
        return (frame["late"] == "no") | frame["sent_at"].notna()
"""
FEATURES_SQL = """
select row_id, postcode, code, country, weight, insured, hour(sent_at) as hour from parcels
"""
ATTRIBUTES: dict[str, Any] = {
    "description": "Which parcels are late.",
    "task": "binary",
    "target": {"column": "late"},
    "tables": {"parcels": {"source": "data/*.csv", "csv": {"delimiter": ";", "decimal": ","}}},
    "tuning": {"trials": 1, "folds": 2, "families": ["xgboost"], "threads": 1},
}


def parcels(rows: int = 300, *, seed: int = 0) -> pd.DataFrame:
    """Parcels as text with decimal commas: those to 02134, with code 1.0 or to NA are late."""
    random = np.random.default_rng(seed)
    postcode = random.choice(["02134", "2134", "90210"], rows)
    postcode[0] = "02134"
    code, country = random.choice(["1", "1.0"], rows), random.choice(["NA", "DE"], rows)
    risk = 0.3 * (postcode == "02134") + 0.3 * (code == "1.0") + 0.3 * (country == "NA")
    hours = pd.to_datetime("2025-03-01") + pd.to_timedelta(random.integers(0, 2000, rows), "h")
    return pd.DataFrame(
        {
            "postcode": postcode,
            "code": code,
            "country": country,
            "weight": [f"{value:.2f}".replace(".", ",") for value in random.uniform(0.1, 9, rows)],
            "insured": random.choice(["true", "false"], rows),
            "sent_at": hours.strftime("%Y-%m-%d %H:%M:%S"),
            "late": np.where(random.uniform(size=rows) < risk, "yes", "no"),
        }
    )
