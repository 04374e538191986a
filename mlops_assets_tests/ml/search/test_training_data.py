"""The training set as arrays: training rows, holdout rows, classes and the encoded target."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.ml.families import Settings
from mlops_assets.ml.features.preprocessing import default_pipeline
from mlops_assets.ml.model.model_spec import ModelSpec
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.ml.search.training_data import (
    TrainingData,
    encode_target,
    find_classes,
    require_defined_metric,
    split_sides,
)


def training_set(rows: int = 60, *, groups: bool = False) -> pd.DataFrame:
    random = np.random.default_rng(0)
    size = random.uniform(0, 10, rows)
    frame = pd.DataFrame(
        {
            "row_id": random.permutation(rows),
            "size": size,
            "kind": random.choice(["car", "van"], rows),
            "price": 3 * size + random.normal(0, 0.1, rows),
            "_split": np.where(np.arange(rows) % 3 == 0, "holdout", "train"),
        }
    )
    return frame.assign(_group=frame["row_id"] // 2) if groups else frame


def sides(frame: pd.DataFrame) -> tuple[TrainingData, TrainingData]:
    return split_sides(frame, target="price", classes=(), subject="garage")


def test_sides_contain_only_features_in_the_order_of_row_id():
    frame = training_set(groups=True)
    train, holdout = sides(frame)
    assert len(train.target) == 40
    assert len(holdout.target) == 20
    for side in (train, holdout):
        rows = frame.set_index("row_id").loc[side.row_ids]
        assert (np.diff(side.row_ids) > 0).all()
        assert side.features.columns.tolist() == ["size", "kind"]
        assert side.features["size"].tolist() == rows["size"].tolist()
        assert side.target.tolist() == rows["price"].tolist()
        assert side.groups.tolist() == rows["_group"].tolist()


def test_sides_do_not_depend_on_the_order_of_the_table():
    frame = training_set()
    (one, _), (other, _) = sides(frame), sides(frame.sample(frac=1.0, random_state=1))
    pd.testing.assert_frame_equal(one.features, other.features)
    assert one.groups is None


def test_only_selects_the_same_rows_of_all_arrays():
    train, _ = sides(training_set(groups=True))
    kept = train.only(train.row_ids > 30)
    assert kept.row_ids.min() > 30
    assert len(kept.features) == len(kept.target) == len(kept.groups) == len(kept.row_ids)
    assert kept.features.index.tolist() == list(range(len(kept.row_ids)))


def test_holdout_rows_cannot_change_a_model():
    frame = training_set()
    changed = frame.copy()
    holdout = changed["_split"] == "holdout"
    changed.loc[holdout, ["size", "price"]] = 1e6
    changed.loc[holdout, "kind"] = "boat"
    digests = set()
    for table in (frame, changed):
        train, _ = sides(table)
        spec = ModelSpec(
            "garage", "regression", "price", "cars", (), ("size", "kind"), (), "xgboost", {"eta": 0.3}, 5, 0
        )
        settings = Settings("regression", 1, seed=0, threads=1)
        model = TabularModel.fit(spec, "", train.features, train.target, default_pipeline, settings)
        digests.add(model.digest())
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("task", "values", "classes"),
    [
        ("regression", [1.5, 2.0, None], ()),
        ("binary", ["yes", "no", None, "yes"], ("no", "yes")),
        ("binary", [True, False], (False, True)),
        ("multiclass", [3, 1, 2, 1], (1, 2, 3)),
    ],
)
def test_classes_are_the_sorted_values_of_the_target(task: Any, values: list, classes: tuple):
    assert find_classes(task, pd.Series(values), subject="garage") == classes


@pytest.mark.parametrize(
    ("task", "values", "message"),
    [
        ("regression", [], "garage: the target has 0 distinct values"),
        ("regression", [2.0, 2.0, None], "garage: the target has 1 distinct values"),
        ("binary", ["yes", "yes"], "garage: the target has 1 distinct values"),
        ("regression", ["3", "4"], "the target of a regression must be a number, but contains '3'"),
        ("binary", ["a", "b", "c"], "has 3 distinct values, but the task is binary"),
    ],
)
def test_a_target_that_does_not_fit_the_task_is_an_error(task: Any, values: list, message: str):
    with pytest.raises(DataError, match=message):
        find_classes(task, pd.Series(values), subject="garage")


def test_a_target_becomes_numbers():
    assert encode_target(pd.Series([2, 3]), (), subject="garage").tolist() == [2.0, 3.0]
    encoded = encode_target(pd.Series(["yes", "no", "yes"]), ("no", "yes"), subject="garage")
    assert encoded.tolist() == [1, 0, 1]
    assert encoded.dtype == np.int64


def test_a_class_without_training_rows_is_named():
    with pytest.raises(DataError, match=r"garage: classes without training rows: 'd', 'z'"):
        encode_target(pd.Series(["a", "z", "b", "d"]), ("a", "b"), subject="garage")


def test_a_relative_error_as_primary_metric_is_refused_for_a_target_with_zeros():
    frame = pd.DataFrame({"row_id": [1, 2, 3], "size": [1.0, 2.0, 3.0], "price": [0.0, 2.0, 0.0]})
    train = TrainingData.of(frame, target="price", classes=(), subject="houses")
    require_defined_metric("rmse", train, subject="houses")
    with pytest.raises(DataError, match="it is 0 in 2 of 3 training rows"):
        require_defined_metric("mape", train, subject="houses")
