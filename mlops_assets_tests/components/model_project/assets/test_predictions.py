"""predictions: version, batches and errors."""

import math

import pytest

from mlops_assets.core import names
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets_tests.support.daemon import failure_message
from mlops_assets_tests.support.shop import MONTHS

FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH = MONTHS[:6]


def test_predictions_have_the_version_of_the_champion_and_are_idempotent(champion_shop):
    frame = champion_shop.frame("predictions", FIFTH)
    features = champion_shop.frame("features", FIFTH)
    assert sorted(frame["customer"]) == sorted(features["customer"])
    assert list(frame.columns) == ["customer", "prediction", "probability", "model_version", names.PARTITION]
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
    predict = TabularModel.predict

    def counted(model, frame):
        sizes.append(len(frame))
        return predict(model, frame)

    monkeypatch.setattr(TabularModel, "predict", counted)
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
