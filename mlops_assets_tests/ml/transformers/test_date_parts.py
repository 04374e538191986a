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


def test_timestamps_have_a_time_of_day_and_equal_their_text():
    times = pd.to_datetime(
        pd.Series(["1969-12-31 06:00", "2024-02-29 18:00", None, "2031-12-31 00:00"], name="at")
    )
    encoder = DateParts().fit(times.to_frame())
    parts = encoder.transform(times.to_frame())
    assert encoder.get_feature_names_out(["at"])[-2:].tolist() == ["at_time_sin", "at_time_cos"]
    np.testing.assert_allclose(parts[[0, 1, 3], -2:], [[1, 0], [-1, 0], [0, 1]], atol=1e-12)
    assert parts[0, 0] == -0.75
    day = 2 * np.pi * np.array([365, 60, 365]) / 365.25
    np.testing.assert_allclose(parts[[0, 1, 3], 1], np.sin(day))
    weekday = 2 * np.pi * np.array([2, 3, 2]) / 7
    np.testing.assert_allclose(parts[[0, 1, 3], 3], np.sin(weekday), atol=1e-12)
    text = times.astype("string").astype(object).to_frame()
    np.testing.assert_array_equal(DateParts().fit(text).transform(text), parts)


def test_models_that_were_saved_before_the_time_of_day_have_five_parts():
    frame = pd.DataFrame({"day": ["2024-12-31", "2025-01-07 12:00:00"]})
    new, old = DateParts().fit(frame), DateParts().fit(frame)
    del old.timed_
    np.testing.assert_array_equal(old.transform(frame), new.transform(frame)[:, :5])
    assert old.get_feature_names_out(["day"]).tolist() == new.get_feature_names_out(["day"])[:5].tolist()


def test_it_is_the_same_after_saving_and_loading(survives):
    frame = pd.DataFrame({"day": ["2024-12-31", np.nan, "2025-01-01", "2025-01-02"]}, dtype=object)
    survives(DateParts().fit(frame), frame)


def test_a_value_that_is_not_a_date_is_an_error():
    with pytest.raises(DataError, match="DateParts: day is '31st of May', which is not a date"):
        DateParts().fit_transform(pd.DataFrame({"day": ["2024-12-31", "31st of May"]}))
