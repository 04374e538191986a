"""features_online: which features of an entity are online, and that they give the batch's predictions."""

import asyncio
import math
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
import pyarrow as pa
import pytest

from mlops_assets.ml.scoring.input_contract import feature_input_contracts
from mlops_assets.serving.config import ServedProject
from mlops_assets.serving.deployment.state import DeployedVersion
from mlops_assets.serving.engine.served_model import ServedModel
from mlops_assets.serving.http.bodies.request_rows import Records
from mlops_assets.serving.http.online import look_up
from mlops_assets.serving.http.service import score_rows
from mlops_assets.stores.online.features import OnlineFeatures
from mlops_assets.workspace.serving.online import stored_content
from mlops_assets.workspace.workspace import Workspace
from mlops_assets_tests.support.daemon import checks, failure_message
from mlops_assets_tests.support.shop import MONTHS, Shop

FIFTH = MONTHS[4]
DEFAULTS = {"store": "sqlite", "ttl_hours": None, "stale": "refuse"}


def declare(shop, **online):
    shop.declare(settings={"serving": {"online": online}})
    return shop


def read(shop, customers, **settings):
    """The online rows of customers."""
    features = OnlineFeatures({"shop": {**DEFAULTS, **settings}}, shop.state.online)
    return features.get("shop", [{"customer": customer} for customer in customers]).rows


def answers(shop, customers):
    """What the service answers for customers whose features are not sent."""
    model = shop.tracking.load(shop.tracking.registry.champion("shop"))
    contracts = feature_input_contracts(None, model.spec)
    served = ServedModel(DeployedVersion(1, model.digest(), ""), model, contracts)
    online = OnlineFeatures({"shop": DEFAULTS}, shop.state.online)
    project = ServedProject("shop", "", None, ("customer",))
    entities = Records([{"customer": customer} for customer in customers])
    rows = asyncio.run(look_up(online, project, entities)).rows
    scored = score_rows(served, rows, {}).by_position
    return pd.DataFrame(scored, index=pd.Index(customers, name="customer"))


def test_automation_writes_features_that_give_the_predictions_of_the_batch_bit_for_bit(champion_shop):
    shop = declare(champion_shop)
    assert shop.daemon.settle()["shop/features_online"] == [None]
    predictions = shop.frame("predictions", FIFTH).set_index("customer")
    rows = read(shop, predictions.index)
    scored = answers(shop, list(predictions.index))
    assert len(scored) == len(predictions) > 50
    assert scored.equals(predictions[list(scored.columns)])
    assert {row.partition for row in rows} == {FIFTH}
    metadata = shop.metadata("features_online")
    assert (metadata["written"], metadata["as_of"]) == (True, "2024-06-01 00:00:00")
    assert metadata["partitions"] == 5

    assert shop.daemon.run("shop/features", partition=MONTHS[0]).success
    assert shop.daemon.settle()["shop/features_online"] == [None]
    assert not shop.metadata("features_online")["written"], "an older partition has the same content again"


def test_the_check_finds_a_row_that_differs_from_the_table(shop, monkeypatch):
    from mlops_assets.stores.online import encoding

    declare(shop)
    honest = encoding.encode_batch

    def rounding(batch, entity):
        place = batch.schema.names.index("amount")
        amounts = pa.array([math.nextafter(float(one), 0) for one in batch.column(place).to_pylist()])
        changed = [*batch.columns[:place], amounts, *batch.columns[place + 1 :]]
        return honest(pa.record_batch(changed, names=batch.schema.names), entity)

    monkeypatch.setattr(encoding, "encode_batch", rounding)
    result = shop.daemon.run("shop/features_online")
    check = checks(result)["online_equals_offline"]
    assert not check.passed
    assert "differ, in amount" in check.description


def test_redis_gets_the_features_and_a_server_that_is_down_fails_the_run_and_loses_nothing(
    shop, redis_server, monkeypatch, tmp_path
):
    settings = {"store": "redis", "key_prefix": tmp_path.name, "url_env": "SHOP_REDIS"}
    declare(shop, **settings)
    unset = shop.daemon.run("shop/features_online")
    assert "the environment variable SHOP_REDIS with the address of Redis is not set" in failure_message(
        unset
    )

    monkeypatch.setenv("SHOP_REDIS", redis_server.url())
    assert shop.daemon.run("shop/features_online").success
    [before] = read(shop, ["c003"], **settings)
    assert (before.state, before.partition) == ("found", FIFTH)
    metadata = shop.metadata("features_online")
    assert metadata["store"] == "the Redis server in $SHOP_REDIS"
    assert redis_server.password not in str(metadata)

    with monkeypatch.context() as other:
        other.setenv("SHOP_REDIS", "redis://:hidden-secret@127.0.0.1:1/0")
        message = failure_message(shop.daemon.run("shop/features_online"))
    place = "the Redis server in $SHOP_REDIS"
    assert f"shop: online features can't be read from {place}: no connection" in message
    assert "hidden-secret" not in message
    assert read(shop, ["c003"], **settings)[0] == before


@dataclass(frozen=True)
class ShopWorkspace(Workspace):
    """The workspace of a shop that has no dg project."""

    shop: Shop

    @property
    def state(self):
        return self.shop.state

    @cached_property
    def definitions(self):
        return self.shop.daemon.defs


def test_lost_content_of_the_store_is_noticed_by_the_next_run(shop, monkeypatch):
    workspace = ShopWorkspace(shop.root, declare(shop))
    assert stored_content(workspace, "shop") is None
    assert shop.daemon.run("shop/features_online").success
    assert stored_content(workspace, "shop") == shop.metadata("features_online")["content"]
    (shop.state.online / "shop.db").unlink()
    assert stored_content(workspace, "shop") is None
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    declare(shop, store="redis")
    assert stored_content(ShopWorkspace(shop.root, shop), "shop") is None, "the run reports the error"


def test_without_features_there_is_an_error_that_names_the_next_step(open_shop):
    shop = declare(open_shop())
    assert shop.daemon.settle() == {}
    message = failure_message(shop.daemon.run("shop/features_online"))
    assert "shop: no partition of features has succeeded" in message
    assert not shop.materializations("features_online")


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"url_env": "X"}, "serving.online.url_env is for Redis"),
        ({"key_prefix": "x"}, "serving.online.key_prefix is for Redis"),
        ({"stale": "answer"}, "serving.online.stale requires ttl_hours"),
    ],
)
def test_a_setting_without_effect_is_an_error(open_shop, settings, problem):
    with pytest.raises(ValueError, match=problem):
        open_shop(settings={"serving": {"online": settings}})
