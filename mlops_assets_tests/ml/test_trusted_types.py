"""Trusted types: a file may name exact paths, and saved models reach all of them and nothing else."""

import inspect
import json
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import FunctionTransformer, TargetEncoder
from skops import io as skops_io

from mlops_assets.core.errors import ModelError
from mlops_assets.ml import transformers
from mlops_assets.ml.families import FAMILIES
from mlops_assets.ml.families.base import FitRows
from mlops_assets.ml.features.preprocessing import default_pipeline
from mlops_assets.ml.model.artifact import load_model
from mlops_assets.ml.skops_files import dump_estimator, load_estimator
from mlops_assets.ml.transformers.places import PlaceIndex
from mlops_assets.ml.trusted_types import OTHER_TYPES, OWN_TYPES
from mlops_assets_tests.support.families import TRIED_FAMILIES

ROWS = 120
TASKS = ("regression", "binary", "multiclass")
TRUSTED_BY_SKOPS = {
    *(f"builtins.{name}" for name in ("dict", "list", "slice", "str", "tuple")),
    *(f"numpy.{name}" for name in ("float64", "ndarray")),
    "sklearn.compose._column_transformer.ColumnTransformer",
    "sklearn.impute._base.SimpleImputer",
    "sklearn.linear_model._logistic.LogisticRegression",
    "sklearn.linear_model._ridge.Ridge",
    "sklearn.pipeline.Pipeline",
    "sklearn.preprocessing._data.StandardScaler",
    "sklearn.preprocessing._encoders.OneHotEncoder",
    "sklearn.preprocessing._function_transformer.FunctionTransformer",
    "sklearn.preprocessing._target_encoder.TargetEncoder",
}
"""What skops trusts of its own accord and models of this package contain."""


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "size": random.normal(size=ROWS),
            "kind": random.choice(list("abc"), ROWS),
            "town": [f"town {row % 40}" for row in range(ROWS)],
            "street": [f"street {row % 50}" for row in range(ROWS)],
            "note": [f"{row} words about {row % 7} houses" for row in range(ROWS)],
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(ROWS), "D"),
            "latitude": random.normal(size=ROWS),
            "longitude": random.normal(size=ROWS),
        }
    )


def target(task: str) -> np.ndarray:
    rows = np.arange(ROWS)
    return {"regression": rows / 7, "binary": rows % 2, "multiclass": rows % 3}[task]


def every_pipeline(task: str) -> Iterator[Any]:
    """The default one with each encoding, and one with every transformer and column selector."""
    yield default_pipeline(few_values=20, encode={"note": "text", "street": "frequency"})
    place = ["latitude", "longitude"]
    folds = 3 if task == "regression" else StratifiedKFold(3)
    yield make_column_transformer(
        (transformers.RotatedCoordinates(), place),
        (transformers.DistanceToPoints({"here": (1.0, 2.0)}), place),
        (transformers.DistanceToLine([(0.0, 0.0), (1.0, 1.0)]), place),
        (transformers.NeighbourTargets((1, 2)), place),
        (transformers.NeighbourMeans((1, 2)), [*place, "size"]),
        (transformers.FrequencyEncoder(), ["town"]),
        (transformers.DateParts(), ["day"]),
        (TargetEncoder(cv=folds), make_column_selector(dtype_include=object)),
        (transformers.TextEncoder(), ["note"]),
        ("passthrough", make_column_selector(dtype_include=np.dtype("f8"))),
    )


