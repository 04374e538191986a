"""What a model family is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from mlops_assets.ml.metrics.tasks import Task

if TYPE_CHECKING:
    import optuna
    from numpy.typing import NDArray

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Settings:
    """What every fit of one search shares."""

    task: Task
    classes: int
    """Number of classes; 1 for regression."""
    seed: int
    threads: int
    device: Literal["cpu", "cuda"] = "cpu"
    max_rounds: int = 3000
    """Most boosting rounds of a family that boosts."""
    early_stopping_rounds: int = 50


class Estimator(Protocol):
    """A fitted model over a matrix of numbers, in which NaN means missing."""

    def predict(self, matrix: NDArray) -> NDArray:
        """Predictions as `Task` says, from a matrix of shape `(n, columns)`."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model as data, without pickle."""
        ...

    def digest(self) -> str:
        """SHA-256 of what the model computes; equal fits have equal digests."""
        ...


class Prepared(Protocol):
    """One fold, brought once into the form in which every trial of a family reads it."""

    def fit(self, params: Params) -> tuple[NDArray, int | None]:
        """Fit on the training rows; predictions of the validation rows, and the rounds that it took."""
        ...


class Family(Protocol):
    """A kind of model and its search space."""

    name: str

    def defaults(self) -> dict[str, Any]:
        """Parameters that are good without a search; tried first."""
        ...

    def portfolio(self) -> list[dict[str, Any]]:
        """Other parameters that are often good; a family's next trials, before any that are searched for."""
        ...

    def suggest(self, trial: optuna.Trial) -> dict[str, Any]:
        """Parameters that a trial proposes; their names start with the family's."""
        ...

    def prepare(
        self, train: tuple[NDArray, NDArray], valid: tuple[NDArray, NDArray], settings: Settings
    ) -> Prepared:
        """Make one fold ready; `train` and `valid` are (matrix, target)."""
        ...

    def fit(
        self, matrix: NDArray, target: NDArray, params: Params, rounds: int | None, settings: Settings
    ) -> Estimator:
        """Fit on all rows; `rounds` is what the folds took, where the family has rounds."""
        ...

    def load(self, folder: Path) -> Estimator:
        """Read what `Estimator.save` wrote."""
        ...
