"""Interfaces of a model family, of its prepared folds and of its fitted estimators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from mlops_assets.ml.metrics.tasks import Task

if TYPE_CHECKING:
    import optuna
    from numpy.typing import NDArray

    from mlops_assets.ml.families.contributions import ContributionScale

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Settings:
    """Settings that all fits of one search share."""

    task: Task
    classes: int
    """Number of classes; 1 for regression."""
    seed: int
    threads: int
    device: Literal["cpu", "cuda"] = "cpu"
    max_rounds: int = 3000
    """Maximum number of boosting rounds."""
    early_stopping_rounds: int = 50
    quantile: float | None = None
    """The quantile of the target that a regression predicts; None for the mean."""


@dataclass(frozen=True)
class FitRows:
    """Rows in the form that families are fitted on.

    Attributes
    ----------
    matrix
        Numbers, NaN where missing, shape `(n, columns)`.
    target
        Shape `(n,)`; in classification the index of the class.
    weights
        The weight of each row, shape `(n,)`; None for equal weights.
    directions
        For each column 1 if the prediction must not decrease with it, -1 if it must not increase, 0 if it is
        free; None if all columns are free.
    """

    matrix: NDArray
    target: NDArray
    weights: NDArray | None = None
    directions: tuple[int, ...] | None = None


class Estimator(Protocol):
    """A fitted model over a matrix of numbers, in which NaN means missing."""

    def predict(self, matrix: NDArray) -> NDArray:
        """Predictions in the form of `Task` for a matrix of shape `(n, columns)`."""
        ...

    @property
    def contribution_scale(self) -> ContributionScale:
        """What `contributions` add up to, except for a constant."""
        ...

    @property
    def contribution_cost(self) -> int:
        """A number to which the time of a row's contributions is roughly proportional."""
        ...

    def contributions(self, matrix: NDArray) -> NDArray:
        """SHAP values of each column: `(n, columns)`, or for several classes `(n, classes, columns)`."""
        ...

    def prediction_contributions(self, matrix: NDArray) -> NDArray:
        """The same on the scale of the prediction, which members of an ensemble share."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model as data, without pickle."""
        ...

    def digest(self) -> str:
        """SHA-256 of the fitted parameters; equal fits have equal digests."""
        ...


class Prepared(Protocol):
    """One fold, prepared once for all trials of a family."""

    def fit(self, params: Params) -> tuple[NDArray, int | None]:
        """Fit on the training rows; return predictions of the validation rows and the boosting rounds."""
        ...


class Family(Protocol):
    """A kind of model and its search space."""

    name: str

    def defaults(self) -> dict[str, Any]:
        """Good parameters without a search; tried first."""
        ...

    def portfolio(self) -> list[dict[str, Any]]:
        """Further parameters that are often good; tried before parameters proposed by the sampler."""
        ...

    def suggest(self, trial: optuna.Trial) -> dict[str, Any]:
        """Parameters proposed by a trial; their names in the trial start with the name of the family."""
        ...

    def prepare(self, train: FitRows, valid: FitRows, settings: Settings) -> Prepared:
        """Prepare one fold."""
        ...

    def fit(self, rows: FitRows, params: Params, rounds: int | None, settings: Settings) -> Estimator:
        """Fit on all rows; `rounds` is the mean number of rounds over the folds, or None."""
        ...

    def load(self, folder: Path) -> Estimator:
        """Load an estimator written by `Estimator.save`."""
        ...
