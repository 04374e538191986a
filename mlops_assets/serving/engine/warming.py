"""The first predictions of a loaded version, before it answers: caches are filled, and plans are made."""

import logging

from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.scoring.example_rows import example_rows
from mlops_assets.serving.engine.served_model import ServedModel

_LOG = logging.getLogger(__name__)
_ROWS, _SINGLE_ROWS = 20, 1


def warm(model: ServedModel) -> None:
    """Score rows that follow the contract: several together, and each alone.

    An estimator that fails raises its error. `features.sql` may fail for values that real rows never have:
    then the version is loaded as it is.
    """
    rows = example_rows(model.model, model.contracts)[:_ROWS]
    try:
        model.score_rows(rows)
        for row in rows[:_SINGLE_ROWS]:
            model.score_rows([row])
    except ProjectError as error:
        project = model.model.spec.project
        _LOG.warning("%s: version %d is not warmed: %s", project, model.version, error.without_values)
