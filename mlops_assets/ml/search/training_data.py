"""The training set as arrays: features, encoded target, groups and periods of each side of the split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.core.errors import DataError, ProjectError
from mlops_assets.core.names import (
    GROUP,
    HOLDOUT,
    PARTITION,
    PERIOD,
    PROTECTED,
    ROW_ID,
    SPLIT,
    TIME,
    TRAIN,
    WEIGHT,
)
from mlops_assets.ml.features.monotone import column_directions
from mlops_assets.ml.features.preprocessing import MakePipeline, feature_frame, transform
from mlops_assets.ml.metrics.tasks import Task
from mlops_assets.ml.model.model_spec import Label
from mlops_assets.ml.skops_files import dump_estimator


@dataclass(frozen=True)
class TrainingData:
    """The rows of one side of the split, in the order of `row_id`.

    Attributes
    ----------
    features
        Shape `(n, features)`, in the form of `feature_frame`.
    target
        Shape `(n,)`: the value, or the index of the class.
    groups
        The group of each row, for folds that keep groups together.
    """

    row_ids: NDArray
    features: pd.DataFrame
    target: NDArray
    groups: NDArray | None
    periods: NDArray | None = None
    """The partition of the features of each row, in an event project."""
    times: NDArray | None = None
    """The time of each row, in a static project that is split over time."""
    weights: NDArray | None = None
    """The weight of each row; None if the project declares none."""
    protected: NDArray | None = None
    """The protected column of the table, in a project with a fairness constraint on it."""

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        *,
        target: str,
        classes: Sequence[Label],
        subject: str,
        aside: Sequence[str] = (),
    ) -> "TrainingData":
        """Read rows of the table of the training set.

        Parameters
        ----------
        aside
            Columns that identify a row and are not features: the entity.
        """
        frame = frame.sort_values(ROW_ID, ignore_index=True)
        known = (ROW_ID, target, SPLIT, GROUP, TIME, WEIGHT, PROTECTED, PERIOD, PARTITION, *aside)
        excluded = [name for name in known if name in frame]
        return cls(
            row_ids=frame[ROW_ID].to_numpy(),
            features=feature_frame(frame.drop(columns=excluded)),
            target=encode_target(frame[target], classes, subject=subject),
            groups=frame[GROUP].to_numpy() if GROUP in frame else None,
            periods=frame[PERIOD].to_numpy() if PERIOD in frame else None,
            times=frame[TIME].to_numpy() if TIME in frame else None,
            weights=frame[WEIGHT].to_numpy(dtype=float) if WEIGHT in frame else None,
            protected=frame[PROTECTED].to_numpy() if PROTECTED in frame else None,
        )

    def only(self, keep: NDArray) -> "TrainingData":
        """The rows where `keep`, a boolean array of shape `(n,)`, is true."""
        return replace(
            self,
            row_ids=self.row_ids[keep],
            features=self.features[keep].reset_index(drop=True),
            target=self.target[keep],
            groups=self.groups[keep] if self.groups is not None else None,
            periods=self.periods[keep] if self.periods is not None else None,
            times=self.times[keep] if self.times is not None else None,
            weights=self.weights_of(keep),
            protected=self.protected[keep] if self.protected is not None else None,
        )

    def protected_values(self, column: str) -> NDArray:
        """A protected column of the table, or else the feature of this name, shape `(n,)`."""
        return self.features[column].to_numpy() if self.protected is None else self.protected

    def weights_of(self, rows: NDArray) -> NDArray | None:
        """The weights of some rows, by position or mask; None if rows have no weights."""
        return None if self.weights is None else self.weights[rows]


def split_sides(
    frame: pd.DataFrame,
    *,
    target: str,
    classes: Sequence[Label],
    subject: str,
    aside: Sequence[str] = (),
) -> tuple[TrainingData, TrainingData]:
    """The training rows and the holdout rows."""
    train, holdout = (
        TrainingData.of(
            frame[frame[SPLIT] == side], target=target, classes=classes, subject=subject, aside=aside
        )
        for side in (TRAIN, HOLDOUT)
    )
    return train, holdout


def find_classes(task: Task, target: pd.Series, *, subject: str) -> tuple[Label, ...]:
    """The sorted classes of the target; the second of two is the positive class, and regression has none.

    Raises
    ------
    DataError
        When the target has fewer than two values or does not fit the task.
    """
    values = sorted(target.dropna().unique().tolist())
    if len(values) < 2:
        raise DataError(
            f"{subject}: the target has {len(values)} distinct values in the training rows",
            hint="provide rows with at least two values of the target, or choose another target",
        )
    if task == "regression":
        if not pd.api.types.is_numeric_dtype(target):
            raise DataError(
                f"{subject}: the target of a regression must be a number, but contains {values[0]!r}",
                hint="declare it as float in schema.py, or set task to binary or multiclass",
            )
        return ()
    if task == "binary" and len(values) > 2:
        raise DataError(
            f"{subject}: the target has {len(values)} distinct values, but the task is binary",
            hint="set task to multiclass in defs.yaml",
        )
    return tuple(values)


def encode_target(target: pd.Series, classes: Sequence[Label], *, subject: str) -> NDArray:
    """The target as numbers: the values, or the index of the class.

    Raises
    ------
    DataError
        When a value is not one of the classes.
    """
    if not classes:
        return target.to_numpy(dtype=float)
    codes = pd.Categorical(target, categories=list(classes)).codes
    if (codes < 0).any():
        unknown = sorted(set(target) - set(classes), key=repr)
        raise DataError(
            f"{subject}: classes without training rows: {', '.join(map(repr, unknown))}",
            hint="set split.method to stratified, or provide more rows of these classes",
        )
    return np.asarray(codes, dtype=np.int64)


def require_defined_metric(metric: str, train: TrainingData, *, subject: str) -> None:
    """Raise before the search if the primary metric is undefined for the target."""
    zeros = int((train.target == 0).sum())
    if metric == "mape" and zeros:
        raise DataError(
            f"{subject}: tuning.metric is mape, which is undefined where the target is 0: it is 0 in "
            f"{zeros:,} of {len(train.target):,} training rows",
            hint="set tuning.metric to mae or rmse in defs.yaml",
        )


def check_pipeline(
    make_pipeline: MakePipeline,
    train: TrainingData,
    *,
    seed: int,
    monotone: Mapping[str, int] = MappingProxyType({}),
) -> None:
    """Fit the pipeline twice and save it, so that errors occur before a long search and not after it.

    Raises
    ------
    ProjectError
        When it can't be fitted, when the second fit gives another matrix than the first, or when it does not
        keep the order of a feature with a monotone constraint.
    ModelError
        When it can't be saved.
    """
    first, second = make_pipeline(), make_pipeline()
    matrices = [
        (transform(each, train.features, fit=train.target, seed=seed), transform(each, train.features))
        for each in (first, second)
    ]
    for one, other in zip(*matrices, strict=True):
        # A tolerance, because sums of several threads have no order.
        if one.shape != other.shape or not np.allclose(one, other, rtol=1e-5, equal_nan=True):
            raise ProjectError(
                "pipeline.py: two fits on the same rows give different matrices: a step draws random numbers "
                "without a seed",
                hint="give the step a seed; a transformer of your own needs a parameter `random_state=None`, "
                "which is set to the seed of the project",
            )
    column_directions(first, train.features, monotone)
    with TemporaryDirectory() as scratch:
        dump_estimator(first, Path(scratch) / "pipeline.skops")
