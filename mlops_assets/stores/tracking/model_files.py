"""The files of a logged model: how they are packed for MLflow, and what is found before any is opened."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema
from mlflow.types.schema import AnyType
from yaml import YAMLError

from mlops_assets.core.errors import ModelError, TrackingError
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.model.artifact import LOADER_MODULE, manifest_digest, verify
from mlops_assets.ml.model.tabular_model import ModelSpec
from mlops_assets.stores.tracking.client import full_address, make_current


class Logged(Protocol):
    """A model that the store knows: of a run, or a registered version."""

    @property
    def subject(self) -> str:
        """What a fault of it is told of."""

    @property
    def facts(self) -> Mapping[str, str]:
        """Our tags, without their prefix."""


def log_model(folder: Path, spec: ModelSpec, name: str) -> str:
    """Log a saved model to MLflow's active run; returns its URI."""
    with warnings.catch_warnings():
        # An example of the input would be rows of somebody's data in the artifact.
        warnings.filterwarnings("ignore", message=".*input example was not provided")
        info = mlflow.pyfunc.log_model(
            name=name,
            loader_module=LOADER_MODULE,
            data_path=str(folder),
            signature=_signature(spec.columns),
            pip_requirements=_requirements(),
        )
    return str(info.model_uri)


@contextmanager
def downloaded(uri: str, store_uri: str) -> Iterator[Path]:
    """The folder that MLflow keeps of a model, which is gone afterwards when it is a copy."""
    make_current(store_uri)
    with TemporaryDirectory() as scratch:
        yield Path(
            mlflow.artifacts.download_artifacts(
                artifact_uri=uri, dst_path=scratch, tracking_uri=full_address(store_uri)
            )
        )


def data_folder(path: Path, uri: str) -> Path:
    """Where a downloaded model's own files are, after its MLmodel was found to ask for our loader alone.

    MLflow imports whatever module MLmodel names, and puts folders that it names on Python's path.

    Raises
    ------
    ModelError
        When it asks for anything else.
    """
    try:
        flavour = mlflow.models.Model.load(str(path)).flavors["python_function"]
        data = (path / flavour["data"]).resolve()
        foreign = flavour["loader_module"] != LOADER_MODULE or flavour.get("code")
    except (MlflowException, KeyError, TypeError, ValueError, YAMLError) as error:
        raise ModelError(f"{uri}: its MLmodel can't be read: {type(error).__name__}") from error
    if foreign or not data.is_relative_to(path.resolve()):
        raise ModelError(
            f"{uri}: its MLmodel was changed: it asks for other code or files than those of mlops_assets",
            hint="don't load this model, by MLflow neither; roll back to another version, or train again",
        )
    return data


def verify_model_files(folder: Path, model: Logged) -> None:
    """Find that a folder holds the very files that the store was told of; none but the manifest is read.

    A manifest can be written anew to agree with other files, and keep the model's digest: its own digest is
    compared first, where the store knows it.

    Raises
    ------
    ModelError, TrackingError
        When they are others.
    """
    known = model.facts.get("model_manifest")
    foreign = known is not None and manifest_digest(folder) != known
    try:
        digest = verify(folder)["digest"]
    except ModelError as error:  # which knows the folder of a copy, and not of what
        told = error.message.removeprefix(f"{folder}: ")
        raise ModelError(f"{model.subject}: {told}", hint=error.hint) from error
    if foreign or digest != model.facts.get("model_digest"):
        raise TrackingError(
            f"{model.subject} is not the model that was logged: its {'manifest' if foreign else 'digest'} "
            "is another one",
            hint="don't use this version; promote another one, or train again",
        )


def _signature(columns: Sequence[Column]) -> ModelSignature:
    """The raw columns by name; those that are optional may be left out.

    The types are left to the model, which casts as the contract does. MLflow would refuse a whole number
    where it was told of a double, and a column of a batch that happens to have no value in it.
    """
    return ModelSignature(
        inputs=Schema([ColSpec(AnyType(), column.name, required=column.required) for column in columns])
    )


def _requirements() -> list[str]:
    """What loading needs, by name and version; letting MLflow guess takes it twelve seconds."""
    from importlib.metadata import version

    packages = ("mlops-assets", "duckdb", "numpy", "pandas", "scikit-learn", "skops", "xgboost")
    return [f"{name}=={version(name)}" for name in packages]
