"""The tabular model: predictions from raw columns in any order and with any additional columns."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlops_assets.core.errors import ModelError, ProjectError
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.features.preprocessing import default_pipeline
from mlops_assets.ml.model.artifact import load_model, save_model
from mlops_assets.ml.model.calibration import Calibration
from mlops_assets.ml.model.group_thresholds import GroupThresholds
from mlops_assets.ml.model.model_spec import ModelSpec
from mlops_assets.ml.model.prediction_intervals import (
    LOWER,
    PREDICTION_SET,
    UPPER,
    GroupQuantile,
    PredictionIntervals,
    PredictionSets,
    Quantiles,
)
from mlops_assets.ml.model.tabular_model import TabularModel

FEATURES_SQL = "select row_id, size, weight, size * weight as volume, kind from vehicles"


@pytest.fixture
def fit(problem: Callable[..., Any]) -> Callable[..., TabularModel]:
    """Fit a small model of a task; the column `note` is optional."""

    def run(task: Any, *, family: str = "linear", sql: str = FEATURES_SQL) -> TabularModel:
        features, target, settings = problem(task)
        features = features.assign(volume=features["size"] * features["weight"])
        features = features[["size", "weight", "volume", "kind"]]
        spec = ModelSpec(
            project="garage",
            task=task,
            target="price",
            table="vehicles",
            columns=(
                Column("size", "DOUBLE"),
                Column("weight", "DOUBLE"),
                Column("kind", "VARCHAR"),
                Column("note", "VARCHAR", required=False),
            ),
            features=tuple(features.columns),
            classes={"regression": (), "binary": ("no", "yes"), "multiclass": ("a", "b", "c")}[task],
            family=family,
            params={"penalty": 1.0} if family == "linear" else {"eta": 0.3, "max_depth": 3},
            rounds=None if family == "linear" else 5,
            seed=0,
        )
        return TabularModel.fit(spec, sql, features, target, default_pipeline, settings)

    return run


ROWS = pd.DataFrame(
    {"size": [1.0, 9.0, np.nan], "weight": [0.5, -1.0, 2.0], "kind": ["car", "van", "boat"]},
    index=["x", "y", "z"],
)


def test_a_prediction_comes_from_raw_columns_and_keeps_the_index(fit):
    model = fit("regression")
    features = ROWS.assign(volume=ROWS["size"] * ROWS["weight"])
    predicted = model.predict(ROWS)
    assert predicted.index.tolist() == ["x", "y", "z"]
    np.testing.assert_array_equal(predicted["prediction"], model.predict_features(features))


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows[["kind", "weight", "size"]],
        lambda rows: rows.assign(price=9.0, row_id=[7, 7, 7], note="new", other=1),
        lambda rows: rows.astype({"size": str, "weight": str}),
        lambda rows: rows.set_axis([5, 5, 1]),
    ],
    ids=["order", "more columns", "numbers as text", "index"],
)
def test_predictions_depend_only_on_the_values_of_the_rows(fit, change):
    model = fit("regression")
    changed = model.predict(change(ROWS))
    np.testing.assert_array_equal(changed, model.predict(ROWS))
    np.testing.assert_array_equal(model.predict(change(ROWS)[::-1]), changed[::-1])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["9007199254740993.0", "1_000", "1e3", " +5 "], [9007199254740993, None, None, 5]),
        (
            [Decimal("9007199254740993.0"), Decimal("0.5"), Decimal(1), None],
            [9007199254740993, None, 1, None],
        ),
        (np.array([2**64 - 1, 9007199254740993, 0, 1], dtype="uint64"), [None, 9007199254740993, 0, 1]),
        ([9007199254740993.0, 9007199254740991.0, 2.5, np.nan], [None, 9007199254740991, None, None]),
        (pd.array([9007199254740993, None, 0, 1], dtype="int64[pyarrow]"), [9007199254740993, None, 0, 1]),
    ],
)
def test_a_model_casts_integers_exactly_as_its_contract_does(fit, values, expected):
    model = fit("regression", sql="select row_id, id::varchar as id from vehicles")
    model = replace(model, spec=replace(model.spec, columns=(Column("id", "BIGINT"),), features=("id",)))
    rows = pd.DataFrame({"id": values})
    valid = [number is not None or pd.isna(value) for number, value in zip(expected, rows["id"], strict=True)]
    computed = model.compute_features(rows[valid])["id"]
    exact = [number for number, is_valid in zip(expected, valid, strict=True) if is_valid]
    assert [int(text) if isinstance(text, str) else None for text in computed] == exact
    if not all(valid):
        with pytest.raises(ModelError, match=f"{valid.count(False)} of 4 rows violate the contract: row "):
            model.compute_features(rows)


@pytest.mark.parametrize(
    "values",
    [
        ["2025-07-15 12:00", "2025-07-15 12:00:00+00:00", None],
        pd.to_datetime(["2025-07-15 12:00", "2025-07-15 14:00", None]),
        pd.to_datetime(["2025-07-15 10:00", "2025-07-15 12:00", None]).tz_localize("UTC"),
    ],
)
def test_a_model_reads_times_in_the_zone_of_its_table(fit, values):
    computed = zoned(fit).compute_features(pd.DataFrame({"seen": values}))["seen"]
    assert computed[:2].tolist() == ["2025-07-15 10:00:00", "2025-07-15 12:00:00"]
    assert pd.isna(computed[2])


def test_a_model_refuses_times_that_its_zone_shows_twice_or_never(fit):
    rows = pd.DataFrame({"seen": ["2025-10-26 02:30", "2025-03-30 02:30"]})
    with pytest.raises(ModelError, match=r"ambiguous\(Europe/Berlin\).*skipped\(Europe/Berlin\)"):
        zoned(fit).compute_features(rows)


def test_a_model_reads_texts_in_the_declared_format_and_dates_as_they_are(fit):
    model = zoned(fit)
    column = replace(model.spec.columns[0], format="%d.%m.%Y", time_zone="UTC")
    model = replace(model, spec=replace(model.spec, columns=(column,)))
    mixed = [datetime(2024, 1, 31, 8, 30), date(2024, 1, 31), None]
    for values, expected in (
        (["31.01.2024", "1.2.2024"], ["2024-01-31 00:00:00", "2024-02-01 00:00:00"]),
        (mixed, ["2024-01-31 08:30:00", "2024-01-31 00:00:00"]),
    ):
        computed = model.compute_features(pd.DataFrame({"seen": pd.Series(values, dtype=object)}))["seen"]
        assert computed[:2].tolist() == expected
    with pytest.raises(ModelError, match=r"seen: format\(%d.%m.%Y\), found '2024-01-31'"):
        model.compute_features(pd.DataFrame({"seen": ["2024-01-31"]}))


def zoned(fit) -> TabularModel:
    model = fit("regression", sql="select row_id, seen::varchar as seen from vehicles")
    column = Column("seen", "TIMESTAMP", time_zone="Europe/Berlin")
    return replace(model, spec=replace(model.spec, columns=(column,), features=("seen",)))


def test_missing_columns_are_reported_by_name(fit):
    with pytest.raises(ModelError, match=r"model of garage: missing input columns: weight, kind\n.*note"):
        fit("regression").predict(ROWS[["size"]])


def test_binary_predictions_have_the_class_and_the_probability_of_the_second(fit):
    predicted = fit("binary").predict(ROWS)
    assert predicted.columns.tolist() == ["prediction", "probability"]
    assert (predicted["prediction"] == np.where(predicted["probability"] > 0.5, "yes", "no")).all()
    assert predicted["prediction"].tolist()[:2] == ["no", "yes"]


@pytest.mark.parametrize("family", ["linear", "xgboost"])
def test_multiclass_predictions_have_the_class_and_every_probability(fit, family: str):
    predicted = fit("multiclass", family=family).predict(ROWS)
    names = ["probability_a", "probability_b", "probability_c"]
    assert predicted.columns.tolist() == ["prediction", *names]
    np.testing.assert_allclose(predicted[names].sum(axis=1), 1)
    assert predicted["prediction"].tolist() == [name[-1] for name in predicted[names].idxmax(axis=1)]


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_no_rows_have_no_predictions_and_the_same_columns(fit, task):
    model = fit(task)
    predicted = model.predict(ROWS.iloc[:0])
    assert len(predicted) == 0
    assert predicted.columns.tolist() == model.predict(ROWS).columns.tolist()


def test_a_query_that_drops_rows_is_an_error(fit):
    model = replace(fit("regression"), features_sql=f"{FEATURES_SQL} where kind <> 'boat'")
    with pytest.raises(ModelError, match=r"features.sql returned 2 rows for 3"):
        model.predict(ROWS)


def test_the_query_of_an_artifact_cannot_read_files(fit, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("password\nhunter2\n")
    model = replace(
        fit("regression"), features_sql=f"select row_id, password as kind from vehicles, '{secret}'"
    )
    with pytest.raises(ProjectError, match="reads data outside the tables"):
        model.predict(ROWS)


def test_equal_fits_have_equal_digests_and_different_models_have_others(fit):
    model = fit("regression")
    assert model.digest() == fit("regression").digest()
    others = [
        replace(model, features_sql=f"{FEATURES_SQL} "),
        replace(model, spec=replace(model.spec, classes=("a",))),
        replace(model, pipeline=default_pipeline()),
        fit("regression", family="xgboost"),
    ]
    assert len({model.digest(), *(other.digest() for other in others)}) == 5


def test_predictions_are_clipped_to_the_declared_bounds(fit):
    model = fit("regression")
    free = model.predict(ROWS)["prediction"]
    bound = replace(model, spec=replace(model.spec, bounds=(None, float(free.mean()))))
    np.testing.assert_allclose(bound.predict(ROWS)["prediction"], np.minimum(free, free.mean()))
    assert bound.digest() != model.digest()


def test_the_threshold_applies_to_calibrated_probabilities(fit):
    model = fit("binary")
    before = model.predict(ROWS)["probability"].to_numpy()
    halved = Calibration("isotonic", (0.0, 1.0), (0.0, 0.5))
    changed = replace(model, spec=replace(model.spec, calibration=halved, threshold=0.3))
    after = changed.predict(ROWS)
    np.testing.assert_allclose(after["probability"], before / 2)
    assert (after["prediction"] == np.where(before / 2 >= 0.3, "yes", "no")).all()


def test_intervals_have_the_quantile_of_the_features_and_stay_within_the_bounds(fit):
    quantiles = Quantiles(1.0, ("kind",), (GroupQuantile(("car",), 2.0, 50),))
    model = fit("regression")
    predicted = model.predict(ROWS)["prediction"].to_numpy()
    spec = replace(
        model.spec, intervals=PredictionIntervals(0.9, 100, quantiles), bounds=(None, float(predicted[0]) + 1)
    )
    found = replace(model, spec=spec).predict(ROWS)
    assert found.columns.tolist() == list(spec.output_types()) == ["prediction", LOWER, UPPER]
    inside = np.minimum(predicted, predicted[0] + 1)
    half = np.array([2.0, 1.0, 1.0])
    np.testing.assert_allclose(found[LOWER], inside - half)
    np.testing.assert_allclose(found[UPPER], np.minimum(inside + half, predicted[0] + 1))
    assert len(replace(model, spec=spec).predict(ROWS[:0])) == 0


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_prediction_sets_are_a_column_of_classifications(fit, task):
    model = fit(task)
    likely = replace(
        model, spec=replace(model.spec, prediction_sets=PredictionSets(0.9, 60, (Quantiles(0.0),)))
    )
    found = likely.predict(ROWS)
    assert found.columns.tolist() == list(likely.output_types())
    assert list(likely.output_types())[-1] == PREDICTION_SET
    assert [json.loads(text) for text in found[PREDICTION_SET]] == [[label] for label in found["prediction"]]
    every = replace(
        model, spec=replace(model.spec, prediction_sets=PredictionSets(0.9, 60, (Quantiles(1.0),)))
    )
    labels = json.dumps(list(model.spec.classes))
    assert every.predict(ROWS)[PREDICTION_SET].tolist() == [labels] * 3
    assert every.predict(ROWS[:0]).columns.tolist() == list(every.output_types())


def test_a_set_has_the_class_that_the_decision_threshold_predicts(fit):
    model = fit("binary")
    spec = replace(model.spec, threshold=0.0, prediction_sets=PredictionSets(0.9, 60, (Quantiles(0.0),)))
    assert replace(model, spec=spec).predict(ROWS)[PREDICTION_SET].tolist() == ['["yes"]'] * 3


def test_a_set_has_the_class_that_the_threshold_of_the_group_predicts(fit):
    model = fit("binary")
    fair = GroupThresholds("kind", ("car", "van"), (0.0, 1.1), 0.5, "equalized_odds", 0.05)
    spec = replace(
        model.spec, group_thresholds=fair, prediction_sets=PredictionSets(0.9, 60, (Quantiles(0.0),))
    )
    found = replace(model, spec=spec).predict(ROWS[:2])
    assert found["prediction"].tolist() == ["yes", "no"]
    assert found[PREDICTION_SET].tolist() == ['["yes"]', '["no"]']


def test_no_rows_of_a_model_with_thresholds_by_group_have_no_predictions(fit):
    model = fit("binary")
    fair = GroupThresholds("note", ("a", "b"), (0.0, 1.1), 0.5, "equalized_odds", 0.05)
    fair_model = replace(model, spec=replace(model.spec, group_thresholds=fair))
    none = pd.DataFrame(columns=list(model.spec.features))  # of rows for which features.sql fails
    assert [len(values) for values in fair_model.outputs(none).values()] == [0, 0]


@pytest.mark.parametrize("column", ["note", "kind"])
def test_each_group_has_its_own_threshold_of_a_raw_column_or_of_a_feature(fit, column, tmp_path):
    rows = pd.DataFrame(
        {"size": [1.0] * 3, "weight": [2.0] * 3, "kind": ["a", "b", "a"], "note": ["b", "a", None]}
    )
    fair = GroupThresholds(column, ("a", "b"), (0.0, 1.1), 0.5, "equalized_odds", 0.05)
    made = fit("binary")
    raw = replace(made, spec=replace(made.spec, group_thresholds=fair))
    of_features = replace(raw, spec=replace(raw.spec, table=None))
    save_model(raw, tmp_path / "model")
    for model in (raw, load_model(tmp_path / "model")):
        found = model.predict(rows)
        expected = {"note": ["no", "yes"], "kind": ["yes", "no"]}[column]
        assert found["prediction"].tolist()[:2] == expected
    likely = "yes" if found["probability"][2] >= 0.5 else "no"
    assert found["prediction"][2] == (likely if column == "note" else "yes"), "no value: no group"
    features = made.compute_features(rows)
    if column == "kind":
        assert of_features.outputs(features)["prediction"].tolist() == ["yes", "no", "yes"]
    assert raw.digest() != made.digest()
