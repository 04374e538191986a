"""Monotone constraints through a pipeline: the directions of its columns, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer, StandardScaler

from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.features.monotone import column_directions, value_grid
from mlops_assets.ml.features.preprocessing import default_pipeline


def rows() -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"income": random.gamma(2, 2, 200), "age": random.normal(size=200)})
    frame.loc[::7, "income"] = np.nan
    return frame.assign(kind=random.choice(["car", "van"], 200).astype(object))


def directions(pipeline, monotone):
    frame = rows()
    return column_directions(pipeline.fit(frame, np.arange(len(frame))), frame, monotone)


def test_columns_that_pass_through_have_the_declared_direction_and_others_none():
    found = directions(default_pipeline(), {"income": 1, "age": -1})
    assert found == (0, 0, 1, -1)
    assert directions(default_pipeline(), {}) is None


def test_monotone_steps_keep_or_turn_the_direction():
    opposite = FunctionTransformer(lambda values: -np.log1p(values))
    steps = make_pipeline(
        make_column_transformer((opposite, ["income"]), ("passthrough", ["age"])), StandardScaler()
    )
    assert directions(steps, {"income": 1, "age": 1}) == (-1, 1)
    ordinal = KBinsDiscretizer(5, encode="ordinal", subsample=None, quantile_method="averaged_inverted_cdf")
    assert directions(make_column_transformer((ordinal, ["age"])), {"age": -1}) == (-1,)


@pytest.mark.parametrize(
    ("pipeline", "monotone", "message"),
    [
        (default_pipeline(), {"kind": 1}, "monotone.kind: the feature is no number"),
        (default_pipeline(), {"incme": 1}, "monotone.incme: features.sql returns no such feature"),
        (
            make_column_transformer((FunctionTransformer(np.square), ["age"])),
            {"age": 1},
            "monotone.age: the pipeline encodes the feature as column 0 of its output, which is not",
        ),
        (
            make_column_transformer(
                (FunctionTransformer(lambda two: two.sum(axis=1).to_frame()), ["age", "income"])
            ),
            {"age": 1},
            "monotone.age: column 0 of the pipeline's output also depends on other features",
        ),
        (
            make_column_transformer(("passthrough", ["income"])),
            {"age": 1},
            "monotone.age: no column of the pipeline's output depends on the feature",
        ),
    ],
)
def test_what_a_constraint_cannot_pass_is_refused_with_the_feature(pipeline, monotone, message):
    with pytest.raises(ProjectError, match=message):
        directions(pipeline, monotone)


def test_a_grid_has_the_smallest_and_the_largest_value():
    assert value_grid(pd.Series([3.0, np.nan, 1.0, 1.0]), 5).tolist() == [1.0, 3.0]
    many = value_grid(pd.Series(np.arange(1000.0)), 10)
    assert (len(many), many[0], many[-1]) == (10, 0.0, 999.0)
