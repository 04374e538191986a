"""XGBoost: gradient boosted trees over binned columns."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from mlops_assets.ml.families.base import FitRows, Params, Prepared, Settings
from mlops_assets.ml.families.contributions import ContributionScale, probability_contributions
from mlops_assets.ml.families.device import require_device
from mlops_assets.ml.families.shape import is_wide
from mlops_assets.ml.metrics.tasks import Task

if TYPE_CHECKING:
    import optuna

FEW_ROWS, FEWEST_BINS, FEW_BINS, MOST_BINS = 50_000, 32, 64, 256
FEW_PREDICTED = 64
"""Maximum number of rows that one thread predicts."""
_LARGEST = float(np.finfo(np.float32).max)

_OBJECTIVES: dict[Task, tuple[str, str]] = {
    "regression": ("reg:squarederror", "rmse"),
    "binary": ("binary:logistic", "logloss"),
    "multiclass": ("multi:softprob", "mlogloss"),
}


class XGBoostFamily:
    """Gradient boosting with early stopping; the number of trees is never searched."""

    name = "xgboost"

    def defaults(self) -> dict[str, Any]:
        return {
            "eta": 0.05,
            "max_depth": 7,
            "min_child_weight": 8.0,
            "subsample": 0.85,
            "colsample_bytree": 0.4,
            "reg_lambda": 5.0,
            "reg_alpha": 0.01,
        }

    def portfolio(self) -> list[dict[str, Any]]:
        """Deep trees with a low learning rate, and shallow trees with a higher one."""
        deep = {"eta": 0.03, "max_depth": 10, "min_child_weight": 15.0, "colsample_bytree": 0.3}
        shallow = {"eta": 0.06, "max_depth": 5, "min_child_weight": 4.0, "subsample": 0.8}
        return [self.defaults() | deep, self.defaults() | shallow]

    def suggest(self, trial: "optuna.Trial") -> dict[str, Any]:
        return {
            "eta": trial.suggest_float("xgboost_eta", 0.02, 0.3, log=True),
            "max_depth": trial.suggest_int("xgboost_max_depth", 3, 11),
            "min_child_weight": trial.suggest_float("xgboost_min_child_weight", 1.0, 100.0, log=True),
            "subsample": trial.suggest_float("xgboost_subsample", 0.5, 1.0),
            "colsample_bytree": trial.suggest_float("xgboost_colsample_bytree", 0.2, 1.0),
            "reg_lambda": trial.suggest_float("xgboost_reg_lambda", 0.01, 100.0, log=True),
            "reg_alpha": trial.suggest_float("xgboost_reg_alpha", 0.001, 10.0, log=True),
        }

    def prepare(self, train: FitRows, valid: FitRows, settings: Settings) -> Prepared:
        require_device(settings.device)
        binned = _binned(train, settings)
        return _PreparedFold(binned, _binned(valid, settings, ref=binned), train.directions, settings)

    def fit(
        self, rows: FitRows, params: Params, rounds: int | None, settings: Settings
    ) -> "XGBoostEstimator":
        require_device(settings.device)
        binned = _binned(rows, settings)
        bins = bin_count(binned.num_row(), binned.num_col())
        all_params = _booster_params(params, settings, rows.directions, bins)
        booster = xgb.train(all_params, binned, rounds or settings.max_rounds)
        booster.set_param({"device": "cpu"})
        return XGBoostEstimator(booster)

    def load(self, folder: Path) -> "XGBoostEstimator":
        return XGBoostEstimator(xgb.Booster(model_file=folder / "model.ubj"))


@dataclass(frozen=True)
class XGBoostEstimator:
    """A fitted booster."""

    booster: xgb.Booster

    def predict(self, matrix: NDArray) -> NDArray:
        return np.asarray(self._booster_for(matrix).inplace_predict(matrix), dtype=float)

    @cached_property
    def on_one_thread(self) -> xgb.Booster:
        """A copy for few rows: on a busy machine, several threads take milliseconds to meet."""
        booster = self.booster.copy()
        booster.set_param({"nthread": 1})
        return booster

    def _booster_for(self, matrix: NDArray) -> xgb.Booster:
        return self.on_one_thread if len(matrix) <= FEW_PREDICTED else self.booster

    @property
    def contribution_scale(self) -> ContributionScale:
        """What `contributions` add up to; a forest that was converted predicts a sum of probabilities."""
        objective = json.loads(self.booster.save_config())["learner"]["objective"]["name"]
        return "prediction" if objective.startswith("reg:") else "log-odds"

    @property
    def contribution_cost(self) -> int:
        """Bytes of the trees, to which the time of a row's contributions is roughly proportional."""
        return len(self.booster.save_raw("ubj"))

    def contributions(self, matrix: NDArray) -> NDArray:
        """SHAP values of each column, by TreeSHAP (Lundberg et al. 2020), without the bias."""
        return self._contributions(matrix)[..., :-1]

    def prediction_contributions(self, matrix: NDArray) -> NDArray:
        """SHAP values of each column, converted from log-odds to the prediction if necessary."""
        values = self._contributions(matrix)
        if self.contribution_scale == "prediction":
            return values[..., :-1]
        return probability_contributions(values[..., :-1], values[..., -1])

    def _contributions(self, matrix: NDArray) -> NDArray:
        finite = np.clip(matrix, -_LARGEST, _LARGEST)  # a DMatrix refuses what becomes infinite
        return np.asarray(self.booster.predict(xgb.DMatrix(finite), pred_contribs=True), dtype=float)

    def save(self, folder: Path) -> None:
        self.booster.save_model(folder / "model.ubj")

    def digest(self) -> str:
        raw = bytes(self.booster.save_raw("ubj"))
        version = raw.rindex(b"\x07version")  # the last key: the library that saves, not the one that trained
        return sha256(raw[:version]).hexdigest()