def names_in(path: Path) -> set[str]:
    """Every type and function that a skops file names, also those that skops trusts."""

    def walk(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if "__class__" in node:
                yield f"{node['__module__']}.{node['__class__']}"
            node = list(node.values())
        if isinstance(node, list):
            for child in node:
                yield from walk(child)

    with zipfile.ZipFile(path) as archive:
        return set(walk(json.loads(archive.read("schema.json"))))


def test_models_reach_every_trusted_type_and_no_other(frame: pd.DataFrame, problem: Any, tmp_path: Path):
    reached: set[str] = set()
    for task in TASKS:
        for place, pipeline in enumerate(every_pipeline(task)):
            path = tmp_path / f"{task}{place}.skops"
            dump_estimator(pipeline.fit(frame, target(task)), path)
            reached |= names_in(path)
            load_estimator(path)
        features, classes, settings = problem(task)
        matrix = np.nan_to_num(features.select_dtypes("number").to_numpy(dtype=float))
        for name, family in ((each, FAMILIES[each]) for each in TRIED_FAMILIES):
            folder = tmp_path / f"{task}-{name}"
            folder.mkdir()
            rows = FitRows(matrix, np.asarray(classes, dtype=float))
            family.fit(rows, family.defaults(), 2, settings).save(folder)
            saved = [path for path in folder.rglob("*") if path.is_file()]
            assert {path.suffix for path in saved} <= {".skops", ".ubj", ".json"}
            reached |= set().union(*(names_in(path) for path in saved if path.suffix == ".skops"))
    assert reached - TRUSTED_BY_SKOPS == OWN_TYPES | OTHER_TYPES
    assert sorted(TRUSTED_BY_SKOPS - reached) == []


def test_a_type_of_scikit_learn_that_is_in_neither_list_is_refused(tmp_path: Path):
    # A class outside of both lists, such as a tree of Cython with indices that nothing checks, is refused.
    from sklearn.tree import DecisionTreeRegressor

    with pytest.raises(ModelError, match=r"not allowed: sklearn\.tree\._tree\.Tree"):
        dump_estimator(DecisionTreeRegressor().fit([[0.0], [1.0]], [0.0, 1.0]), tmp_path / "tree.skops")


@pytest.mark.parametrize("function", [load_model, dump_estimator])
def test_a_function_of_this_package_is_refused(tmp_path: Path, function: Callable[..., Any]):
    planted = tmp_path / "pipeline.skops"
    planted.write_bytes(skops_io.dumps(FunctionTransformer(function)))
    path = f"{function.__module__}.{function.__qualname__}"
    with pytest.raises(ModelError, match=f"not allowed: {re.escape(path)}"):
        load_estimator(planted)


def test_a_method_of_a_trusted_type_is_refused(tmp_path: Path):
    planted = tmp_path / "pipeline.skops"
    index = PlaceIndex(np.array([[0.0, 1.0], [2.0, 3.0]]))
    method = next(name for name, _ in inspect.getmembers(index, inspect.ismethod) if not name.startswith("_"))
    planted.write_bytes(skops_io.dumps(FunctionTransformer(getattr(index, method))))
    with pytest.raises(ModelError, match=rf"not allowed: .*PlaceIndex\.{method}"):
        load_estimator(planted)


@pytest.fixture
def clipping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], type[BaseEstimator]]:
    """Install a package with a transformer, and an entry point with the given value."""

    def install(value: str) -> type[BaseEstimator]:
        site = tmp_path / "site"
        site.mkdir()
        (site / "clipping.py").write_text(
            "from sklearn.base import BaseEstimator, TransformerMixin\n\n\n"
            "class Clip(TransformerMixin, BaseEstimator):\n"
            "    def fit(self, rows, target=None):\n"
            "        self.upper_ = float(rows.max())\n"
            "        return self\n\n"
            "    def transform(self, rows):\n"
            "        return rows.clip(max=self.upper_)\n\n\n"
            "class Other(Clip):\n"
            "    pass\n"
        )
        info = site / "clipping-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: clipping\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[mlops_assets.trusted_types]\nclip = {value}\n")
        monkeypatch.syspath_prepend(site)
        monkeypatch.delitem(sys.modules, "clipping", raising=False)
        import clipping  # type: ignore[import-not-found]

        return clipping

    return install


def test_a_transformer_that_an_installed_package_declares_is_saved_and_loaded(clipping: Any, tmp_path: Path):
    package = clipping("clipping:Clip")
    dump_estimator(package.Clip().fit(np.array([[1.0], [3.0]])), tmp_path / "pipeline.skops")
    assert load_estimator(tmp_path / "pipeline.skops").transform(np.array([[5.0]])).tolist() == [[3.0]]
    with pytest.raises(ModelError, match=r"not allowed: clipping\.Other"):
        dump_estimator(package.Other().fit(np.array([[1.0]])), tmp_path / "other.skops")


def test_a_whole_module_is_no_declaration(clipping: Any, tmp_path: Path):
    package = clipping("clipping")
    with pytest.raises(ModelError, match="clipping declares the whole module clipping") as error:
        dump_estimator(package.Clip().fit(np.array([[1.0]])), tmp_path / "pipeline.skops")
    assert "clip = clipping:ClassName" in str(error.value.hint)
