"""Comparison of challenger and champion: the evaluated models, on rows that neither was trained on."""

from dataclasses import replace

import numpy as np
import pytest

from mlops_assets.components.model_project.evaluation.unseen_rows import rows_unseen_by
from mlops_assets.components.model_project.promotion.champion_comparison import (
    baseline_gain_interval,
    compare_with_champion,
)
from mlops_assets.core.errors import TrackingError
from mlops_assets.ml.metrics.metrics import compute_metric
from mlops_assets.ml.metrics.tasks import Measure
from mlops_assets.stores.tracking.registry import Version
from mlops_assets_tests.support.governed_shop import champion_of
from mlops_assets_tests.support.shop import FEATURES_SQL, MONTHS

FIFTH = MONTHS[4]
LENIENT = {"gates": {"champion_margin": 10.0}}


def compare(shop, challenger, champion):
    return compare_with_champion(shop.project, shop.tracking, shop.warehouse, challenger, champion)


def changed(version, **facts):
    return replace(version, facts={**version.facts, **facts})


def test_the_evaluated_models_are_compared_not_the_refitted_ones(pending_shop, instance, record_property):
    shop = pending_shop.restored(instance, settings=LENIENT)
    champion, challenger = (shop.tracking.registry.version("shop", number) for number in (1, 2))
    rows = rows_unseen_by(shop.project, shop.warehouse, challenger, champion)

    def log_loss(version) -> float:
        model = shop.tracking.load(version)
        predictions = model.predict_features(model.compute_features(rows))
        return compute_metric(Measure("binary", "log_loss"), rows["quiet"].to_numpy(), predictions)

    evaluated = [log_loss(version.as_evaluated) for version in (challenger, champion)]
    refitted = [log_loss(version) for version in (challenger, champion)]
    assert not np.isclose(evaluated, refitted).any(), "otherwise this test decides nothing"

    result = compare(shop, challenger, champion)

    assert [result.figures["challenger"], result.figures["champion"]] == pytest.approx(evaluated)
    assert result.figures["rows"] == len(rows) >= 30
    low, high = result.figures["low"], result.figures["high"]
    assert low <= evaluated[0] - evaluated[1] <= high
    record_property("evaluated", evaluated)
    record_property("refitted", refitted)


def test_a_model_is_not_significantly_better_than_itself_and_non_inferior_within_a_margin(champion_shop):
    shop = champion_shop
    version = shop.tracking.registry.version("shop", 1)
    result = compare(shop, version, version)
    assert not result.passed
    assert (result.figures["low"], result.figures["high"]) == (0.0, 0.0)
    expected = pytest.approx(float(version.facts["test_log_loss"]), rel=1e-5)
    assert result.figures["challenger"] == result.figures["champion"] == expected
    shop.declare(settings={"gates": {"champion_margin": 0.01}})
    assert compare(shop, version, version).passed


def test_a_challenger_of_an_earlier_cutoff_does_not_replace_the_champion(champion_shop):
    version = champion_shop.tracking.registry.version("shop", 1)
    result = compare(champion_shop, changed(version, cutoff=MONTHS[3]), version)
    assert not result.passed
    assert result.message == (
        "cut-off 2024-04 is earlier than 2024-05, the cut-off of the champion; the champion is unchanged"
    )


def test_a_challenger_earlier_by_less_than_the_horizon_does_not_replace_the_champion(champion_shop):
    champion_shop.declare(settings={"target": {"column": "quiet", "horizon": 3}})
    champion, challenger = (
        Version("shop", number, f"run {number}", f"models:/{number}", facts)
        for number, facts in (
            (1, {"cutoff": "2025-01", "training_set_digest": "x"}),
            (2, {"cutoff": "2024-12", "training_set_digest": "y"}),
        )
    )
    result = compare(champion_shop, challenger, champion)
    assert not result.passed
    assert result.message.startswith("cut-off 2024-12 is earlier than 2025-01")


def test_a_champion_from_outside_of_mlops_assets_is_rejected(champion_shop):
    version = champion_shop.tracking.registry.version("shop", 1)
    foreign = replace(version, facts={})
    with pytest.raises(TrackingError, match="shop: champion version 1 was registered outside") as raised:
        compare(champion_shop, version, foreign)
    assert "mlops retire shop --reason" in raised.value.hint


def test_a_champion_whose_features_are_no_longer_computed_is_replaced(champion_shop):
    shop = champion_shop
    fewer = FEATURES_SQL.replace("    sum(amount::decimal(18, 2)) as amount,\n", "")
    assert fewer != FEATURES_SQL
    shop.declare(features_sql=fewer)
    for month in MONTHS[:5]:
        assert shop.daemon.run("shop/features", partition=month).success
    assert shop.train(FIFTH).success
    challenger, champion = (shop.tracking.registry.version("shop", number) for number in (2, 1))
    result = compare(shop, challenger, champion)
    assert result.passed
    assert result.message == (
        "champion version 1 requires amount, which features.sql does not return: it cannot predict any more"
    )
    assert champion_of(shop) == shop.metadata("champion")["version"] == 2
    assert shop.metadata("champion")["decision"].endswith(result.message)
    assert shop.daemon.run("shop/predictions", partition=FIFTH).success


def test_the_gain_over_a_baseline_is_read_from_the_metrics_of_the_run():
    metrics = {"over_constant_low": 0.1, "over_constant_high": 0.3, "over_baseline_low": -0.1}
    found = baseline_gain_interval(metrics, "constant")
    assert (found.low, found.high) == (0.1, 0.3)
    assert not baseline_gain_interval(metrics, "baseline").is_defined
