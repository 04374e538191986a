"""A small project of the tests: its files, and rows with a known pattern."""

import numpy as np
import pandas as pd

SCHEMA = """
import pandera.pandas as pa


class Loans(pa.DataFrameModel):
    income: float = pa.Field(gt=0)
    amount: float = pa.Field(gt=0)
    purpose: str = pa.Field(isin=["car", "house", "other"])
    outcome: str = pa.Field(isin=["late", "paid"])


class Features(pa.DataFrameModel):
    income: float = pa.Field(gt=0)
    share: float = pa.Field(gt=0)
    purpose: str
"""
FEATURES_SQL = "select row_id, income, amount / income as share, purpose from loans"


def loans(rows: int = 300, *, seed: int = 0) -> pd.DataFrame:
    """Loans of which those of middling size, compared with the income, are late: no line parts them."""
    random = np.random.default_rng(seed)
    income = random.uniform(1_000, 9_000, rows).round(2)
    amount = random.uniform(100, 9_000, rows).round(2)
    share = amount / income + random.normal(0, 0.05, rows)
    late = (share > 0.5) & (share < 1.3)
    return pd.DataFrame(
        {
            "income": income,
            "amount": amount,
            "purpose": random.choice(["car", "house", "other"], rows),
            "outcome": np.where(late, "late", "paid"),
        }
    )
