"""The files of a logged model: logging them to MLflow, and verifying them before any is opened."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.models.model import ModelInfo
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import AnyType
from yaml import YAMLError

from mlops_assets.core.errors import ModelError, TrackingError
from mlops_assets.ml.model.manifest import LOADER_MODULE, manifest_digest, verify
from mlops_assets.stores.tracking.client import full_address, make_current

if TYPE_CHECKING:  # which imports the families
    from mlops_assets.ml.model.model_spec import ModelSpec

_OUTPUT_TYPES: dict[type, DataType] = {
    str: DataType.string,
    int: DataType.long,
    float: DataType.double,
    bool: DataType.boolean,
}


class Logged(Protocol):
    """A model in the tracking store: the model of a run, or a registered version."""

    @property
    def subject(self) -> str:
        """Its name in error messages."""

    @property
    def facts(self) -> Mapping[str, str]:
        """Tags of mlops_assets, without their prefix."""


def log_model(folder: Path, spec: "ModelSpec", name: str) -> ModelInfo:
    """Log a saved model to MLflow's active run."""
    with warnings.catch_warnings():
        # An input example would copy rows of the user's data into the artifact.
        warnings.filterwarnings("ignore", message=".*input example was not provided")
        return mlflow.pyfunc.log_model(
            name=name,
            loader_module=LOADER_MODULE,
            data_path=str(folder),
            signature=_signature(spec),
            pip_requirements=_requirements(),
        )


@contextmanager
def downloaded(uri: str, store_uri: str) -> Iterator[Path]:
    """Yield the folder of a logged model; a downloaded copy is deleted on exit."""
    make_current(store_uri)
    with TemporaryDirectory() as scratch:
        yield Path(
            mlflow.artifacts.download_artifacts(
                artifact_uri=uri, dst_path=scratch, tracking_uri=full_address(store_uri)
            )
        )


def data_folder(path: Path, uri: str) -> Path:
    """Return the folder with a downloaded model's own files, after its MLmodel was verified.

    MLflow imports any module that MLmodel names, and adds folders that it names to Python's path.

    Raises
    ------
    ModelError
        When MLmodel is missing, or names another loader, code, or a folder outside the model.
    """
    if not (path / "MLmodel").is_file():
        raise ModelError(
            f"{uri}: the files of the model do not exist in the artifact store",
            hint="restore them from a backup; `mlops doctor` names their folder",
        )
    try:
        flavor = mlflow.models.Model.load(str(path)).flavors["python_function"]
        data = (path / flavor["data"]).resolve()
        foreign = flavor["loader_module"] != LOADER_MODULE or flavor.get("code")
    except (MlflowException, KeyError, TypeError, ValueError, YAMLError) as error:
        raise ModelError(f"{uri}: its MLmodel can't be read: {type(error).__name__}") from error
    if foreign or not data.is_relative_to(path.resolve()):
        raise ModelError(
            f"{uri}: its MLmodel was changed: it names code or files outside mlops_assets",
            hint="do not load this model, not even with MLflow; roll back to another version, or train again",
        )
    return data


def verify_model_files(folder: Path, model: Logged) -> None:
    """Verify a model's files against the recorded digests; only the manifest is read.

    A forged manifest can agree with replaced files and keep the model's digest. Its own digest is therefore
    compared first, if it was recorded.

    Raises
    ------
    ModelError, TrackingError
        When a file or the manifest was changed.
    """
    known = model.facts.get("model_manifest")
    foreign = known is not None and manifest_digest(folder) != known
    try:
        digest = verify(folder)["digest"]
    except ModelError as error:  # which names the downloaded copy instead of the model
        reason = error.message.removeprefix(f"{folder}: ")
        raise ModelError(f"{model.subject}: {reason}", hint=error.hint) from error
    if foreign or digest != model.facts.get("model_digest"):
        raise TrackingError(
            f"{model.subject} is not the model that was logged: its {'manifest' if foreign else 'digest'} "
            "differs",
            hint="do not use this version; promote another one, or train again",
        )


def _signature(spec: "ModelSpec") -> ModelSignature:
    """Return a signature with the names of the raw columns, optional ones included, and the predictions.

    Inputs have no types: the model casts its input as the contract does. With types, MLflow would reject an
    integer in a column of doubles, and a column without any value in the batch.
    """
    inputs = [ColSpec(AnyType(), column.name, required=column.required) for column in spec.columns]
    outputs = [ColSpec(_OUTPUT_TYPES[kind], name) for name, kind in spec.output_types().items()]
    return ModelSignature(inputs=Schema([*inputs]), outputs=Schema([*outputs]))


def _requirements() -> list[str]:
    """Return the pinned packages that loading requires; MLflow takes 12 s to infer them."""
    from importlib.metadata import version

    packages = ("mlops-assets", "duckdb", "numpy", "pandas", "scikit-learn", "skops", "xgboost")
    return [f"{name}=={version(name)}" for name in packages]
