"""How one feature moves a prediction, with all else left as it is."""

import numpy as np
import pandas as pd
import pytest

from mlops_assets.ml.evaluation.partial_dependence import MOST_VALUES, POINTS, ROWS, dependence

FEATURES = pd.DataFrame(
    {
        "size": np.linspace(0, 10, 1_000),
        "kind": np.resize(["car", "van", "car"], 1_000),
        "idle": np.full(1_000, 3.0),
    }
)


def price(frame: pd.DataFrame) -> np.ndarray:
    return (2.0 * frame["size"] + 5.0 * (frame["kind"] == "van")).to_numpy()


def test_numbers_are_followed_along_their_quantiles():
    found = dependence(price, FEATURES, "size", seed=0)
    assert found is not None
    assert (len(found.values), found.rows) == (POINTS, ROWS)
    assert (found.values[0], found.values[-1]) == (pytest.approx(0.2, abs=0.01), pytest.approx(9.8, abs=0.01))
    assert np.allclose(np.diff(found.means), 2.0 * np.diff(found.values))
    assert found.high[0] - found.low[0] == pytest.approx(5.0), "a third of the rows is a van"


def test_texts_are_followed_by_their_values():
    found = dependence(price, FEATURES, "kind", seed=0)
    assert found is not None
    assert found.values == ["car", "van"]
    assert found.means[1] - found.means[0] == pytest.approx(5.0)
    many = FEATURES.assign(kind=[f"kind {index % 30}" for index in range(1_000)])
    assert len(dependence(price, many, "kind", seed=0).values) == MOST_VALUES


def test_a_feature_of_one_value_has_none():
    assert dependence(price, FEATURES, "idle", seed=0) is None
    assert dependence(price, FEATURES.assign(idle=np.nan), "idle", seed=0) is None
