"""One budget shared by promise."""

import numpy as np
import pytest

from mlops_assets.ml.search.family_budget import PATIENCE, Attempt, next_family, survivors

FAMILIES = ("boosting", "forest", "linear")


def attempt(family: str, loss: float, spread: float = 0.01) -> Attempt:
    return Attempt(family, (loss - spread, loss, loss + spread))


def share(losses: dict[str, float], trials: int) -> dict[str, int]:
    """How many of so many trials each family gets, when its trials are always as good."""
    attempts: list[Attempt] = []
    for _ in range(trials):
        family = next_family(FAMILIES, attempts)
        attempts.append(attempt(family, losses[family]))
    return {family: sum(each.family == family for each in attempts) for family in FAMILIES}


def test_each_family_is_tried_once_in_order_before_any_twice():
    attempts = [attempt("boosting", 1.0)]
    assert next_family(FAMILIES, attempts) == "forest"
    assert next_family(FAMILIES, [*attempts, attempt("forest", 2.0)]) == "linear"


def test_survivors_share_by_rank():
    assert share({"boosting": 1.0, "forest": 1.02, "linear": 1.03}, 22) == {
        "boosting": 12,
        "forest": 6,
        "linear": 4,
    }


def test_a_hopeless_family_gets_its_patience_and_no_more():
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
def test_only_a_gap_on_every_fold_that_is_certain_and_wide_is_hopeless(losses, survives):
    attempts = [Attempt("boosting", (1.0, 1.0, 1.0))] + [Attempt("linear", losses)] * PATIENCE
    assert ("linear" in survivors(("boosting", "linear"), attempts)) is survives


def test_a_family_whose_trials_were_all_pruned_is_judged_by_the_folds_that_ran():
    attempts = [Attempt("boosting", (1.0, 1.1)), Attempt("linear", (2.0,)), Attempt("linear", (1.9,))]
    assert survivors(("boosting", "linear"), attempts) == ["boosting"]
    assert np.isclose(attempts[0].loss, 1.05)
