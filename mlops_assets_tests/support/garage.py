"""A small model of the tests of the tracking store, and the rows that it predicts."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.families import Settings
from mlops_assets.ml.features.preprocessing import default_pipeline
from mlops_assets.ml.model.model_spec import ModelSpec
from mlops_assets.ml.model.tabular_model import TabularModel

StartRun = Callable[..., Any]
ROWS = pd.DataFrame({"size": [1.0, np.nan, 3.0, 5.0], "kind": ["car", "van", "car", "van"]})


def garage_model() -> TabularModel:
    """What a car or a van costs."""
    columns = (Column("size", "DOUBLE"), Column("kind", "VARCHAR", required=False))
    spec = ModelSpec(
        "garage",
        "regression",
        "price",
        "cars",
        columns,
        ("size", "kind"),
        (),
        "linear",
        {"penalty": 1.0},
        None,
        0,
    )
    target = np.array([1.0, 2.0, 3.0, 6.0])
    settings = Settings("regression", 1, seed=0, threads=1)
    return TabularModel.fit(
        spec, "from cars", ROWS.astype({"kind": object}), target, default_pipeline, settings
    )
