"""Pipelines: frames as all get them, and matrices of numbers."""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.features.preprocessing import default_pipeline, feature_frame, transform


def test_a_feature_frame_has_floats_text_and_nan_for_missing_values():
    frame = feature_frame(
        pd.DataFrame(
            {
                "whole": pd.array([1, None], dtype="Int64"),
                "flag": [True, False],
                "text": ["a", None],
                "chosen": pd.Categorical(["x", None]),
            },
            index=[5, 3],
        )
    )
    assert list(map(str, frame.dtypes)) == ["float64", "float64", "object", "object"]
    assert frame.index.tolist() == [5, 3]
    assert frame.loc[5].tolist() == [1.0, 1.0, "a", "x"]
    assert frame.loc[3].isna().tolist() == [True, False, True, True]
    assert all(isinstance(value, float) for value in frame.loc[3])


def test_the_default_pipeline_passes_numbers_and_encodes_text():
    frame = pd.DataFrame({"size": [1.0, np.nan, 3.0], "kind": ["car", "van", np.nan]}).astype(
        {"kind": object}
    )
    pipeline = default_pipeline()
    matrix = transform(pipeline, frame, fit=np.zeros(3))
    assert matrix.shape == (3, 4)
    np.testing.assert_array_equal(matrix[:, -1], [1.0, np.nan, 3.0])
    np.testing.assert_array_equal(matrix[:, :3].sum(axis=1), 1)


def test_a_value_unseen_in_training_is_encoded():
    train = pd.DataFrame({"kind": ["car", "van"] * 5}, dtype=object)
    pipeline = default_pipeline()
    transform(pipeline, train, fit=np.zeros(10))
    assert transform(pipeline, pd.DataFrame({"kind": ["boat"]}, dtype=object)).shape == (1, 2)


def test_a_sparse_matrix_becomes_dense():
    frame = pd.DataFrame({"kind": ["car", "van"]}, dtype=object)
    assert transform(OneHotEncoder(), frame, fit=np.zeros(2)).tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_text_after_the_pipeline_is_an_error():
    frame = pd.DataFrame({"kind": ["car", "van"]}, dtype=object)
    with pytest.raises(
        ProjectError, match=r"pipeline.py: the transformer returned values that are not numbers"
    ):
        transform(FunctionTransformer(), frame, fit=np.zeros(2))


@pytest.mark.parametrize("lose", [lambda frame: frame[:1], lambda frame: frame["a"].to_numpy()])
def test_a_transformer_that_loses_rows_or_columns_is_an_error(lose):
    frame = pd.DataFrame({"a": [1.0, 2.0]})
    with pytest.raises(ProjectError, match=r"the transformer returned shape \(.* for 2 rows"):
        transform(FunctionTransformer(lose), frame, fit=np.zeros(2))
