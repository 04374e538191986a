"""Compiled models have the answers of the reference, bit for bit, or are not compiled."""

from dataclasses import replace
from random import Random

import numpy as np
import pandera.pandas as pa
import pyarrow as pa_arrow
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from mlops_assets.core.errors import ProjectError
from mlops_assets.core.names import SOURCE_ROW
from mlops_assets.ml.model.artifact import load_model, save_model
from mlops_assets.ml.model.calibration import Calibration
from mlops_assets.ml.model.ensemble import Member
from mlops_assets.ml.model.group_thresholds import GroupThresholds
from mlops_assets.ml.model.prediction_intervals import (
    GroupQuantile,
    PredictionIntervals,
    PredictionSets,
    Quantiles,
)
from mlops_assets.ml.scoring.compiled import verification
from mlops_assets.ml.scoring.compiled.batches import score_batch
from mlops_assets.ml.scoring.compiled.verification import compile_scorer
from mlops_assets.ml.scoring.row_scorer import RowScorer
from mlops_assets.ml.transformers import DistanceToPoints, NeighbourMeans, RotatedCoordinates
from mlops_assets.serving.config import ServedProject
from mlops_assets.serving.deployment.state import DeployedVersion
from mlops_assets.serving.engine.served_model import ServedModel
from mlops_assets.stores.project_folder.table_declaration import TableDeclaration

BY_KIND = Quantiles(1.5, ("kind",), (GroupQuantile(("car",), 2.5, 90), GroupQuantile((None,), 0.5, 90)))
TREES = {"eta": 0.3, "max_depth": 3}
MEMBERS = tuple(
    Member(family, params, rounds, 0.125)
    for family, params, rounds in (
        ("xgboost", TREES, 8),
        ("hist_gradient_boosting", {"learning_rate": 0.3, "max_leaf_nodes": 5}, 6),
        ("extra_trees", {"max_features": 0.5, "min_samples_leaf": 20}, None),
        *[("linear", {"penalty": float(penalty)}, None) for penalty in range(1, 6)],
    )
)
MODELS = {
    "xgboost": ("regression", {"bounds": (0.0, 12.0)}),
    "linear": ("binary", {"family": "linear", "threshold": 0.3}),
    "linear classes": ("multiclass", {"family": "linear"}),
    "intervals": ("regression", {"intervals": PredictionIntervals(0.9, 99, BY_KIND, (1.0, 9.0), (1.0, 3.0))}),
    "ensemble": ("regression", {"family": "ensemble", "params": {}, "members": MEMBERS}),
    "ensemble of classifiers": (
        "binary",
        {
            "family": "ensemble",
            "params": {},
            "members": MEMBERS,
            "calibration": Calibration("sigmoid", (1.3,), (0.1,)),
            "prediction_sets": PredictionSets(0.9, 99, (BY_KIND,)),
        },
    ),
    "groups": (
        "binary",
        {
            "group_thresholds": GroupThresholds(
                "kind", ("car", "missing"), (0.2, 0.9), 0.5, "demographic_parity", 0.1
            ),
            "calibration": Calibration("isotonic", (0.0, 0.4, 1.0), (0.1, 0.5, 0.9)),
        },
    ),
    "classes": (
        "multiclass",
        {
            "calibration": Calibration("temperature", (0.8,), (0.0, 0.1, 0.0)),
            "prediction_sets": PredictionSets(0.9, 99, (Quantiles(0.6), Quantiles(0.5), Quantiles(0.7))),
        },
    ),
}


SCHEMA_FILE = """
import pandera.pandas as pa

class Vehicles(pa.DataFrameModel):
    size: float = pa.Field(nullable=True)
    weight: float
    kind: str | None = pa.Field(nullable=True)
"""