@dataclass(frozen=True)
class _PreparedFold:
    train: xgb.QuantileDMatrix
    valid: xgb.QuantileDMatrix
    directions: tuple[int, ...] | None
    settings: Settings

    def fit(self, params: Params) -> tuple[NDArray, int | None]:
        bins = bin_count(self.train.num_row(), self.train.num_col())
        booster = xgb.train(
            _booster_params(params, self.settings, self.directions, bins),
            self.train,
            self.settings.max_rounds,
            evals=[(self.valid, "valid")],
            early_stopping_rounds=self.settings.early_stopping_rounds,
            verbose_eval=False,
        )
        rounds = booster.best_iteration + 1
        return np.asarray(booster.predict(self.valid, iteration_range=(0, rounds)), dtype=float), rounds


def bin_count(rows: int, columns: int = 0) -> int:
    """Number of bins of a column: 64 for at most 50,000 training rows, of wide tables 32, otherwise 256.

    A node of a few hundred rows takes less time to count than 256 bins of each column take to compare. With
    fewer bins, fits take half to two thirds of the time, and predictions are as good.
    """
    if rows > FEW_ROWS:
        return MOST_BINS
    return FEWEST_BINS if is_wide(rows, columns) else FEW_BINS


def _binned(
    rows: FitRows, settings: Settings, *, ref: xgb.QuantileDMatrix | None = None
) -> xgb.QuantileDMatrix:
    """The rows with binned columns; those of `ref` if it is given."""
    bins = bin_count(len(rows.target) if ref is None else ref.num_row(), rows.matrix.shape[1])
    return xgb.QuantileDMatrix(
        rows.matrix,
        rows.target,
        weight=rows.weights,
        ref=ref,
        nthread=settings.threads,
        max_bin=bins,
    )


def _booster_params(
    params: Params, settings: Settings, directions: tuple[int, ...] | None, bins: int
) -> Mapping[str, Any]:
    objective, metric = _OBJECTIVES[settings.task]
    more: dict[str, Any] = {}
    if settings.task == "multiclass":
        more["num_class"] = settings.classes
    if settings.quantile is not None:
        objective, metric = "reg:quantileerror", "quantile"
        more["quantile_alpha"] = settings.quantile
    if directions is not None:
        more["monotone_constraints"] = f"({','.join(map(str, directions))})"
    return {
        **params,
        **more,
        "objective": objective,
        "eval_metric": metric,
        "tree_method": "hist",
        "max_bin": bins,
        "device": settings.device,
        "nthread": settings.threads,
        "seed": settings.seed,
    }
