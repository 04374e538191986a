"""Files of estimators: allowed types load, all others are rejected before construction."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from skops import io as skops_io

from mlops_assets.core.errors import ModelError
from mlops_assets.ml.features.preprocessing import default_pipeline
from mlops_assets.ml.skops_files import dump_estimator, estimator_digest, load_estimator

FRAME = pd.DataFrame({"size": [1.0, np.nan, 3.0], "kind": ["car", "van", "car"]}).astype({"kind": object})


class Foreign(TransformerMixin, BaseEstimator):
    """A transformer of another package that records its construction."""

    constructed: list[str] = []

    def __setstate__(self, state: dict) -> None:
        self.constructed.append("constructed")
        self.__dict__ |= state

    def fit(self, frame: pd.DataFrame, target: object = None) -> "Foreign":
        return self

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame


def test_a_loaded_pipeline_has_the_same_digest(tmp_path: Path):
    pipeline = default_pipeline().fit(FRAME)
    dump_estimator(pipeline, tmp_path / "pipeline.skops")
    loaded = load_estimator(tmp_path / "pipeline.skops")
    np.testing.assert_array_equal(loaded.transform(FRAME), pipeline.transform(FRAME))
    assert estimator_digest(loaded) == estimator_digest(pipeline)


def test_a_type_that_is_not_allowed_is_rejected_before_construction(tmp_path: Path):
    planted = tmp_path / "pipeline.skops"
    planted.write_bytes(skops_io.dumps(make_pipeline(StandardScaler(), Foreign())))
    with pytest.raises(ModelError, match=r"pipeline.skops contains types that are not allowed: .*Foreign"):
        load_estimator(planted)
    assert Foreign.constructed == []


def test_a_function_is_rejected_like_a_type(tmp_path: Path):
    planted = tmp_path / "pipeline.skops"
    planted.write_bytes(skops_io.dumps(FunctionTransformer(json.dumps)))
    with pytest.raises(ModelError, match=r"contains types that are not allowed: json.dumps"):
        load_estimator(planted)


def test_an_estimator_that_cannot_be_loaded_is_not_written(tmp_path: Path):
    with pytest.raises(ModelError, match=r"contains types that are not allowed: .*Foreign"):
        dump_estimator(Foreign(), tmp_path / "pipeline.skops")


def test_a_file_contains_data_and_no_pickle(tmp_path: Path):
    path = tmp_path / "pipeline.skops"
    dump_estimator(default_pipeline().fit(FRAME), path)
    with zipfile.ZipFile(path) as archive:
        assert {Path(name).suffix for name in archive.namelist()} <= {".json", ".npy", ".npz"}


def test_equal_estimators_have_equal_digests_and_others_do_not():
    scaler = StandardScaler().fit([[1.0], [2.0]])
    assert estimator_digest(scaler) == estimator_digest(StandardScaler().fit([[1.0], [2.0]]))
    others = [
        StandardScaler().fit([[1.0], [2.5]]),
        StandardScaler(with_mean=False).fit([[1.0], [2.0]]),
        SimpleImputer().fit([[1.0], [2.0]]),
        StandardScaler(),
    ]
    assert len({estimator_digest(each) for each in (scaler, *others)}) == 5


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        (1, "1"),
        (None, "None"),
        ([1, 2], [2, 1]),
        ([[1], 2], [[1, 2]]),
        ((1,), [1]),
        (np.zeros(2), np.zeros((2, 1))),
        (np.zeros(2), np.zeros(2, dtype=np.float32)),
        (np.array(["a", 1], dtype=object), np.array(["a", "1"], dtype=object)),
        (np.dtype("f4"), np.dtype("f8")),
        (slice(1), slice(2)),
        (sparse.eye(2), sparse.eye(3)),
        (int, float),
        (np.log, np.exp),
    ],
)
def test_values_that_differ_have_different_digests(one: object, other: object):
    assert estimator_digest({"a": one}) != estimator_digest({"a": other})


def test_the_order_of_a_mapping_and_the_layout_of_an_array_do_not_matter():
    array = np.arange(6.0).reshape(2, 3)
    assert estimator_digest({"a": 1, "b": array}) == estimator_digest({"b": np.asfortranarray(array), "a": 1})


def test_a_value_without_a_canonical_form_is_an_error():
    with pytest.raises(ModelError, match="contains a <class 'object'>, which has no canonical form"):
        estimator_digest({"a": object()})
