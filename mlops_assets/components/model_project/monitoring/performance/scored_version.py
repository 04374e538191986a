"""A registered version that has predicted: its figures at registration and its labelled holdout."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.evaluation.holdout_evaluation import EvaluatedModel
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core.errors import MlopsError
from mlops_assets.stores.tracking.trained_model import is_refitted

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from mlops_assets.ml.evaluation.groups.column_groups import ColumnGroups
    from mlops_assets.ml.metrics.tasks import Measure
    from mlops_assets.ml.model.model_spec import Label
    from mlops_assets.ml.monitoring.performance import Figure
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.tracking.trained_model import TrainedModel
    from mlops_assets.stores.warehouse.warehouse import Warehouse

Place = tuple[str, str | None, str | None]
_RELEVANT_SHARE = 0.05
"""Of the improvement over the constant baseline: the default margin, as that of `baseline_margin`."""
_RELEVANT_BIAS, _RELEVANT_BIAS_OF_ERROR = 0.03, 0.1
"""The default margin of the mean error: a probability, and a share of the RMSE at registration."""


@dataclass(frozen=True)
class ScoredVersion:
    """A version that has predicted.

    Attributes
    ----------
    evaluated
        The model before its refit, with its training set; None if one of them is not available any more.
    missing
        Why it is not available.
    registered
        Figures at registration, by what they measure.
    margins
        The relevant loss of each metric that is compared with registration.
    """

    number: int
    trained: "TrainedModel"
    measure: "Measure"
    classes: "Sequence[Label]"
    evaluated: EvaluatedModel | None
    missing: str
    registered: "dict[Place, Figure]"
    margins: dict[str, float]
    groups: "dict[str, tuple[pd.Series, ColumnGroups]]" = field(default_factory=dict)
    """The columns of slices of the holdout, with their groups."""

    @property
    def is_refitted(self) -> bool:
        """Whether the deployed model was fitted on more rows than the evaluated one."""
        return is_refitted(self.trained.facts)

    @classmethod
    def read(
        cls, project: Project, store: "Warehouse", tracking: "TrackingStore", number: int
    ) -> "ScoredVersion":
        """Read a version from the registry and the tracking store.

        Raises
        ------
        TrackingError, ModelError
            If the version or its model is not there any more.
        """
        from mlops_assets.components.model_project.training.search import primary_measure

        version = tracking.registry.version(project.name, number)
        trained = tracking.model_of_run(version.run_id)
        evaluated, missing = None, ""
        try:
            evaluated = EvaluatedModel.read(project, tracking, trained, store)
            spec = evaluated.model.spec
        except MlopsError as error:
            missing = error.message
            spec = tracking.load(trained).spec
        measure = primary_measure(project, max(len(spec.classes), 1))
        groups = _groups(project, evaluated) if evaluated else {}
        registered = _registered(evaluated, groups) if evaluated else _logged(measure, trained)
        return cls(
            number,
            trained,
            measure,
            spec.classes,
            evaluated,
            missing,
            registered,
            _margins(project, measure, trained, registered),
            groups,
        )


def slice_columns(project: Project) -> list[str]:
    """The columns whose groups are reported: declared slices and protected groups."""
    evaluation = project.settings.evaluation
    return list(dict.fromkeys([*evaluation.slices, *evaluation.sensitive]))


def _groups(project: Project, evaluated: EvaluatedModel) -> "dict[str, tuple[pd.Series, ColumnGroups]]":
    """Of the columns that the training set of the version has: others were declared later."""
    known = filter(evaluated.has_column, slice_columns(project))
    return {name: (evaluated.column(name), evaluated.groups(name)) for name in known}


def _registered(
    evaluated: EvaluatedModel, groups: "dict[str, tuple[pd.Series, ColumnGroups]]"
) -> "dict[Place, Figure]":
    """Figures of the holdout, as the gates saw it, with those of its slices."""
    from mlops_assets.ml.monitoring.performance import ScoredRows, measure_performance

    holdout = evaluated.holdout
    rows = ScoredRows(
        holdout.target,
        evaluated.predictions,
        evaluated.threshold,
        evaluated.clusters,
        holdout.weights,
        [grouped for _, grouped in groups.values()],
    )
    return {each.place: each for each in measure_performance(evaluated.measure, rows)}


def _logged(measure: "Measure", trained: "TrainedModel") -> "dict[Place, Figure]":
    """Figures that the evaluation logged: of all rows, and an interval of the primary metric only."""
    from mlops_assets.ml.monitoring.performance import figure_of
    from mlops_assets.stores.tracking.training_history import INTERVAL_HIGH, INTERVAL_LOW

    metrics, unknown = trained.metrics, float("nan")
    found: dict[Place, Figure] = {}
    for metric in measure.metrics:
        if f"test_{metric}" in metrics:
            ends = (INTERVAL_LOW, INTERVAL_HIGH) if metric == measure.metric else ("", "")
            low, high = (metrics.get(end, unknown) for end in ends)
            found[metric, None, None] = figure_of(metric, metrics[f"test_{metric}"], low, high, rows=0)
    return found


def _margins(
    project: Project, measure: "Measure", trained: "TrainedModel", registered: "dict[Place, Figure]"
) -> dict[str, float]:
    from mlops_assets.ml.monitoring.performance import MEAN_ERROR

    declared, metric = project.settings.monitoring.performance, measure.metric
    at_registration = registered.get((metric, None, None))
    margin = declared.margin
    if margin is None:
        margin = project.settings.gates.champion_margin
    if declared.margin is None and margin <= 0:
        constant = trained.metrics.get(f"constant_{metric}", float("nan"))
        gain = abs(at_registration.value - constant) if at_registration else 0.0
        margin = _RELEVANT_SHARE * gain if gain == gain else 0.0
    margins = {metric: margin}
    if (MEAN_ERROR, None, None) in registered:
        bias = declared.mean_error_margin
        if bias is None:
            error = registered.get(("rmse", None, None))
            bias = _RELEVANT_BIAS_OF_ERROR * error.value if error else _RELEVANT_BIAS
        margins[MEAN_ERROR] = bias
    return margins
