"""The first predictions of a version that is not compiled: caches are filled, and an estimator that fails is
known before the version answers.

A compiled version has predicted the rows of its verification, by all of its steps and by the reference.
"""

import logging

from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.scoring.example_rows import example_rows
from mlops_assets.serving.engine.served_model import ServedModel

_LOG = logging.getLogger(__name__)
_ROWS = 20


def warm(model: ServedModel) -> None:
    """Score rows that follow the contract, several together and one alone, unless the version is compiled.

    An estimator that fails raises its error. `features.sql` may fail for values that real rows never have:
    then the version is loaded as it is.
    """
    if model.compilation.scorer is not None:
        return
    rows = example_rows(model.model, model.contracts)[:_ROWS]
    try:
        model.score_rows(rows)
        model.score_rows(rows[:1])
    except ProjectError as error:
        project = model.model.spec.project
        _LOG.warning("%s: version %d is not warmed: %s", project, model.version, error.without_values)