def random_rows(count: int) -> list[dict[str, object]]:
    """Rows of which some violate the contract, lack a value or have values of other types."""
    random = Random(1)
    sizes = [None, 0, 7, 1e-9, 999.99, 1_001.0, "12.5", True, -0.0]
    return [
        {
            "size": random.choice(sizes) if random.random() < 0.3 else random.uniform(0, 1_000),
            "weight": random.choice([None, 0, 50, -50.0]) if random.random() < 0.1 else random.gauss(0, 5),
            **({} if random.random() < 0.1 else {"kind": random.choice(["car", "van", "boat", None, "bus"])}),
        }
        for _ in range(count)
    ]


def located_pipeline():
    place = ["size", "weight"]
    filled = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    kinds = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="unknown"), OneHotEncoder(handle_unknown="ignore")
    )
    return make_column_transformer(
        ("passthrough", ["weight"]),
        (make_pipeline(filled, StandardScaler()), ["ratio", "size"]),
        (kinds, ["kind"]),
        (RotatedCoordinates(), place),
        (DistanceToPoints({"here": (1.0, 2.0)}), place),
        (NeighbourMeans((2, 5), coordinates="plane"), [*place, "ratio"]),
    )


@pytest.mark.parametrize("name", MODELS)
def test_every_kind_of_model_has_the_answers_of_the_reference(small_model, reference, name):
    task, spec = MODELS[name]
    model, contracts = small_model(task, **spec)
    compiled = compile_scorer(model, contracts)
    assert (compiled.reason, compiled.reference_steps) == ("", ())
    rows = random_rows(90)
    expected = reference(model, contracts, rows)
    alone = [compiled.scorer.score([row])[0] for row in rows]
    assert compiled.scorer.score(rows) == alone
    scored = [place for place, outputs in enumerate(alone) if outputs is not None]
    assert len(scored) > 30
    assert [repr(alone[place]) for place in scored] == [repr(expected[place]) for place in scored]


def test_a_pipeline_of_columns_is_compiled(small_model, reference):
    model, contracts = small_model("regression", pipeline=located_pipeline)
    compiled = compile_scorer(model, contracts)
    assert (compiled.reason, compiled.reference_steps) == ("", ())
    rows = [row for row in random_rows(60) if compiled.scorer.score([row]) != [None]]
    assert list(map(repr, compiled.scorer.score(rows))) == list(map(repr, reference(model, contracts, rows)))


def test_a_step_without_a_compiled_form_is_computed_by_the_reference(small_model, reference):
    def make():
        own = FunctionTransformer(lambda frame: np.log1p(frame), feature_names_out="one-to-one")
        return make_column_transformer((own, ["size"]), ("passthrough", ["weight"]))

    model, contracts = small_model("regression", pipeline=make)
    compiled = compile_scorer(model, contracts)
    rows = [{"size": 2.0, "weight": 1.0}, {"size": None, "weight": 3.5}]
    assert list(map(repr, compiled.scorer.score(rows))) == list(map(repr, reference(model, contracts, rows)))


def test_a_compiled_step_with_another_bit_is_replaced_by_the_reference(small_model, monkeypatch):
    model, contracts = small_model("regression")
    compiled, original = compile_scorer(model, contracts).scorer, verification.CompiledScorer.of

    def differs(*arguments):
        scorer = original(*arguments)
        return replace(scorer, predict=lambda matrix: np.nextafter(scorer.predict(matrix), np.inf))

    monkeypatch.setattr(verification.CompiledScorer, "of", differs)
    found = compile_scorer(model, contracts)
    assert found.reference_steps == ("estimator",)
    row = {"size": 2.0, "weight": 1.0, "kind": "car"}
    assert found.scorer.score([row]) == compiled.score([row])


def test_outputs_that_differ_are_not_served(small_model, monkeypatch):
    model, contracts = small_model("regression")
    original = verification.CompiledScorer.of

    def differs(*arguments):
        scorer = original(*arguments)
        return replace(
            scorer, outputs=lambda *given: [[0.0] * len(column) for column in scorer.outputs(*given)]
        )

    monkeypatch.setattr(verification.CompiledScorer, "of", differs)
    found = compile_scorer(model, contracts)
    assert (found.scorer, found.reason) == (None, "the answers differ from those of the reference")


