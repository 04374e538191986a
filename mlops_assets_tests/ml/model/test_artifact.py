"""Artifacts: a model is read back unchanged, and changed files are refused."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from skops import io as skops_io

from mlops_assets.core.digests import file_digest
from mlops_assets.core.errors import ModelError
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.features.preprocessing import default_pipeline
from mlops_assets.ml.model.artifact import PyfuncModel, _load_pyfunc, load_model, save_model
from mlops_assets.ml.model.calibration import Calibration
from mlops_assets.ml.model.ensemble import Member
from mlops_assets.ml.model.manifest import verify
from mlops_assets.ml.model.model_spec import ModelSpec
from mlops_assets.ml.model.prediction_intervals import (
    GroupQuantile,
    PredictionIntervals,
    PredictionSets,
    Quantiles,
)
from mlops_assets.ml.model.tabular_model import TabularModel

ROWS = pd.DataFrame({"size": [1.0, np.nan], "weight": [0.5, -1.0], "kind": ["car", "boat"]})
FILES = ["estimator", "features.sql", "manifest.json", "model.json", "pipeline.skops"]


class Foreign(BaseEstimator):
    """An estimator of a type that is not trusted."""


def fitted(problem: Callable[..., Any], task: Any, family: str) -> TabularModel:
    features, target, settings = problem(task)
    spec = ModelSpec(
        project="garage",
        task=task,
        target="price",
        table="vehicles",
        columns=(
            Column("size", "DOUBLE"),
            Column("weight", "DOUBLE"),
            Column("kind", "VARCHAR", False, False),
        ),
        features=tuple(features.columns),
        classes={"regression": (), "binary": (False, True), "multiclass": (1.5, 2.0, 7.0)}[task],
        family=family,
        params={"linear": {"penalty": 0.1}, "xgboost": {"eta": 0.1 + 0.2, "max_depth": 3}}[family],
        rounds=None if family == "linear" else 4,
        seed=0,
    )
    return TabularModel.fit(
        spec, "select * from vehicles -- höhe", features, target, default_pipeline, settings
    )


@pytest.fixture
def model(problem: Callable[..., Any]) -> TabularModel:
    return fitted(problem, "regression", "linear")


@pytest.fixture
def folder(model: TabularModel, tmp_path: Path) -> Path:
    save_model(model, tmp_path / "model")
    return tmp_path / "model"


def files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def forge(folder: Path, **changes: Any) -> None:
    """Write a manifest that matches the files, as an attacker would."""
    found = {
        path.relative_to(folder).as_posix(): file_digest(path)
        for path in files(folder)
        if path.name != "manifest.json"
    }
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"files": found} | changes))


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
@pytest.mark.parametrize("family", ["linear", "xgboost"])
def test_a_saved_model_is_loaded_unchanged(problem, tmp_path: Path, task: str, family: str):
    model = fitted(problem, task, family)
    digest = save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert digest == loaded.digest() == model.digest()
    assert (loaded.spec, loaded.features_sql) == (model.spec, model.features_sql)
    pd.testing.assert_frame_equal(loaded.predict(ROWS), model.predict(ROWS))
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == FILES


def test_an_ensemble_is_loaded_with_its_members_calibration_and_threshold(problem, tmp_path: Path):
    features, target, settings = problem("binary")
    plain = fitted(problem, "binary", "linear").spec
    members = (
        Member("xgboost", {"eta": 0.3, "max_depth": 3}, 4, 0.6),
        Member("extra_trees", {"max_features": 0.5, "min_samples_leaf": 5}, None, 0.4),
    )
    spec = dataclasses.replace(
        plain,
        family="ensemble",
        params={"weight_of_trial_0": 0.6},
        members=members,
        calibration=Calibration("isotonic", (0.1, 0.5, 0.9), (0.01, 0.4, 0.99)),
        threshold=0.2,
    )
    model = TabularModel.fit(spec, "select * from vehicles", features, target, default_pipeline, settings)
    digest = save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.digest() == digest != dataclasses.replace(model, spec=plain).digest()
    assert loaded.spec == spec
    pd.testing.assert_frame_equal(loaded.predict(ROWS), model.predict(ROWS))
    assert sorted(path.name for path in (tmp_path / "model" / "estimator").iterdir()) == ["0", "1"]


def test_defaults_are_not_written_so_that_older_models_keep_their_digests(folder: Path):
    written = json.loads((folder / "model.json").read_text())
    optional = {"members", "calibration", "threshold", "bounds", "intervals", "prediction_sets"}
    assert not optional & written.keys()


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_intervals_and_sets_are_loaded_from_plain_numbers(problem, tmp_path: Path, task: str):
    quantiles = Quantiles(1.5, ("kind", "size"), (GroupQuantile(("car", None), 0.1 + 0.2, 40),))
    changes: dict[str, Any] = {
        "regression": {"intervals": PredictionIntervals(0.9, 80, quantiles, (0.1, 7.0), (1.0, 2.0))},
        "binary": {"prediction_sets": PredictionSets(0.8, 80, (quantiles, Quantiles(0.3)))},
    }[task]
    plain = fitted(problem, task, "linear")
    model = dataclasses.replace(plain, spec=dataclasses.replace(plain.spec, **changes))
    digest = save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.spec == model.spec
    assert loaded.digest() == digest != plain.digest()
    pd.testing.assert_frame_equal(loaded.predict(ROWS), model.predict(ROWS))


def test_a_model_saved_again_has_the_same_digest(folder: Path, tmp_path: Path):
    assert save_model(load_model(folder), tmp_path / "again") == verify(folder)["digest"]


def test_no_file_is_a_pickle(folder: Path):
    kinds = {path.suffix for path in files(folder)}
    assert kinds == {".json", ".sql", ".skops"}
    assert not any(path.read_bytes().startswith((b"\x80\x04", b"\x80\x05")) for path in files(folder))


def test_mlflow_loads_a_model_that_predicts_raw_rows(folder: Path, model: TabularModel):
    loaded = _load_pyfunc(str(folder))
    assert isinstance(loaded, PyfuncModel)
    pd.testing.assert_frame_equal(loaded.predict(ROWS), model.predict(ROWS))
    pd.testing.assert_frame_equal(
        loaded.predict(ROWS.drop(columns="kind")), model.predict(ROWS.assign(kind=None))
    )


@pytest.mark.parametrize("name", ["model.json", "features.sql", "pipeline.skops", "estimator/model.skops"])
def test_a_changed_byte_is_refused_before_the_file_is_parsed(folder: Path, name: str):
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ModelError, match=f"{name} does not match the manifest"):
        load_model(folder)


@pytest.mark.parametrize("name", ["extra.py", "estimator/extra.pkl", "estimator/manifest.json"])
def test_a_file_that_is_not_in_the_manifest_is_refused(folder: Path, name: str):
    (folder / name).write_text("x")
    with pytest.raises(ModelError, match=f"{name} does not match the manifest"):
        load_model(folder)


@pytest.mark.parametrize("name", ["model.json", "features.sql", "pipeline.skops", "estimator/model.skops"])
def test_a_missing_file_is_refused(folder: Path, name: str):
    (folder / name).unlink()
    with pytest.raises(ModelError, match=f"{name} does not match the manifest"):
        load_model(folder)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"files": []}', '{"files": {}}'])
def test_a_folder_without_a_valid_manifest_is_refused(folder: Path, content: str | None):
    (folder / "manifest.json").unlink()
    if content is not None:
        (folder / "manifest.json").write_text(content)
    with pytest.raises(ModelError, match="has no valid model manifest"):
        load_model(folder)


@pytest.mark.parametrize("name", ["pipeline.skops", "estimator/model.skops"])
def test_an_untrusted_type_is_refused_even_when_the_manifest_matches(folder: Path, name: str):
    (folder / name).write_bytes(skops_io.dumps(Foreign()))
    forge(folder)
    with pytest.raises(ModelError, match=r"contains types that are not allowed: .*Foreign"):
        load_model(folder)


def test_a_model_with_another_digest_than_in_the_manifest_is_refused(folder: Path):
    (folder / "features.sql").write_text("select * from vehicles")
    forge(folder)
    with pytest.raises(ModelError, match="does not have the digest in its manifest"):
        load_model(folder)


def test_another_format_is_refused(folder: Path):
    spec = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(spec | {"format": 99}))
    forge(folder)
    with pytest.raises(ModelError, match="was written by an incompatible version of mlops_assets"):
        load_model(folder)


def test_a_model_is_not_saved_over_another(folder: Path, model: TabularModel):
    with pytest.raises(FileExistsError):
        save_model(model, folder)


def test_a_model_with_decimal_commas_reads_texts_and_numbers(model: TabularModel, tmp_path: Path):
    columns = tuple(
        replace(column, decimal=",", thousands=".") if column.sql_type == "DOUBLE" else column
        for column in model.spec.columns
    )
    marked = replace(model, spec=replace(model.spec, columns=columns))
    assert marked.digest() != model.digest()
    save_model(marked, tmp_path / "marked")
    loaded = load_model(tmp_path / "marked")
    numbers = pd.DataFrame({"size": [1234.5, 0.25], "weight": [1.234, -1.0], "kind": ["car", "van"]})
    expected = model.predict(numbers)
    texts = numbers.assign(size=["1.234,5", "0,25"], weight=["1,234", "-1"])
    for rows in (numbers, numbers.astype(object), texts, texts.assign(weight=[1.234, "-1,0"])):
        pd.testing.assert_frame_equal(loaded.predict(rows), expected)


def test_undeclared_decimal_marks_are_not_part_of_the_digest(model: TabularModel, folder: Path):
    columns = json.loads((folder / "model.json").read_text())["columns"]
    assert all(column.keys().isdisjoint({"decimal", "thousands"}) for column in columns)
