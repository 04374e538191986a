"""The budget of trials, allocated by expected improvement."""

import numpy as np
import pytest

from mlops_assets.ml.search.family_budget import PATIENCE, Attempt, next_family, remaining_families

FAMILIES = ("boosting", "forest", "linear")


def attempt(family: str, loss: float, spread: float = 0.01) -> Attempt:
    return Attempt(family, (loss - spread, loss, loss + spread))


def share(losses: dict[str, float], trials: int) -> dict[str, int]:
    """The number of trials of each family when all its trials have the same loss."""
    attempts: list[Attempt] = []
    for _ in range(trials):
        family = next_family(FAMILIES, attempts)
        attempts.append(attempt(family, losses[family]))
    return {family: sum(each.family == family for each in attempts) for family in FAMILIES}


def test_each_family_is_tried_once_in_order_before_any_twice():
    attempts = [attempt("boosting", 1.0)]
    assert next_family(FAMILIES, attempts) == "forest"
    assert next_family(FAMILIES, [*attempts, attempt("forest", 2.0)]) == "linear"


def test_remaining_families_share_the_budget_by_rank():
    assert share({"boosting": 1.0, "forest": 1.02, "linear": 1.03}, 22) == {
        "boosting": 12,
        "forest": 6,
        "linear": 4,
    }


def test_a_bad_family_gets_only_the_minimum_number_of_trials():
    counts = share({"boosting": 1.0, "forest": 1.02, "linear": 2.0}, 20)
    assert counts["linear"] == PATIENCE
    assert counts["boosting"] > counts["forest"] > 5


@pytest.mark.parametrize(
    ("losses", "survives"),
    [
        ((1.2, 1.2, 1.2), False),
        ((1.04, 1.04, 1.04), True),  # close enough to be good company
        ((0.9, 1.5, 1.5), True),  # better on a fold
        ((1.01, 1.01, 1.8), True),  # the difference is not certain
    ],
)
def test_a_family_is_dropped_only_for_a_wide_and_significant_gap_on_every_fold(losses, survives):
    attempts = [Attempt("boosting", (1.0, 1.0, 1.0))] + [Attempt("linear", losses)] * PATIENCE
    assert ("linear" in remaining_families(("boosting", "linear"), attempts)) is survives


def test_a_family_with_only_pruned_trials_is_compared_on_the_folds_that_ran():
    attempts = [Attempt("boosting", (1.0, 1.1)), Attempt("linear", (2.0,)), Attempt("linear", (1.9,))]
    assert remaining_families(("boosting", "linear"), attempts) == ["boosting"]
    assert np.isclose(attempts[0].loss, 1.05)
