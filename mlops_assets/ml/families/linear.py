"""Linear models: ridge regression, and logistic regression for classes."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from mlops_assets.ml.families.base import FitRows, Params, Prepared, Settings
from mlops_assets.ml.families.constrained_linear import fit_constrained
from mlops_assets.ml.families.contributions import ContributionScale, probability_contributions
from mlops_assets.ml.skops_files import dump_estimator, estimator_digest, load_estimator

if TYPE_CHECKING:
    import optuna

_FILE = "model.skops"


class LinearFamily:
    """Ridge or logistic regression; the only searched parameter is the L2 penalty."""

    name = "linear"

    def defaults(self) -> dict[str, Any]:
        return {"penalty": 1.0}

    def portfolio(self) -> list[dict[str, Any]]:
        return []

    def suggest(self, trial: "optuna.Trial") -> dict[str, Any]:
        return {"penalty": trial.suggest_float("linear_penalty", 1e-3, 1e3, log=True)}

    def prepare(self, train: FitRows, valid: FitRows, settings: Settings) -> Prepared:
        scaling, scaled = _fit_scaling(train)
        return _PreparedFold(scaled, scaling.transform(valid.matrix), settings)

    def fit(
        self,
        rows: FitRows,
        params: Params,
        rounds: int | None,  # noqa: ARG002
        settings: Settings,
    ) -> "LinearEstimator":
        scaling, scaled = _fit_scaling(rows)
        return LinearEstimator(make_pipeline(*scaling, _fit_regression(scaled, params, settings)))

    def load(self, folder: Path) -> "LinearEstimator":
        return LinearEstimator(load_estimator(folder / _FILE))


@dataclass(frozen=True)
class LinearEstimator:
    """A fitted pipeline that ends in a linear model."""

    pipeline: Pipeline

    def predict(self, matrix: NDArray) -> NDArray:
        return predict_scaled(self.pipeline[-1], self.pipeline[:-1].transform(matrix))

    @property
    def contribution_scale(self) -> ContributionScale:
        """What `contributions` add up to."""
        return "log-odds" if hasattr(self.pipeline, "predict_proba") else "prediction"

    contribution_cost = 0

    def contributions(self, matrix: NDArray) -> NDArray:
        """SHAP values of each column if columns are independent: coefficient times distance from the mean."""
        model, scaled = self.pipeline[-1], self.pipeline[:-1].transform(matrix)
        coefficients = np.asarray(model.coef_, dtype=float)
        if coefficients.ndim == 2 and len(coefficients) > 1:
            return np.asarray(scaled[:, None, :] * coefficients)
        return np.asarray(scaled * coefficients.ravel())

    def prediction_contributions(self, matrix: NDArray) -> NDArray:
        """Contributions of each column to the prediction, converted from log-odds if necessary."""
        values = self.contributions(matrix)
        if self.contribution_scale == "prediction":
            return values
        intercept = np.asarray(self.pipeline[-1].intercept_, dtype=float)
        base = (
            np.tile(intercept, (len(values), 1)) if values.ndim == 3 else np.full(len(values), intercept[0])
        )
        return probability_contributions(values, base)

    def save(self, folder: Path) -> None:
        dump_estimator(self.pipeline, folder / _FILE)

    def digest(self) -> str:
        return estimator_digest(self.pipeline)


@dataclass(frozen=True)
class _PreparedFold:
    train: FitRows
    valid: NDArray
    settings: Settings

    def fit(self, params: Params) -> tuple[NDArray, int | None]:
        model = _fit_regression(self.train, params, self.settings)
        return predict_scaled(model, self.valid), None


def _fit_scaling(rows: FitRows) -> tuple[Pipeline, FitRows]:
    """The fitted imputer and scaler, and the rows transformed by them. Medians are not weighted."""
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    imputed, scaler = imputer.fit_transform(rows.matrix), StandardScaler()
    scaled = scaler.fit_transform(imputed, sample_weight=rows.weights)
    return make_pipeline(imputer, scaler), replace(rows, matrix=scaled)


def _fit_regression(rows: FitRows, params: Params, settings: Settings) -> BaseEstimator:
    """The linear model of scaled rows."""
    penalty = params["penalty"]
    if settings.quantile is not None or rows.directions is not None:
        return fit_constrained(rows, penalty, settings)
    if settings.task == "regression":
        model = Ridge(alpha=penalty)
    else:
        model = LogisticRegression(C=1.0 / penalty, max_iter=1000, random_state=settings.seed)
    return model.fit(rows.matrix, rows.target, sample_weight=rows.weights)


def predict_scaled(model: BaseEstimator, scaled: NDArray) -> NDArray:
    """Predictions of scaled rows, each from its own row alone, with the same bits in every batch.

    A product of matrices has no order of its sums: BLAS chooses one by the number of rows.
    """
    scaled, weights = np.ascontiguousarray(scaled), np.atleast_2d(model.coef_)
    scores = np.column_stack([(scaled * each).sum(axis=1) for each in weights]) + model.intercept_
    if not hasattr(model, "predict_proba"):
        return np.asarray(scores[:, 0], dtype=float)
    return np.asarray(expit(scores[:, 0]) if scores.shape[1] == 1 else softmax(scores, axis=1))
