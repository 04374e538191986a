"""Doubts about drift between early and late rows."""

import numpy as np
import pandas as pd

from mlops_assets.ml.doubts.drift import drift_over_time


def rows(count: int = 2_000) -> pd.DataFrame:
    random = np.random.default_rng(0)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(count), "h")
    return pd.DataFrame(
        {
            "sold_at": days,
            "size": random.normal(size=count),
            "kind": random.choice(["a", "b", "c"], count),
            "number": np.arange(count),
            "price": random.normal(size=count),
        }
    ).sample(frac=1, random_state=0)


COLUMNS = ["size", "kind", "number", "price"]


def test_rows_without_a_trend_have_no_drift_and_a_row_number_is_none():
    assert drift_over_time(rows(), "sold_at", COLUMNS) is None


def test_columns_that_shift_are_named_with_their_means():
    found = rows()
    late = found["sold_at"] > found["sold_at"].quantile(0.8)
    found.loc[late, "size"] += 2
    found.loc[late, "kind"] = "d"
    doubt = drift_over_time(found, "sold_at", COLUMNS)
    assert doubt is not None
    assert doubt.columns == ("kind", "size")
    assert "by sold_at differs from the first half in kind (PSI " in doubt.finding
    assert ", mean -0.0" in doubt.finding
    assert doubt.advice.endswith("declare split: {method: time, column: sold_at}")


def test_few_rows_and_the_sampling_noise_of_many_categories_are_no_drift():
    shifted = rows(900)
    shifted.loc[shifted["sold_at"] > shifted["sold_at"].quantile(0.8), "size"] += 2
    assert drift_over_time(shifted, "sold_at", COLUMNS) is None, "180 late rows"
    random = np.random.default_rng(1)
    noisy = rows(1_100).assign(kind=[f"k{n}" for n in random.integers(0, 45, 1_100)])
    assert drift_over_time(noisy, "sold_at", ["kind"]) is None
