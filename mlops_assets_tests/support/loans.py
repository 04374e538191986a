"""A small project for tests: its files, and rows with a known pattern."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_assets_tests.support.dg_project import enter_dg_project, write_dg_project

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
CODED_SCHEMA = SCHEMA.replace(
    'purpose: str = pa.Field(isin=["car", "house", "other"])', "purpose: str"
).split("class Features")[0]
"""The schema of loans whose purposes are codes, without a contract of the features."""
FEATURES_SQL = "select row_id, income, amount / income as share, purpose from loans"


def loans(rows: int = 300, *, seed: int = 0) -> pd.DataFrame:
    """Loans that are late if their size is medium, relative to the income: not linearly separable."""
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


def coded_loans(rows: int = 600, *, seed: int = 0) -> pd.DataFrame:
    """Loans whose purposes are codes in text."""
    frame = loans(rows, seed=seed)
    return frame.assign(purpose=frame["purpose"].map({"car": "1", "house": "2", "other": "3"}))


def enter_lending_project(
    root: Path, monkeypatch: pytest.MonkeyPatch, mlflow: Path, *, family: str, files: Mapping[str, str] = {}
) -> Path:
    """A dg project with one model project and its data as the working directory; one trial of tuning."""
    attributes = {
        "description": "Which loans are paid late.",
        "task": "binary",
        "target": {"column": "outcome"},
        "tables": {"loans": {"source": "data/*.csv"}},
        "tuning": {"trials": 1, "folds": 2, "families": [family], "threads": 1},
    }
    sources = {"schema.py": SCHEMA, "features.sql": FEATURES_SQL, **files}
    write_dg_project(root, "lending", attributes, sources, mlflow=mlflow)
    loans(300).to_csv(root / "data" / "loans.csv", index=False)
    return enter_dg_project(root, monkeypatch)


ATTRIBUTES: dict[str, Any] = {
    "description": "Which loans are paid late.",
    "task": "binary",
    "target": {"column": "outcome"},
    "tables": {"loans": {"source": "data/*.csv"}},
    "tuning": {"trials": 1, "folds": 2, "families": ["xgboost"], "threads": 1},
}
