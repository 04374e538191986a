"""The files of a logged model: replaced files, manifests and loaders are rejected before any is opened."""

import json
import os
import pickle
import sys
from pathlib import Path

import mlflow
import pytest
import yaml

from mlops_assets.core.digests import file_digest
from mlops_assets.core.errors import ModelError, TrackingError
from mlops_assets.ml.model.manifest import manifest_digest
from mlops_assets.stores.tracking.tracking import TrackingStore
from mlops_assets.stores.tracking.trained_model import TrainedModel
from mlops_assets_tests.support.garage import ROWS

SENTINEL = "MLOPS_TESTS_SENTINEL"
PLANTED = f"""
import os
from pathlib import Path

Path(os.environ["{SENTINEL}"]).touch()


def _load_pyfunc(path):
    return None
"""


class Reduced:
    """Code that runs when it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path(os.environ[SENTINEL]),)


@pytest.fixture(autouse=True)
def sentinel(tmp_path: Path, monkeypatch) -> Path:
    """A file that planted code creates when it runs."""
    monkeypatch.setenv(SENTINEL, str(tmp_path / "ran"))
    yield tmp_path / "ran"
    sys.modules.pop("planted_loader", None)
    mlflow.set_tracking_uri(None)


@pytest.fixture
def logged(tracking: TrackingStore, trained: TrainedModel) -> TrainedModel:
    """A model whose manifest the store was record of."""
    with tracking.files(trained.uri) as folder:
        tracking.log_facts(trained.run_id, facts={"model_manifest": manifest_digest(folder)})
    return tracking.trained_model("garage")


def plant(tracking: TrackingStore) -> None:
    """Replace the pipeline with a pickle and forge the manifest; the digest of the model is unchanged."""
    [manifest] = tracking.artifacts.rglob("manifest.json")
    (manifest.parent / "pipeline.skops").write_bytes(pickle.dumps(Reduced()))
    record = json.loads(manifest.read_text())
    record["files"]["pipeline.skops"] = file_digest(manifest.parent / "pipeline.skops")
    manifest.write_text(json.dumps(record))


def plant_loader(tracking: TrackingStore, **changes: str) -> None:
    """Change MLmodel to name another loader, with its code beside it."""
    [file] = tracking.artifacts.rglob("MLmodel")
    (file.parent / "code").mkdir(exist_ok=True)
    (file.parent / "code" / "planted_loader.py").write_text(PLANTED)
    record = yaml.safe_load(file.read_text())
    record["flavors"]["python_function"] |= changes
    file.write_text(yaml.safe_dump(record))


def test_a_forged_manifest_is_detected_before_any_file_is_opened(tracking, logged, sentinel, record_property):
    assert tracking.load(logged).predict(ROWS).shape == (4, 1)
    plant(tracking)
    with pytest.raises(TrackingError, match=r"its manifest differs") as caught:
        tracking.load(logged)
    record_property("message", str(caught.value))
    assert not sentinel.exists()


def test_a_model_with_planted_files_does_not_load_with_mlflow(tracking, logged, sentinel):
    plant(tracking)
    mlflow.set_tracking_uri(tracking.uri)
    with pytest.raises(ModelError, match=r"the model cannot be read"):
        mlflow.pyfunc.load_model(logged.uri)
    assert not sentinel.exists()


@pytest.mark.parametrize(
    "changes", [{"loader_module": "planted_loader", "code": "code"}, {"code": "code"}, {"data": "../.."}]
)
def test_an_mlmodel_that_names_other_code_or_files_is_rejected(
    tracking, logged, sentinel, changes, record_property
):
    plant_loader(tracking, **changes)
    for load in (lambda: tracking.load(logged), lambda: tracking.load_pyfunc(logged.uri)):
        with pytest.raises(ModelError, match=r"its MLmodel was changed") as caught:
            load()
    record_property("message", str(caught.value))
    assert not sentinel.exists()


def test_mlflow_alone_would_run_the_planted_loader(tracking, logged, sentinel):
    plant_loader(tracking, loader_module="planted_loader", code="code")
    mlflow.set_tracking_uri(tracking.uri)
    with pytest.raises(Exception, match=r".+"):
        mlflow.pyfunc.load_model(logged.uri)
    assert sentinel.exists()


def test_an_invalid_mlmodel_is_an_error(tracking, logged):
    for text in ("[]", "flavors: {}", "a: [", "flavors: {python_function: {}}"):
        [file] = tracking.artifacts.rglob("MLmodel")
        file.write_text(text)
        with pytest.raises(ModelError, match=r"its MLmodel can't be read"):
            tracking.load(logged)


def test_the_signature_of_a_logged_model_has_optional_columns(tracking: TrackingStore, trained: TrainedModel):
    mlflow.set_tracking_uri(tracking.uri)
    signature = mlflow.models.get_model_info(trained.uri).signature
    assert {column.name: column.required for column in signature.inputs.inputs} == {
        "size": True,
        "kind": False,
    }
    assert [(column.name, column.type.name) for column in signature.outputs.inputs] == [
        ("prediction", "double")
    ]
    with tracking.files(trained.uri) as folder:
        assert sorted(path.name for path in folder.iterdir()) == [
            "estimator",
            "features.sql",
            "manifest.json",
            "model.json",
            "pipeline.skops",
        ]
