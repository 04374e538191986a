"""Numeric features of dates."""

import numpy as np
import pandas as pd
import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.ml.transformers import DateParts


def test_parts_are_periodic_in_the_year_and_the_week():
    frame = pd.DataFrame({"day": ["2024-12-31", "2025-01-01", "2025-01-07 12:00:00", "2025-07-01", np.nan]})
    parts = DateParts().fit_transform(frame)
    assert parts[:4, 0] == pytest.approx([20088, 20089, 20095.5, 20270])
    assert (
        np.linalg.norm(parts[0, 1:3] - parts[1, 1:3]) < 0.05 < np.linalg.norm(parts[1, 1:3] - parts[3, 1:3])
    )
    np.testing.assert_allclose(parts[0, 3:5], parts[2, 3:5])  # both are Tuesdays
    assert np.isnan(parts[4]).all()
    assert list(DateParts().fit(frame).get_feature_names_out(["day"]))[:2] == ["day_day", "day_year_sin"]


def test_it_is_the_same_after_saving_and_loading(survives):
    frame = pd.DataFrame({"day": ["2024-12-31", np.nan, "2025-01-01", "2025-01-02"]}, dtype=object)
    survives(DateParts().fit(frame), frame)


def test_a_value_that_is_not_a_date_is_an_error():
    with pytest.raises(DataError, match="DateParts: day is '31st of May', which is not a date"):
        DateParts().fit_transform(pd.DataFrame({"day": ["2024-12-31", "31st of May"]}))
