"""A near-perfect score is a warning that names the features behind it."""

import math

import pytest

from mlops_assets.ml.evaluation.plausibility import leakage_warning


@pytest.mark.parametrize(
    ("task", "scores", "suspicious"),
    [
        ("regression", {"r2": 0.9995}, True),
        ("regression", {"r2": 0.98}, False),
        ("regression", {"r2": math.nan}, False),
        ("binary", {"roc_auc": 1.0}, True),
        ("binary", {"roc_auc": 0.99}, False),
        ("multiclass", {"roc_auc": 0.9999}, True),
        ("multiclass", {"accuracy": 1.0}, False),
    ],
)
def test_only_a_near_perfect_score_is_suspicious(task, scores, suspicious):
    assert bool(leakage_warning(task, scores, {"x": 1.0})) == suspicious


def test_the_features_that_the_score_depends_on_are_named():
    importances = {"age": 0.01, "closed_at": 0.4, "fee": 0.3, "city": 0.1}
    assert leakage_warning("binary", {"roc_auc": 1.0}, importances) == (
        "Possible target leakage: ROC AUC is 1.000. The score depends on closed_at, fee: check that the "
        "features are known at the time of a prediction."
    )
    assert "1.000. Check that" in leakage_warning("binary", {"roc_auc": 1.0}, {"x": 0.0})
