"""Comparison of a challenger with the champion."""

from mlops_assets.components.model_project.promotion import champion_comparison
from mlops_assets.stores.tracking.registry import Version


def test_nor_does_one_that_is_earlier_by_less_than_the_horizon(champion_shop):
    champion_shop.declare(settings={"target": {"column": "quiet", "horizon": 3}})
    champion, challenger = (
        Version("shop", number, f"run {number}", f"models:/{number}", facts)
        for number, facts in (
            (1, {"cutoff": "2025-01", "training_set_digest": "x"}),
            (2, {"cutoff": "2024-12", "training_set_digest": "y"}),
        )
    )
    found = champion_comparison.compare_with_champion(
        champion_shop.project, champion_shop.tracking, champion_shop.warehouse, challenger, champion
    )
    assert not found.passed
    assert (
        found.message
        == "cut-off 2024-12 is earlier than 2025-01, the cut-off of the champion; the champion is unchanged"
    )
