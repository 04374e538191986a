"""The model under test: its outputs in the units of the behavioural tests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
from numpy.typing import NDArray

from mlops_assets.ml.metrics.tasks import Task
from mlops_assets.ml.model.model_spec import Label
from mlops_assets.ml.number_format import number


@dataclass(frozen=True)
class ModelUnderTest:
    """The fitted model as its clients call it.

    Attributes
    ----------
    unit, unit_size
        The reported unit of a regression, and its size in units of the target.
    score
        Maps rows to predictions, of the shape that `Task` defines.
    predict_class
        Maps rows to their predicted classes.
    """

    task: Task
    classes: Sequence[Label]
    unit: str
    unit_size: float
    score: Callable[[pd.DataFrame], NDArray]
    predict_class: Callable[[pd.DataFrame], Sequence[Label]]

    def outputs(self, rows: pd.DataFrame, of_class: Label | None = None) -> NDArray:
        """Predicted values in the reported unit, or probabilities of a class.

        Returns
        -------
        Shape `(n,)`; of more than two classes, without `of_class`, `(n, classes)`.
        """
        predictions = self.score(rows)
        if self.task == "regression":
            return predictions / self.unit_size
        if self.task == "binary":
            first = of_class is not None and of_class == self.classes[0]
            return 1.0 - predictions if first else predictions
        return predictions[:, list(self.classes).index(of_class)] if of_class is not None else predictions

    def format_declared(self, value: float) -> str:
        """A declared value, with all its digits, and its unit."""
        return f"{value:g}{self._unit_text}"

    def format_measured(self, value: float) -> str:
        """A measured value, rounded, and its unit."""
        return f"{number(value)}{self._unit_text}"

    @property
    def _unit_text(self) -> str:
        return f" ({self.unit})" if self.task == "regression" and self.unit else ""
