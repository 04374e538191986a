"""predictions: version, batches and errors."""

import math
import shutil

import pytest

from mlops_assets.core import names
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.daemon import failure_message
from mlops_assets_tests.support.shop import FEATURES_SQL, MONTHS, TARGET_SQL

FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH = MONTHS[:6]


def test_predictions_have_the_version_of_the_champion_and_are_idempotent(champion_shop):
    frame = champion_shop.frame("predictions", FIFTH)
    features = champion_shop.frame("features", FIFTH)
    assert sorted(frame["customer"]) == sorted(features["customer"])
    columns = ["customer", "prediction", "probability", "model_version", "in_training", names.PARTITION]
    assert list(frame.columns) == columns
    assert set(frame["model_version"]) == {1}
    version = champion_shop.version("predictions")
    assert champion_shop.daemon.run("shop/predictions", partition=FIFTH).success
    assert champion_shop.version("predictions") == version
    assert champion_shop.metadata("predictions", FIFTH)["written"] is False
    assert champion_shop.metadata("predictions", FIFTH)["mean_probability"] == pytest.approx(
        frame["probability"].mean()
    )


def test_predictions_are_computed_and_written_in_batches(champion_shop, monkeypatch):
    whole = champion_shop.digests("predictions")[FIFTH]
    sizes = []
    outputs = TabularModel.outputs

    def counted(model, frame):
        sizes.append(len(frame))
        return outputs(model, frame)

    monkeypatch.setattr(TabularModel, "outputs", counted)
    monkeypatch.setitem(Warehouse.batches.__kwdefaults__, "rows", 16)
    assert champion_shop.daemon.run("shop/predictions", partition=FIFTH).success
    rows = len(champion_shop.frame("features", FIFTH))
    assert sum(sizes) == rows
    assert max(sizes) <= 16
    assert len(sizes) == math.ceil(rows / 16)
    assert champion_shop.digests("predictions")[FIFTH] == whole


def test_predictions_without_a_champion_or_features_are_errors(shop):
    message = failure_message(shop.daemon.run("shop/predictions", partition=FIFTH))
    assert "shop has no champion to predict with" in message
    message = failure_message(shop.daemon.run("shop/predictions", partition=SIXTH))
    assert "shop: partition 2024-06 has no features yet" in message


def in_training(shop, month):
    """The values of `in_training` of a month, by customer."""
    return shop.frame("predictions", month).set_index("customer")["in_training"]


def fitted_rows(shop, month, **fixed):
    """The customers of a month in the training set of the champion, on the sides that it was fitted on."""
    rows = shop.frame("training_set", FIFTH)
    for name, value in fixed.items():
        rows = rows[rows[name] == value]
    return set(rows.loc[rows[names.PERIOD] == month, "customer"])


def test_predictions_of_rows_that_the_refitted_champion_was_fitted_on_are_in_training(champion_shop):
    shop = champion_shop
    for month in (SECOND, FOURTH, FIFTH):
        assert shop.daemon.run("shop/predictions", partition=month).success
        marked = in_training(shop, month)
        assert set(marked[marked].index) == fitted_rows(shop, month)
    assert in_training(shop, SECOND).all()
    assert in_training(shop, FOURTH).all(), "the holdout is labelled, and the model was refitted on it"
    assert not in_training(shop, FIFTH).any(), "its target is not known at the cut-off"
    assert shop.metadata("predictions", SECOND)["in_training"] == len(in_training(shop, SECOND))
    assert shop.metadata("predictions", FIFTH)["in_training"] == 0


def test_without_a_refit_only_training_rows_are_in_training(shop):
    shop.declare(
        settings={"training": {"refit": False}},
        target_sql=TARGET_SQL.replace(
            "(buyers", "case when entities.customer <> 'c001' then (buyers"
        ).replace("as quiet", "end as quiet"),
    )
    for month in MONTHS[:4]:
        assert shop.daemon.run("shop/target", partition=month).success
    assert shop.train(FIFTH).success
    for month in (SECOND, FOURTH):
        assert shop.daemon.run("shop/predictions", partition=month).success
        marked = in_training(shop, month)
        assert set(marked[marked].index) == fitted_rows(shop, month, **{names.SPLIT: names.TRAIN})
    assert not in_training(shop, SECOND)["c001"], "it has no target"
    assert in_training(shop, SECOND).drop("c001").all()
    assert not in_training(shop, FOURTH).any(), "the holdout"


def test_in_training_is_null_where_the_training_set_is_lost(champion_shop):
    shop = champion_shop
    shutil.rmtree(shop.warehouse.root / "shop" / "training_set")
    for month in (SECOND, FIFTH):
        assert shop.daemon.run("shop/predictions", partition=month).success
    assert in_training(shop, SECOND).isna().all()
    assert not in_training(shop, FIFTH).any(), "no row of a later partition can be in it"
    assert not in_training(shop, FIFTH).isna().any()


def test_features_that_the_champion_can_not_read_are_an_error_with_the_way(champion_shop):
    shop = champion_shop
    shop.declare(features_sql=FEATURES_SQL.replace("as amount,", "::varchar || ' EUR' as amount,"))
    assert shop.daemon.run("shop/features", partition=FIFTH).success
    message = failure_message(shop.daemon.run("shop/predictions", partition=FIFTH))
    assert "shop: champion version 1 can't predict from the features of 2024-05: model of shop: " in message
    assert "amount: dtype(float64)" in message
    assert "mlops approve or mlops rollback" in message


def test_contributions_are_columns_of_partitions_that_are_predicted_from_then_on(champion_shop):
    shop = champion_shop
    shop.declare(settings={"predictions": {"contributions": 2}})
    assert shop.daemon.run("shop/predictions", partition=SECOND).success
    frame = shop.frame("predictions", SECOND)
    added = ["contribution_base", *(f"contribution_{n}_{of}" for n in (1, 2) for of in ("feature", "value"))]
    assert list(frame.columns)[3:10] == [*added, "contribution_rest", "model_version"]
    features = set(shop.frame("features", SECOND).columns)
    assert set(frame["contribution_1_feature"].dropna()) <= features
    assert (frame["contribution_1_value"].abs() >= frame["contribution_2_value"].abs()).all()
    assert frame["contribution_base"].std() < 1e-6
    assert "contribution_base" not in shop.frame("predictions", FIFTH), "it was predicted before"
