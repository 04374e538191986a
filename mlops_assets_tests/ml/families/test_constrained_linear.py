"""Linear models with signs or the pinball loss, against scikit-learn where it has the same model."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, QuantileRegressor, Ridge

from mlops_assets.ml.families import FitRows, Settings
from mlops_assets.ml.families.constrained_linear import fit_constrained

REGRESSION, BINARY = (Settings(task, 2, seed=0, threads=1) for task in ("regression", "binary"))


def problem() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Standardised columns, a skewed target, and weights."""
    random = np.random.default_rng(0)
    matrix = random.normal(size=(800, 4))
    matrix = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)
    target = 10 + matrix @ [1.0, -2.0, 0.0, 3.0] + random.gamma(2, 2, 800)
    return matrix, target, random.integers(1, 4, 800).astype(float)


def test_without_signs_it_is_ridge_or_logistic_regression():
    matrix, target, weights = problem()
    ours = fit_constrained(FitRows(matrix, target, weights), 5.0, REGRESSION)
    theirs = Ridge(alpha=5.0).fit(matrix, target, sample_weight=weights)
    assert ours.coef_ == pytest.approx(theirs.coef_, abs=1e-6)
    assert ours.intercept_ == pytest.approx(theirs.intercept_)
    late = (target > np.median(target)).astype(int)
    ours = fit_constrained(FitRows(matrix, late, weights), 5.0, BINARY)
    theirs = LogisticRegression(C=0.2, tol=1e-9).fit(matrix, late, sample_weight=weights)
    assert ours.coef_ == pytest.approx(theirs.coef_, abs=1e-4)
    assert ours.predict_proba(matrix) == pytest.approx(theirs.predict_proba(matrix), abs=1e-4)


def test_a_sign_against_the_data_gives_the_best_model_without_the_column():
    matrix, target, _ = problem()
    ours = fit_constrained(FitRows(matrix, target, None, (1, 1, 0, 1)), 5.0, REGRESSION)
    others = [0, 2, 3]
    theirs = Ridge(alpha=5.0).fit(matrix[:, others], target)
    assert ours.coef_[1] == 0
    assert ours.coef_[others] == pytest.approx(theirs.coef_, abs=1e-6)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_a_quantile_has_the_loss_of_scikit_learns_linear_program(quantile):
    matrix, target, weights = problem()
    settings = Settings("regression", 1, seed=0, threads=1, quantile=quantile)
    ours = fit_constrained(FitRows(matrix, target, weights), 1e-6, settings)
    theirs = QuantileRegressor(quantile=quantile, alpha=0).fit(matrix, target, sample_weight=weights)

    def loss(model) -> float:
        errors = target - model.predict(matrix)
        return np.average(np.maximum(quantile * errors, (quantile - 1) * errors), weights=weights)

    assert loss(ours) == pytest.approx(loss(theirs), rel=1e-3)
    share = np.average(target <= ours.predict(matrix), weights=weights)
    assert share == pytest.approx(quantile, abs=0.01)
