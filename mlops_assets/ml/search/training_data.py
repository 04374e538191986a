"""The training set as arrays: features, encoded target, groups and periods of each side of the split."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.core.errors import DataError
from mlops_assets.core.names import GROUP, HOLDOUT, PARTITION, PERIOD, ROW_ID, SPLIT, TRAIN
from mlops_assets.ml.features.preprocessing import MakePipeline, feature_frame, transform
from mlops_assets.ml.metrics.tasks import Task
from mlops_assets.ml.model.tabular_model import Label
from mlops_assets.ml.skops_files import dump_estimator


@dataclass(frozen=True)
class TrainingData:
    """One side of a training set, in the order of `row_id`.

    Attributes
    ----------
    features
        Shape `(n, features)`, as `pipelines.feature_frame` gives them.
    target
        Shape `(n,)`: the value, or the index of the class.
    """

    row_ids: NDArray
    features: pd.DataFrame
    target: NDArray
    groups: NDArray | None
    periods: NDArray | None = None
    """The partition of each row's features, in an event project."""

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
        """Read rows of the training set's table.

        Parameters
        ----------
        aside
            Columns that tell what a row is about, and are no features: the entity.
        """
        frame = frame.sort_values(ROW_ID, ignore_index=True)
        known = (ROW_ID, target, SPLIT, GROUP, PERIOD, PARTITION, *aside)
        left_out = [name for name in known if name in frame]
        return cls(
            row_ids=frame[ROW_ID].to_numpy(),
            features=feature_frame(frame.drop(columns=left_out)),
            target=encode_target(frame[target], classes, subject=subject),
            groups=frame[GROUP].to_numpy() if GROUP in frame else None,
            periods=frame[PERIOD].to_numpy() if PERIOD in frame else None,
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
        )


def split_sides(
    frame: pd.DataFrame,
    *,
    target: str,
    classes: Sequence[Label],
    subject: str,
    aside: Sequence[str] = (),
) -> tuple[TrainingData, TrainingData]:
    """The rows that train, and those that judge."""
    train, holdout = (
        TrainingData.of(
            frame[frame[SPLIT] == side], target=target, classes=classes, subject=subject, aside=aside
        )
        for side in (TRAIN, HOLDOUT)
    )
    return train, holdout


def find_classes(task: Task, target: pd.Series, *, subject: str) -> tuple[Label, ...]:
    """The target's values in order, for classification; the second of two is the positive class.

    Raises
    ------
    DataError
        When the target does not fit the task.
    """
    values = sorted(target.dropna().unique().tolist())
    if len(values) < 2:
        raise DataError(
            f"{subject}: the target has {len(values)} different values among the rows that train",
            hint="a model needs at least two; bring more data, or choose another target",
        )
    if task == "regression":
        if not pd.api.types.is_numeric_dtype(target):
            raise DataError(
                f"{subject}: the target of a regression is a number, and it holds {values[0]!r}",
                hint="declare it as float in schema.py, or set task to binary or multiclass",
            )
        return ()
    if task == "binary" and len(values) > 2:
        raise DataError(
            f"{subject}: the target has {len(values)} different values and the task is binary",
            hint="set task to multiclass in defs.yaml",
        )
    return tuple(values)


def encode_target(target: pd.Series, classes: Sequence[Label], *, subject: str) -> NDArray:
    """The target as numbers: itself, or the index of the class."""
    if not classes:
        return target.to_numpy(dtype=float)
    codes = pd.Categorical(target, categories=list(classes)).codes
    if (codes < 0).any():
        unknown = sorted(set(target) - set(classes), key=repr)
        raise DataError(
            f"{subject}: the target has values that no training row has: {', '.join(map(repr, unknown))}",
            hint="set split.method to stratified, or bring more rows of these classes",
        )
    return np.asarray(codes, dtype=np.int64)


def check_pipeline(make_pipeline: MakePipeline, train: TrainingData) -> None:
    """Fit the pipeline once and save it: what can't be kept should fail before a long search, not after."""
    pipeline = make_pipeline()
    transform(pipeline, train.features, fit=train.target)
    with TemporaryDirectory() as scratch:
        dump_estimator(pipeline, Path(scratch) / "pipeline.skops")
