"""Features that contain the target are found, and strong honest features are not."""

import numpy as np
import pandas as pd
import pytest
import sklearn.tree
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_assets.ml.features.leakage import Suspect, find_suspects

ROWS = 2_000


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(3)


def columns_of(found: list[Suspect]) -> list[tuple[str, ...]]:
    return [suspect.columns for suspect in found]


def test_a_near_copy_of_a_regression_target_is_found_in_any_unit(random):
    price = random.gamma(3, 100, ROWS)
    features = pd.DataFrame(
        {
            "area": price / 3 + random.normal(0, 60, ROWS),
            "price_cents": price * 100 + random.normal(0, 50, ROWS),
            "log_price": np.where(random.random(ROWS) < 0.02, np.nan, np.log(price)),
            "constant": 1.0,
        }
    )
    found = find_suspects(features, price, "regression")
    assert columns_of(found) == [("price_cents",), ("log_price",)]
    assert "alone predicts other rows with R² 0.99" in found[0].reason


def test_a_sum_of_columns_is_found(random):
    casual, registered = random.poisson(50, ROWS) * 1.0, random.poisson(200, ROWS) * 1.0
    features = pd.DataFrame(
        {
            "temperature": random.normal(20, 8, ROWS),
            "casual": casual,
            "registered": registered,
            "hour": np.arange(ROWS) % 24,
        }
    )
    found = find_suspects(features, casual + registered, "regression")
    assert [set(names) for names in columns_of(found)] == [{"casual", "registered"}]
    assert found[0].reason == "give the target as a linear combination"
    assert find_suspects(features, casual + registered + random.normal(0, 5, ROWS), "regression") == []


def test_a_product_of_columns_is_found(random):
    units, price = random.integers(1, 40, ROWS) * 1.0, random.gamma(3, 4, ROWS)
    features = pd.DataFrame({"units": units, "price": price, "other": random.normal(size=ROWS)})
    found = find_suspects(features, units * price, "regression")
    assert [set(names) for names in columns_of(found)] == [{"units", "price"}]
    assert found[0].reason == "give the target as a product or ratio"


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_feature_that_separates_the_classes_is_found(random, task):
    classes = ["no", "yes"] if task == "binary" else ["a", "b", "c"]
    target = random.choice(classes, ROWS)
    order = pd.Series(target).map({name: number for number, name in enumerate(classes)})
    features = pd.DataFrame(
        {
            "closed_at": pd.to_datetime("2024-01-01")
            + pd.to_timedelta(order * 100 + random.integers(0, 90, ROWS), unit="D"),
            "reason": np.where(target == classes[-1], "cancelled", random.choice(["x", "y"], ROWS)) + target,
            "strong": order + random.normal(0, 0.8, ROWS),
            "name": [f"n{number}" for number in range(ROWS)],
            "empty": np.nan,
        }
    )
    assert columns_of(find_suspects(features, target, task)) == [("closed_at",), ("reason",)]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["regression", "binary", "multiclass"]))
def test_noise_is_never_suspicious(seed, task):
    random = np.random.default_rng(seed)
    features = pd.DataFrame(
        {
            "number": random.normal(size=300),
            "text": random.choice(list("abcdefgh"), 300),
            "flag": random.random(300) < 0.5,
            "many": random.integers(0, 200, 300).astype(str),
        }
    )
    target = (
        random.normal(size=300)
        if task == "regression"
        else random.integers(0, 2 if task == "binary" else 3, 300)
    )
    assert find_suspects(features, target, task) == []


def test_too_few_rows_or_a_constant_target_have_no_suspects():
    frame = pd.DataFrame({"x": np.arange(30.0)})
    assert find_suspects(frame, np.arange(30.0), "regression") == []
    assert find_suspects(pd.DataFrame({"x": np.arange(90.0)}), np.ones(90), "regression") == []


@pytest.mark.parametrize(
    "derive",
    [
        lambda x, _: np.sin(3 * x),
        lambda x, random: (
            np.where(np.isin(np.floor(3 * x), [1, -2]), 50.0, 0.0) + random.normal(size=len(x)) / 2
        ),
        lambda x, random: (x > 2) * 1e6 + random.normal(size=len(x)),
    ],
)
def test_trees_are_fitted_to_features_with_an_order_only_and_find_each_function_of_one(derive, monkeypatch):
    random = np.random.default_rng(1)
    rows = pd.DataFrame(random.normal(size=(1_000, 40))).rename(columns=lambda place: f"noise_{place}")
    fitted = []
    tree = sklearn.tree.DecisionTreeRegressor
    monkeypatch.setattr(sklearn.tree, "DecisionTreeRegressor", lambda **a: fitted.append(1) or tree(**a))
    target = derive(rows["noise_7"].to_numpy(), random)
    [found] = find_suspects(rows, target.tolist(), "regression")
    assert found.columns == ("noise_7",)
    assert len(fitted) <= 4
