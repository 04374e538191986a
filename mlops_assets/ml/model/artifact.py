"""The artifact of a model: a directory of data files, without pickles or code.

model.json       the specification of the model
features.sql     the query from raw columns to features
pipeline.skops   the fitted pipeline
estimator/       the fitted estimator, in the format of its family; a folder for each member of an ensemble
manifest.json    the SHA-256 of each file above, and the digest of the model
"""

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import pandas as pd

from mlops_assets.core.errors import MlopsError, ModelError
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.families import FAMILIES, Estimator
from mlops_assets.ml.model.calibration import Calibration
from mlops_assets.ml.model.ensemble import EnsembleEstimator, Member
from mlops_assets.ml.model.group_thresholds import GroupThresholds
from mlops_assets.ml.model.manifest import HINT, verify, write_manifest
from mlops_assets.ml.model.model_spec import ModelSpec
from mlops_assets.ml.model.prediction_intervals import PredictionIntervals, PredictionSets
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.ml.skops_files import dump_estimator, load_estimator

FORMAT = 1
_SPEC, _SQL, _PIPELINE, _ESTIMATOR = "model.json", "features.sql", "pipeline.skops", "estimator"


def save_model(model: TabularModel, folder: Path) -> str:
    """Write a model into a new folder.

    Returns
    -------
    The digest of the model.

    Raises
    ------
    FileExistsError
        If the folder already holds a model.
    """
    (folder / _ESTIMATOR).mkdir(parents=True)
    spec = {"format": FORMAT, **model.spec.to_json()}
    (folder / _SPEC).write_text(json.dumps(spec, indent=2, sort_keys=True), "utf-8")
    (folder / _SQL).write_text(model.features_sql, "utf-8")
    dump_estimator(model.pipeline, folder / _PIPELINE)
    model.estimator.save(folder / _ESTIMATOR)
    digest = model.digest()
    write_manifest(folder, digest)
    return digest


def _translated_errors(read: Callable[[Path], TabularModel]) -> Callable[[Path], TabularModel]:
    """Raise `ModelError` for files that match the manifest and cannot be parsed."""

    @wraps(read)
    def wrapper(folder: Path) -> TabularModel:
        try:
            return read(folder)
        except MlopsError:
            raise
        except Exception as error:  # JSON, skops, XGBoost and dataclasses raise different types
            raise ModelError(
                f"{folder}: the model cannot be read: {type(error).__name__}",
                hint=HINT,
            ) from error

    return wrapper


@_translated_errors
def load_model(folder: Path) -> TabularModel:
    """Read a model after verifying every file against the manifest.

    Raises
    ------
    ModelError
        If a file is missing, changed or not in the manifest, contains a type that is not trusted, or was
        written by another version of mlops_assets.
    """
    manifest = verify(folder)
    spec = json.loads((folder / _SPEC).read_text("utf-8"))
    if spec.pop("format") != FORMAT:
        raise ModelError(
            f"{folder} was written by an incompatible version of mlops_assets",
            hint="read it with the version that wrote it, or train again",
        )
    columns = tuple(Column(**column) for column in spec.pop("columns"))
    spec["features"], spec["classes"] = tuple(spec["features"]), tuple(spec["classes"])
    spec["class_weights"] = tuple(spec.get("class_weights", ()))
    spec["monotone"] = tuple((name, sign) for name, sign in spec.get("monotone", ()))
    spec["bounds"] = tuple(spec.get("bounds", (None, None)))
    spec["members"] = tuple(Member(**member) for member in spec.get("members", ()))
    spec["calibration"] = Calibration(**spec["calibration"]) if "calibration" in spec else None
    for name, kind in (("intervals", PredictionIntervals), ("prediction_sets", PredictionSets)):
        if name in spec:
            spec[name] = kind.of_json(spec[name])
    if "group_thresholds" in spec:
        spec["group_thresholds"] = GroupThresholds(**spec["group_thresholds"])
    parsed = ModelSpec(columns=columns, **spec)
    estimator: Estimator
    if parsed.members:
        estimator = EnsembleEstimator.load(folder / _ESTIMATOR, parsed.members)
    else:
        estimator = FAMILIES[parsed.family].load(folder / _ESTIMATOR)
    model = TabularModel(
        spec=parsed,
        features_sql=(folder / _SQL).read_text("utf-8"),
        pipeline=load_estimator(folder / _PIPELINE),
        estimator=estimator,
    )
    if model.digest() != manifest["digest"]:
        raise ModelError(f"{folder}: the model does not have the digest in its manifest", hint=HINT)
    return model


class PyfuncModel:
    """A model with the interface of MLflow's pyfunc flavor."""

    def __init__(self, model: TabularModel) -> None:
        self.model = model

    def predict(
        self,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> pd.DataFrame:
        """Predict from raw columns; see `TabularModel.predict`."""
        return self.model.predict(model_input)


def _load_pyfunc(data_path: str) -> PyfuncModel:
    """Entry point of `mlflow.pyfunc.load_model`: the artifact contains the name of this module."""
    return PyfuncModel(load_model(Path(data_path)))
