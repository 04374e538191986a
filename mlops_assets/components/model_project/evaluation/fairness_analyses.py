"""Fairness of an evaluated model: measures of the groups, and the effect of the fairness constraint."""

from typing import TYPE_CHECKING

from mlops_assets.components.model_project.evaluation.holdout_evaluation import EvaluatedModel
from mlops_assets.components.model_project.settings.protected_columns import protected_columns
from mlops_assets.components.model_project.training.decision_rule import objective, read_trade_off

if TYPE_CHECKING:
    from mlops_assets.ml.evaluation.groups.column_groups import ColumnGroups
    from mlops_assets.ml.evaluation.groups.fairness import Fairness
    from mlops_assets.ml.evaluation.groups.mitigation import Mitigation
    from mlops_assets.stores.tracking.tracking import TrackingStore

NOT_CONSTRAINED = "not constrained"
"""Label of the rows of groups that are too small for a threshold of their own."""


def fairness(evaluated: EvaluatedModel) -> "list[Fairness]":
    """Differences of selection and error rates between the groups of each protected column."""
    from mlops_assets.ml.evaluation.groups.fairness import measure_fairness
    from mlops_assets.ml.metrics.metrics import predicted_classes

    task, predictions = evaluated.project.settings.task, evaluated.predictions
    chosen = (
        predictions if task == "regression" else predicted_classes(task, predictions, evaluated.threshold)
    )
    return [
        measure_fairness(
            task,
            _groups(evaluated, name),
            evaluated.holdout.target,
            evaluated.predictions,
            chosen,
            unit_size=evaluated.unit_size,
            clusters=evaluated.clusters,
            weights=evaluated.holdout.weights,
        )
        for name in protected_columns(evaluated.project.settings)
    ]


def mitigation(evaluated: EvaluatedModel, tracking: "TrackingStore") -> "Mitigation | None":
    """The effect of the fairness constraint; None without one."""
    from mlops_assets.ml.evaluation.groups.mitigation import measure_mitigation

    fair = evaluated.model.spec.group_thresholds
    if fair is None:
        return None
    return measure_mitigation(
        fair,
        read_trade_off(tracking, evaluated.trained.run_id),
        objective(evaluated.project, evaluated.model.spec.class_weights),
        evaluated.holdout.target,
        evaluated.predictions,
        evaluated.holdout.protected_values(fair.column),
        clusters=evaluated.clusters,
    )


def _groups(evaluated: EvaluatedModel, name: str) -> "ColumnGroups":
    """The groups of a protected column: those of the thresholds, if the model has thresholds for them."""
    import numpy as np

    from mlops_assets.ml.evaluation.groups.column_groups import ColumnGroups

    fair = evaluated.model.spec.group_thresholds
    if fair is None or fair.column != name:
        return evaluated.groups(name)
    groups = fair.groups(evaluated.holdout.protected_values(name))
    apart = [NOT_CONSTRAINED] if (groups < 0).any() else []
    return ColumnGroups(name, np.where(groups < 0, len(fair.labels), groups), [*fair.labels, *apart], False)
