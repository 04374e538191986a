"""Partial dependence follows the prediction along one feature, averaged over the others."""

import numpy as np
import pandas as pd
import pytest

from mlops_assets.ml.evaluation.partial_dependence import MAX_VALUES, POINTS, ROWS, partial_dependence

FEATURES = pd.DataFrame(
    {
        "size": np.linspace(0, 10, 1_000),
        "kind": np.resize(["car", "van", "car"], 1_000),
        "idle": np.full(1_000, 3.0),
    }
)


def price(frame: pd.DataFrame) -> np.ndarray:
    return (2.0 * frame["size"] + 5.0 * (frame["kind"] == "van")).to_numpy()


def test_the_grid_of_numbers_consists_of_quantiles():
    found = partial_dependence(price, FEATURES, "size", seed=0)
    assert found is not None
    assert (len(found.values), found.rows) == (POINTS, ROWS)
    assert (found.values[0], found.values[-1]) == (pytest.approx(0.2, abs=0.01), pytest.approx(9.8, abs=0.01))
    assert np.allclose(np.diff(found.means), 2.0 * np.diff(found.values))
    assert found.high[0] - found.low[0] == pytest.approx(5.0), "a third of the rows are vans"


def test_the_grid_of_texts_consists_of_the_most_frequent_values():
    found = partial_dependence(price, FEATURES, "kind", seed=0)
    assert found is not None
    assert found.values == ["car", "van"]
    assert found.means[1] - found.means[0] == pytest.approx(5.0)
    many = FEATURES.assign(kind=[f"kind {index % 30}" for index in range(1_000)])
    assert len(partial_dependence(price, many, "kind", seed=0).values) == MAX_VALUES


def test_the_grid_of_dates_consists_of_days_in_order():
    days = pd.date_range("2024-01-01", periods=1_000, freq="D").astype("datetime64[us]")
    made = FEATURES.assign(day=days)
    found = partial_dependence(lambda rows: (rows["day"] - days[0]).dt.days.to_numpy(), made, "day", seed=0)
    assert found is not None
    assert (found.values[0], found.values[-1], len(found.values)) == ("2024-01-20", "2026-09-06", MAX_VALUES)
    assert found.means == sorted(found.means)
    assert not found.is_numeric


def test_free_text_has_no_partial_dependence():
    notes = FEATURES.assign(note=[f"note {place}" for place in range(1_000)])
    assert partial_dependence(price, notes, "note", seed=0) is None


def test_a_feature_with_one_value_has_no_partial_dependence():
    assert partial_dependence(price, FEATURES, "idle", seed=0) is None
    assert partial_dependence(price, FEATURES.assign(idle=np.nan), "idle", seed=0) is None
