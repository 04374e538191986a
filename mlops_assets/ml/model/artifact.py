"""A model as a directory of data files, and back: no pickle, no code.

model.json       what the model is
features.sql     from raw columns to features
pipeline.skops   the fitted pipeline
estimator/       the fitted estimator, as its family writes it; of an ensemble a folder for each member
manifest.json    SHA-256 of each file above, and the model's digest
"""

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import pandas as pd

from mlops_assets.core.digests import file_digest
from mlops_assets.core.errors import MlopsError, ModelError
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.families import FAMILIES, Estimator
from mlops_assets.ml.model.calibration import Calibration
from mlops_assets.ml.model.ensemble import EnsembleEstimator, Member
from mlops_assets.ml.model.tabular_model import ModelSpec, TabularModel
from mlops_assets.ml.skops_files import dump_estimator, load_estimator

FORMAT = 1
LOADER_MODULE = __name__
_MANIFEST, _SPEC, _SQL, _PIPELINE, _ESTIMATOR = (
    "manifest.json",
    "model.json",
    "features.sql",
    "pipeline.skops",
    "estimator",
)


def save_model(model: TabularModel, folder: Path) -> str:
    """Write a model into a new folder; returns its digest."""
    (folder / _ESTIMATOR).mkdir(parents=True)
    spec = {"format": FORMAT, **model.spec.told}
    (folder / _SPEC).write_text(json.dumps(spec, indent=2, sort_keys=True), "utf-8")
    (folder / _SQL).write_text(model.features_sql, "utf-8")
    dump_estimator(model.pipeline, folder / _PIPELINE)
    model.estimator.save(folder / _ESTIMATOR)
    digest = model.digest()
    manifest = {"digest": digest, "files": _file_digests(folder)}
    (folder / _MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True), "utf-8")
    return digest


def _refusing(read: Callable[[Path], TabularModel]) -> Callable[[Path], TabularModel]:
    """Bytes that the manifest agrees with, and that no reader understands, are refused in one sentence."""

    @wraps(read)
    def told(folder: Path) -> TabularModel:
        try:
            return read(folder)
        except MlopsError:
            raise
        except Exception as error:  # JSON, skops, XGBoost and dataclasses each have errors of their own
            raise ModelError(
                f"{folder} holds no model that can be read: {type(error).__name__}",
                hint="don't use this model; roll back to another version, or train again",
            ) from error

    return told


@_refusing
def load_model(folder: Path) -> TabularModel:
    """Read a model after every file was found to be the one that was written.

    Raises
    ------
    ModelError
        When a file is missing, changed or foreign, names a type that is not on our list, or comes from a
        newer version of mlops_assets.
    """
    manifest = verify(folder)
    spec = json.loads((folder / _SPEC).read_text("utf-8"))
    if spec.pop("format") != FORMAT:
        raise ModelError(f"{folder} was written by another version of mlops_assets")
    columns = tuple(Column(**column) for column in spec.pop("columns"))
    spec["features"], spec["classes"] = tuple(spec["features"]), tuple(spec["classes"])
    spec["bounds"] = tuple(spec.get("bounds", (None, None)))
    spec["members"] = tuple(Member(**member) for member in spec.get("members", ()))
    spec["calibration"] = Calibration(**spec["calibration"]) if "calibration" in spec else None
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
        raise ModelError(f"{folder} holds another model than its manifest says")
    return model


def verify(folder: Path) -> dict[str, Any]:
    """The manifest of a model's folder, after each file's digest was compared; opens no other file."""
    try:
        manifest: dict[str, Any] = json.loads((folder / _MANIFEST).read_text("utf-8"))
        recorded, _ = dict(manifest["files"]), manifest["digest"]
        found = _file_digests(folder)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{folder} holds no model of mlops_assets: {error}") from error
    differing = sorted(
        name for name in recorded.keys() | found.keys() if recorded.get(name) != found.get(name)
    )
    if differing:
        raise ModelError(
            f"{folder}: {', '.join(differing)} is not the file that was written",
            hint="don't use this model; roll back to another version, or train again",
        )
    return manifest


def manifest_digest(folder: Path) -> str:
    """SHA-256 of a folder's manifest, and so of every file of the model: who keeps it elsewhere finds a
    manifest that was written anew to agree with other files.
    """
    try:
        return file_digest(folder / _MANIFEST)
    except OSError as error:
        raise ModelError(f"{folder} holds no model of mlops_assets: {error}") from error


class PyfuncModel:
    """A model as MLflow's pyfunc flavour calls it."""

    def __init__(self, model: TabularModel) -> None:
        self.model = model

    def predict(
        self,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> pd.DataFrame:
        """Predictions from raw columns; see `TabularModel.predict`."""
        return self.model.predict(model_input)


def _load_pyfunc(data_path: str) -> PyfuncModel:
    """Called by `mlflow.pyfunc.load_model`, which finds this module's name in the artifact."""
    return PyfuncModel(load_model(Path(data_path)))


def _file_digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / _MANIFEST)
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in files}
