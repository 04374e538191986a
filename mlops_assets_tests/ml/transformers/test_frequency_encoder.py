"""Frequencies of values in the training rows."""

import numpy as np
import pandas as pd
import pytest

from mlops_assets.ml.transformers import FrequencyEncoder


def test_a_value_becomes_its_share_and_an_unknown_one_zero():
    frame = pd.DataFrame({"town": ["Ely", "Ely", "Rye", None], "code": [1.0, 2.0, np.nan, np.nan]})
    encoder = FrequencyEncoder().fit(frame)
    later = pd.DataFrame({"town": ["Ely", None, "Ham", ""], "code": [1.0, np.nan, 3.0, 2.0]})
    assert encoder.transform(later) == pytest.approx(np.array([[0.5, 0.25], [0.25, 0.5], [0, 0], [0, 0.25]]))
    assert list(encoder.get_feature_names_out(["town", "code"])) == ["town_share", "code_share"]


def test_it_is_the_same_after_saving_and_loading(survives):
    frame = pd.DataFrame({"town": ["Ely", "Ely", "Rye", np.nan]}, dtype=object)
    survives(FrequencyEncoder().fit(frame), frame)
