"""The specification of a model: all of it except the fitted state."""

from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.metrics.tasks import Task
from mlops_assets.ml.model.calibration import Calibration
from mlops_assets.ml.model.ensemble import Member
from mlops_assets.ml.model.group_thresholds import GroupThresholds
from mlops_assets.ml.model.prediction_intervals import (
    LOWER,
    PREDICTION_SET,
    UPPER,
    PredictionIntervals,
    PredictionSets,
)

Label = str | int | float | bool


@dataclass(frozen=True)
class ModelSpec:
    """The specification of a model: all of it except the fitted state.

    Attributes
    ----------
    table
        The name of the raw columns in `features.sql`; None if the input consists of features, because these
        are computed from many rows as of a timestamp.
    columns
        The input columns: the raw columns without the target, or the features.
    features
        The columns that `features.sql` returns, in order.
    classes
        The values of the target by index of the class; empty in regression.
    family, params, rounds
        Of an ensemble: `ensemble`, its weights, and None.
    members
        The models of an ensemble.
    calibration
        The calibration of the probabilities, if there is one.
    threshold
        The minimum probability to predict the second of two classes; by default one half.
    bounds
        The smallest and the largest prediction of a regression.
    quantile
        The quantile of the target that a regression predicts; None for the mean.
    class_weights
        For each class the factor of the weights of its rows in the fit; empty if there are none.
    monotone
        For features with a constraint 1 for increasing, -1 for decreasing.
    intervals
        The prediction intervals of a regression.
    prediction_sets
        The prediction sets of a classification.
    group_thresholds
        The thresholds by group of a protected column, with a fairness constraint.
    """

    project: str
    task: Task
    target: str
    table: str | None
    columns: tuple[Column, ...]
    features: tuple[str, ...]
    classes: tuple[Label, ...]
    family: str
    params: dict[str, Any]
    rounds: int | None
    seed: int
    members: tuple[Member, ...] = ()
    calibration: Calibration | None = None
    threshold: float | None = None
    bounds: tuple[float | None, float | None] = (None, None)
    quantile: float | None = None
    class_weights: tuple[float, ...] = ()
    monotone: tuple[tuple[str, int], ...] = ()
    intervals: PredictionIntervals | None = None
    prediction_sets: PredictionSets | None = None
    group_thresholds: GroupThresholds | None = None

    def output_types(self) -> dict[str, type]:
        """The columns that a model returns, in order, with their type: `str`, `int`, `float` or `bool`."""
        if self.task == "regression":
            bounds = (LOWER, UPPER) if self.intervals else ()
            return dict.fromkeys(("prediction", *bounds), float)
        columns: dict[str, type] = {"prediction": type(self.classes[0])}
        if self.task == "binary":
            columns["probability"] = float
        else:
            columns |= {f"probability_{label}": float for label in self.classes}
        return columns | ({PREDICTION_SET: str} if self.prediction_sets else {})

    def to_json(self) -> dict[str, Any]:
        """The specification as JSON, without defaults, so that new settings keep existing digests."""
        defaults = {each.name: each.default for each in fields(self) if each.default is not MISSING}
        values = {**asdict(self), "columns": [column.declared() for column in self.columns]}
        return {
            name: value
            for name, value in values.items()
            if name not in defaults or getattr(self, name) != defaults[name]
        }
