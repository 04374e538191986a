"""Scores that are too good to be true: near-perfect on the holdout, which suggests target leakage."""

from collections.abc import Mapping

from mlops_assets.ml.metrics.tasks import Task
from mlops_assets.ml.number_format import metric_label, number

_PERFECT: dict[Task, tuple[str, float]] = {
    "regression": ("r2", 0.999),
    "binary": ("roc_auc", 0.999),
    "multiclass": ("roc_auc", 0.999),
}
_MOST_NAMED = 3
_DOMINANT = 0.3
"""Features whose importance is at least this share of the largest one are named."""


def leakage_warning(task: Task, scores: Mapping[str, float], importances: Mapping[str, float]) -> str:
    """A warning about a near-perfect score, with the features that it depends on; empty otherwise.

    Parameters
    ----------
    scores
        The metrics of the model on the holdout.
    importances
        Permutation importance of each feature.
    """
    metric, limit = _PERFECT[task]
    score = scores.get(metric, 0.0)
    if not score >= limit:
        return ""
    ranked = sorted(importances, key=lambda name: -importances[name])
    largest = importances[ranked[0]] if ranked else 0.0
    named = [name for name in ranked[:_MOST_NAMED] if importances[name] >= _DOMINANT * largest > 0]
    about = f" The score depends on {', '.join(named)}: check" if named else " Check"
    return (
        f"Possible target leakage: {metric_label(metric)} is {number(score, 4)}.{about} that the features "
        "are known at the time of a prediction."
    )
