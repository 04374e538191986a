"""Files planted in a model by an attacker: none of them is executed, even when the manifest matches."""

import json
import os
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator
from sklearn.preprocessing import FunctionTransformer
from skops import io as skops_io

from mlops_assets.core.digests import file_digest
from mlops_assets.core.errors import ModelError, ProjectError
from mlops_assets.ml.model.artifact import _load_pyfunc, load_model, save_model
from mlops_assets_tests.support.garage import ROWS, garage_model

SENTINEL = "MLOPS_TESTS_SENTINEL"
FILES = ("model.json", "features.sql", "pipeline.skops", "estimator/model.skops")


def touch() -> None:
    Path(os.environ[SENTINEL]).touch()


class Reduced:
    """Executes `touch` when it is unpickled."""

    def __reduce__(self):
        return touch, ()


class Restored(BaseEstimator):
    """Executes `touch` when its state is set."""

    def __init__(self) -> None:
        self.value = 1

    def __setstate__(self, state: dict) -> None:
        touch()


@pytest.fixture(autouse=True)
def sentinel(tmp_path: Path, monkeypatch) -> Path:
    """A file that exists once a planted payload was executed."""
    monkeypatch.setenv(SENTINEL, str(tmp_path / "ran"))
    return tmp_path / "ran"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(garage_model(), tmp_path / "model")
    return tmp_path / "model"


def forge(folder: Path) -> None:
    """Make the manifest match the files, and keep the digest of the model."""
    manifest = json.loads((folder / "manifest.json").read_text())
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json"]
    manifest["files"] = {path.relative_to(folder).as_posix(): file_digest(path) for path in files}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def assert_refused(folder: Path, message: str, sentinel: Path) -> None:
    for load in (load_model, lambda found: _load_pyfunc(str(found))):
        with pytest.raises(ModelError, match=message):
            load(folder)
    assert not sentinel.exists()


def test_the_payloads_are_effective(tmp_path: Path, sentinel: Path):
    pickle.loads(pickle.dumps(Reduced()))
    assert sentinel.exists()
    sentinel.unlink()
    (tmp_path / "a.skops").write_bytes(skops_io.dumps(Restored()))
    skops_io.load(tmp_path / "a.skops", trusted=skops_io.get_untrusted_types(file=tmp_path / "a.skops"))
    assert sentinel.exists()


@pytest.mark.parametrize("name", [*FILES, "manifest.json", "estimator/more.pkl", "model.pkl"])
def test_a_pickle_is_refused_in_place_of_any_file_and_beside_them(folder, sentinel, name):
    (folder / name).write_bytes(pickle.dumps(Reduced()))
    assert_refused(folder, "does not match the manifest|has no valid model manifest", sentinel)


@pytest.mark.parametrize("name", FILES)
def test_a_pickle_is_not_unpickled_even_when_the_manifest_matches(folder, sentinel, name):
    (folder / name).write_bytes(pickle.dumps(Reduced()))
    forge(folder)
    assert_refused(folder, "the model cannot be read", sentinel)


@pytest.mark.parametrize("name", ["pipeline.skops", "estimator/model.skops"])
@pytest.mark.parametrize(
    ("planted", "named"), [(Restored(), "Restored"), (FunctionTransformer(os.system), r"posix\.system")]
)
def test_a_skops_file_with_an_untrusted_type_is_not_loaded(folder, sentinel, name, planted, named):
    (folder / name).write_bytes(skops_io.dumps(planted))
    assert_refused(folder, f"{name} does not match the manifest", sentinel)
    forge(folder)
    assert_refused(folder, f"contains types that are not allowed: .*{named}", sentinel)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"format": 1}',
        '{"format": 1, "columns": [{"__reduce__": "os.system"}]}',
        "null",
    ],
)
def test_invalid_json_is_reported_as_a_model_error(folder, sentinel, text):
    (folder / "model.json").write_text(text)
    forge(folder)
    assert_refused(folder, "the model cannot be read", sentinel)
    (folder / "manifest.json").write_text(text)
    assert_refused(folder, "has no valid model manifest", sentinel)


@pytest.mark.parametrize("family", ["os", "../linear", "__class__"])
def test_an_unknown_family_is_refused_and_never_imported(folder, sentinel, family):
    spec = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**spec, "family": family}))
    forge(folder)
    assert_refused(folder, "the model cannot be read", sentinel)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("copy (select * from cars) to '{file}'", "is not one query"),
        ("from cars; copy (select 1) to '{file}'", "is not one query"),
        ("install httpfs", "is not one query"),
        ("select row_id, size, content as kind from cars, read_text('{here}')", "reads data outside"),
        ("select row_id, size, getenv('HOME') as kind from cars", "there is no function getenv"),
        ("select * from cars, '{here}'", "reads data outside the tables"),
    ],
)
def test_sql_of_a_forged_model_reads_no_file_and_no_variable(tmp_path: Path, sentinel: Path, sql, message):
    (tmp_path / "here.csv").write_text("a\n1\n")
    text = sql.format(file=sentinel, here=tmp_path / "here.csv")
    save_model(replace(garage_model(), features_sql=text), tmp_path / "forged")
    with pytest.raises(ProjectError, match=message):
        load_model(tmp_path / "forged").predict(ROWS)
    assert not sentinel.exists()
