"""Paths of modules and classes inside saved models: they are public and never change."""

import importlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from skops import io as skops_io

from mlops_assets.ml.features.preprocessing import default_pipeline
from mlops_assets.ml.model.manifest import LOADER_MODULE
from mlops_assets.ml.skops_files import dump_estimator, estimator_digest, load_estimator
from mlops_assets.ml.transformers import NeighbourMeans, NeighbourTargets
from mlops_assets.ml.transformers.places import PlaceIndex
from mlops_assets.ml.trusted_types import OWN_TYPES

CLASSES = (
    "mlops_assets.ml.rare_values.RareValues",
    "mlops_assets.ml.transformers.date_parts.DateParts",
    "mlops_assets.ml.transformers.distance_to_line.DistanceToLine",
    "mlops_assets.ml.transformers.distance_to_points.DistanceToPoints",
    "mlops_assets.ml.transformers.frequency_encoder.FrequencyEncoder",
    "mlops_assets.ml.transformers.neighbour_means.NeighbourMeans",
    "mlops_assets.ml.transformers.neighbour_targets.NeighbourTargets",
    "mlops_assets.ml.transformers.places.PlaceIndex",
    "mlops_assets.ml.transformers.rotated_coordinates.RotatedCoordinates",
    "mlops_assets.ml.transformers.table_encoder.TableEncoder",
    "mlops_assets.ml.transformers.text_encoder.TextEncoder",
)
"""Classes that `pipeline.skops` may name. Add to the list; never rename or remove an entry."""


@pytest.mark.parametrize("path", CLASSES)
def test_a_class_inside_saved_pipelines_keeps_its_path(path: str):
    module, _, name = path.rpartition(".")
    found = getattr(importlib.import_module(module), name)
    assert f"{found.__module__}.{found.__qualname__}" == path
    assert path in OWN_TYPES


def test_every_public_transformer_is_in_the_list():
    public = importlib.import_module("mlops_assets.ml.transformers")
    classes = (getattr(public, name) for name in public.__all__)
    assert {f"{each.__module__}.{each.__qualname__}" for each in classes} <= set(CLASSES)


def test_a_saved_pipeline_names_only_listed_classes_and_loads(tmp_path: Path):
    frame = pd.DataFrame({"size": [1.0, 2.0, 3.0], "kind": ["car", "van", "car"], "note": ["a", "b", "c"]})
    places = np.array([[52.0, 13.0, 1.0], [48.0, 11.0, 2.0], [50.0, 8.0, 3.0]])
    targets = np.array([1.0, 2.0, 3.5])
    fitted = [
        (default_pipeline(encode={"note": "text"}).fit(frame), frame),
        (make_pipeline(NeighbourMeans(neighbours=(1,))).fit(places), places),
        (make_pipeline(NeighbourTargets(neighbours=(1,))).fit(places[:, :2], targets), places[:, :2]),
    ]
    named: set[str] = set()
    for number, (pipeline, rows) in enumerate(fitted):
        path = tmp_path / f"{number}.skops"
        dump_estimator(pipeline, path)
        named |= set(skops_io.get_untrusted_types(file=path))
        np.testing.assert_array_equal(load_estimator(path).transform(rows), pipeline.transform(rows))
    ours = {name for name in named if name.startswith("mlops_assets.")}
    assert ours == {CLASSES[0], *CLASSES[5:8], *CLASSES[9:]}


def test_the_digest_of_a_class_is_stable():
    # The digest contains the path of the class, and a model whose digest changes is rejected.
    assert estimator_digest(PlaceIndex(np.array([[0.0, 1.0], [2.0, 3.0]]))) == (
        "943725bf13c46f0ec221e3179f6e8202aaf372e15351d340edb4a7a942c113d3"
    )


def test_mlflow_finds_the_loader_of_a_saved_model_by_a_stable_path():
    assert LOADER_MODULE == "mlops_assets.ml.model.artifact"
    assert callable(importlib.import_module(LOADER_MODULE)._load_pyfunc)
