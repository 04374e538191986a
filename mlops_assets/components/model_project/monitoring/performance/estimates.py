"""Estimates of the performance of a partition before its targets are known."""

from typing import TYPE_CHECKING

from mlops_assets.components.model_project.monitoring.performance.scored_partition import ScoredPartition
from mlops_assets.components.model_project.monitoring.performance.scored_version import ScoredVersion
from mlops_assets.core.errors import MlopsError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

    from mlops_assets.components.model_project.evaluation.holdout_evaluation import EvaluatedModel
    from mlops_assets.ml.metrics.metrics import Threshold
    from mlops_assets.ml.monitoring.estimate import Estimate
    from mlops_assets.ml.monitoring.performance import Figure

    _Estimate = Callable[[list[str], NDArray], dict[str, Estimate]]

BLIND = "assumes that the relation of features and target has not changed; a change of it is not seen"
LEAST_LABELLED = 50
"""Fewer labelled rows of the holdout show too little of the errors of a model."""
_NOT_ESTIMATED = frozenset({"mape"})
"""It depends on how small the targets are, which a distribution of errors does not contain."""


def estimate_partition(version: ScoredVersion, partition: ScoredPartition) -> "tuple[list[Figure], str]":
    """Estimated metrics of all rows, and the primary one of each slice, with a note.

    The estimate is that of the model before its refit, for which the holdout is new. A refit changes how sure
    a model is of its predictions, and no row is left that would show by how much.

    Returns
    -------
    No figures, and the reason, if there is no estimate.
    """
    evaluated = version.evaluated
    if evaluated is None:
        return [], f"no estimate: {version.missing}"
    if len(evaluated.holdout.target) < LEAST_LABELLED:
        return [], f"no estimate: the holdout has fewer than {LEAST_LABELLED} rows"
    try:
        current = _Current.of(version, evaluated, partition)
    except MlopsError as error:
        return [], f"no estimate: {error.message}"
    found = current.estimates()
    note = BLIND
    if version.is_refitted:
        note += "; of the model before its refit on all labelled rows"
    if partition.project.settings.weight:
        note += "; rows count the same, because weights arrive with the targets"
    return found, note


class _Current:
    """Rows to estimate, beside a labelled holdout."""

    def __init__(
        self,
        version: ScoredVersion,
        evaluated: "EvaluatedModel",
        partition: ScoredPartition,
        features: "pd.DataFrame",
        rows: "NDArray",
        given: "tuple[NDArray, Threshold]",
    ) -> None:
        self.version, self.evaluated, self.partition = version, evaluated, partition
        self.features, self.rows = features, rows
        self.predictions, self.threshold = given
        self.share = len(rows) / len(partition.frame)

    @classmethod
    def of(
        cls, version: ScoredVersion, evaluated: "EvaluatedModel", partition: ScoredPartition
    ) -> "_Current":
        """Some of the rows, with their features and the predictions of the evaluated model."""
        from mlops_assets.ml.metrics.metrics import at_rows
        from mlops_assets.ml.monitoring.estimate import some_rows

        model, rows = evaluated.model, some_rows(len(partition.frame), seed=evaluated.seed)
        features = model.compute_features(model.as_sent(partition.frame.iloc[rows].reset_index(drop=True)))
        if version.is_refitted:
            given = model.predict_features(features), model.decision_thresholds(features)
        else:
            given = partition.predictions(version)[rows], at_rows(partition.threshold(version), rows)
        return cls(version, evaluated, partition, features, rows, given)

    @property
    def inputs(self) -> "pd.DataFrame":
        """The features in the form of those of the holdout."""
        from mlops_assets.ml.features.preprocessing import feature_frame

        return feature_frame(self.features[list(self.evaluated.model.spec.features)])

    def estimates(self) -> "list[Figure]":
        """Estimates of all rows, and of the primary metric of each slice of enough rows."""
        import numpy as np

        from mlops_assets.ml.evaluation.groups.slices import MIN_ROWS
        from mlops_assets.ml.monitoring.performance import Figure

        measure = self.version.measure
        estimate = self._of_errors() if measure.task == "regression" else self._of_classes()
        wanted = [name for name in measure.metrics if name not in _NOT_ESTIMATED]
        everything = np.arange(len(self.rows))
        found = _figures(estimate(wanted, everything), len(self.partition.frame))
        if measure.metric in _NOT_ESTIMATED:
            return found
        for column in self.partition.groups(self.version):
            groups = column.groups[self.rows]
            for index, label in enumerate(column.labels):
                count = int(column.mask(index).sum())
                inside = np.flatnonzero(groups == index)
                if count < MIN_ROWS or not len(inside):
                    continue
                for each in _figures(estimate([measure.metric], inside), count):
                    found.append(
                        Figure(
                            each.metric,
                            each.value,
                            each.low,
                            each.high,
                            each.error,
                            count,
                            column.column,
                            label,
                        )
                    )
        return found

    def _of_classes(self) -> "_Estimate":
        from mlops_assets.ml.metrics.metrics import at_rows, class_probabilities
        from mlops_assets.ml.monitoring.density_ratio import log_density_ratios
        from mlops_assets.ml.monitoring.estimate import estimate_classes, some_rows
        from mlops_assets.ml.monitoring.label_calibration import LabelCalibration

        evaluated, measure = self.evaluated, self.version.measure
        holdout = evaluated.holdout
        kept = some_rows(len(holdout.target), seed=evaluated.seed)
        _, now = log_density_ratios(
            holdout.features.iloc[kept],
            self.inputs,
            seed=evaluated.seed,
        )
        clusters = None if evaluated.clusters is None else evaluated.clusters[kept]
        calibration = LabelCalibration.fit(
            holdout.target[kept],
            class_probabilities(measure.task, evaluated.predictions[kept]),
            clusters=clusters,
            weights=holdout.weights_of(kept),
        )

        def estimate(metrics: list[str], rows: "NDArray") -> "dict[str, Estimate]":
            return estimate_classes(
                measure,
                metrics,
                self.predictions[rows],
                calibration,
                shifts=now[rows],
                threshold=at_rows(self.threshold, rows),
                share=self.share,
            )

        return estimate

    def _of_errors(self) -> "_Estimate":
        from mlops_assets.ml.monitoring.error_model import ErrorModel
        from mlops_assets.ml.monitoring.estimate import some_rows

        evaluated, measure = self.evaluated, self.version.measure
        holdout = evaluated.holdout
        kept = some_rows(len(holdout.target), seed=evaluated.seed)
        errors = ErrorModel.fit(
            holdout.target[kept],
            evaluated.predictions[kept],
            holdout.features.iloc[kept],
            (self.predictions, self.inputs),
            clusters=None if evaluated.clusters is None else evaluated.clusters[kept],
            weights=holdout.weights_of(kept),
            seed=evaluated.seed,
        )

        def estimate(metrics: list[str], rows: "NDArray") -> "dict[str, Estimate]":
            return errors.estimate(measure, metrics, self.predictions, rows=rows, share=self.share)

        return estimate


def _figures(estimates: "dict[str, Estimate]", rows: int) -> "list[Figure]":
    from mlops_assets.ml.monitoring.performance import Figure

    return [
        Figure(name, each.value, each.low, each.high, each.error, rows) for name, each in estimates.items()
    ]
