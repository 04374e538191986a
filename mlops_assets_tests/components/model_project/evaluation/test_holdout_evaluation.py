"""Columns of a holdout: those that were declared after the model was trained are not there."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.components.model_project.evaluation.holdout_evaluation import EvaluatedModel


def evaluated(**settings: Any) -> EvaluatedModel:
    """A model of an event project with one feature."""
    project: Any = SimpleNamespace(
        timeline=object(), settings=SimpleNamespace(entity=["customer"], **settings)
    )
    holdout: Any = SimpleNamespace(features=pd.DataFrame({"age": [1.0, 2.0]}), row_ids=np.arange(2))
    unused: Any = None
    return EvaluatedModel(project, unused, unused, unused, pd.DataFrame(), unused, holdout)


def test_a_column_that_was_declared_later_is_not_there():
    model = evaluated()
    assert [model.has_column(name) for name in ("age", "customer", "new")] == [True, True, False]


def test_clusters_by_a_column_that_was_declared_later_are_unknown():
    assert evaluated(evaluation=SimpleNamespace(clusters=["new"])).clusters is None