def test_a_query_over_several_rows_is_not_compiled_and_not_served(small_model, tmp_path):
    model, contracts = small_model("regression")
    whole = "select row_id, size, weight, size - avg(size) over () as ratio, kind from vehicles"
    found = compile_scorer(replace(model, features_sql=whole), contracts)
    assert (found.scorer, found.reason) == (
        None,
        "features.sql has other results for one row than for several",
    )
    assert found.depends_on_batch
    save_model(replace(model, features_sql=whole), tmp_path / "model")
    (tmp_path / "schema.py").write_text(SCHEMA_FILE)
    project = ServedProject("garage", str(tmp_path), TableDeclaration("vehicles"))
    deployed = DeployedVersion(3, load_model(tmp_path / "model").digest(), str(tmp_path / "model"))
    with pytest.raises(ProjectError, match=r"garage: version 3 can't be served: features\.sql computes"):
        ServedModel.load(project, deployed)


def test_a_check_in_python_is_named_as_the_reason(small_model):
    schema = pa.DataFrameSchema(
        {
            "size": pa.Column(
                float, pa.Check(lambda values: values.rank() > 0, name="ranked"), nullable=True
            ),
            "weight": pa.Column(float),
            "kind": pa.Column(str, nullable=True, required=False),
        }
    )
    model, contracts = small_model("regression", schema=schema)
    found = compile_scorer(model, contracts)
    assert (found.scorer, found.reason) == (None, "the check ranked of column size is not compiled")


def test_a_row_that_fails_in_features_sql_is_left_to_the_reference(small_model):
    model, contracts = small_model("regression")
    model = replace(model, features_sql=model.features_sql.replace("nullif(weight, 0)", "(weight - 7)"))
    scorer = compile_scorer(model, contracts).scorer
    good = {"size": 2.0, "weight": 1.0}
    assert [one is None for one in scorer.score([good, {**good, "weight": 7.0}, good])] == [
        False,
        True,
        False,
    ]


def test_arrow_batches_of_valid_rows_have_the_same_table(small_model):
    model, contracts = small_model("regression")
    scorer = compile_scorer(model, contracts).scorer
    sizes = pa_arrow.array([1.5, float("nan"), None, 0.1], pa_arrow.float32())
    weights, places = pa_arrow.array([1, 2, 0, -3], pa_arrow.int8()), pa_arrow.array([7, 8, 9, 10])
    batch = pa_arrow.record_batch({"size": sizes, "weight": weights, SOURCE_ROW: places, "more": sizes})
    reference = RowScorer(model, contracts.contract, [SOURCE_ROW])
    expected = reference.score(batch)
    schema = reference.schema(batch.schema)
    assert score_batch(scorer, batch, [SOURCE_ROW], schema).equals(expected.predicted)
    invalid = batch.set_column(1, "weight", pa_arrow.array([1.0, 99.0, 0.0, 1.0]))
    times = batch.set_column(1, "weight", pa_arrow.array([0] * 4, pa_arrow.timestamp("us")))
    for other in (invalid, times, batch.slice(0, 0)):
        assert score_batch(scorer, other, [SOURCE_ROW], schema) is None


def test_a_served_model_answers_by_both_ways_alike(small_model):
    model, contracts = small_model("binary")
    deployed = DeployedVersion(1, model.digest(), "")
    served = ServedModel(deployed, model, contracts, compile_scorer(model, contracts))
    plain = ServedModel(deployed, model, contracts)
    rows = [*random_rows(30), {"weight": 1.0}, {"size": [1], "weight": 2.0}]
    found, expected = served.score_rows(rows), plain.score_rows(rows)
    assert (list(map(repr, found.outputs)), found.rejected) == (
        list(map(repr, expected.outputs)),
        expected.rejected,
    )
    assert 0 < len(found.rejected) < len(rows)
    assert (found.path, served.score_rows([{"size": 2, "weight": 1}]).path) == ("reference", "compiled")
    assert served.compilation.describe()["path"] == "compiled"
    assert plain.compilation.describe() == {"path": "reference", "reason": "the model was not compiled"}
