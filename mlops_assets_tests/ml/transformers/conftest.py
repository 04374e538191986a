"""Block groups on a synthetic coast, and the check of saving and loading a transformer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_assets.ml.skops_files import dump_estimator, estimator_digest, load_estimator


@pytest.fixture
def places() -> tuple[pd.DataFrame, np.ndarray]:
    """Places and incomes of 300 rows, one without a place, and a price that depends on them."""
    random = np.random.default_rng(0)
    latitude, longitude = random.uniform(36, 38, 300), random.uniform(-123, -121, 300)
    income = random.lognormal(1, 0.3, 300)
    price = income + 3 * np.exp(-((latitude - 37) ** 2 + (longitude + 122) ** 2)) + random.normal(0, 0.1, 300)
    frame = pd.DataFrame({"latitude": latitude, "longitude": longitude, "income": income})
    frame.loc[7, "latitude"] = np.nan
    return frame, price


@pytest.fixture
def survives(tmp_path: Path) -> Callable[..., None]:
    """After saving and loading, results and digest are equal, and rows are independent of each other."""

    def check(fitted: Any, rows: pd.DataFrame) -> None:
        before = fitted.transform(rows)
        digest = estimator_digest(fitted)
        dump_estimator(fitted, tmp_path / "block.skops")
        loaded = load_estimator(tmp_path / "block.skops")
        assert estimator_digest(loaded) == digest
        np.testing.assert_array_equal(loaded.transform(rows), before)
        np.testing.assert_allclose(loaded.transform(rows.iloc[[3]]), before[[3]], rtol=1e-12)
        assert loaded.get_feature_names_out().shape == (before.shape[1],)
        assert estimator_digest(loaded) == digest, "what it computed meanwhile is no part of it"

    return check
