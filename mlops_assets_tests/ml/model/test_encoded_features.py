"""A model of free text, categories and dates: from the query to a file, and back to predictions."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.evaluation.importances import shap_importances
from mlops_assets.ml.families import Settings
from mlops_assets.ml.features.preprocessing import default_pipeline, feature_frame
from mlops_assets.ml.model.artifact import load_model, save_model
from mlops_assets.ml.model.model_spec import ModelSpec
from mlops_assets.ml.model.tabular_model import TabularModel
from mlops_assets.ml.search.training_data import TrainingData, check_pipeline

SQL = "select row_id, size, town, note, day, seen, date_diff('day', day, seen) as days from visits"
COLUMNS = (
    Column("size", "DOUBLE", nullable=True),
    Column("town", "VARCHAR", nullable=True),
    Column("note", "VARCHAR", nullable=True),
    Column("day", "DATE", nullable=True),
    Column("seen", "TIMESTAMP", nullable=True),
)
ROWS = 400


def visits() -> tuple[pd.DataFrame, np.ndarray]:
    """Rows as clients send them, and a target that depends on the note and the town."""
    random = np.random.default_rng(0)
    town, good = random.integers(0, 80, ROWS), random.random(ROWS) < 0.5
    days = pd.Timestamp("2023-05-01") + pd.to_timedelta(random.integers(0, 500, ROWS), unit="D")
    rows = pd.DataFrame(
        {
            "size": random.normal(size=ROWS),
            "town": [f"town {number}" for number in town],
            "note": [f"{'helpful' if each else 'awful'} visit {n} {n**2}" for n, each in enumerate(good)],
            "day": [day.date().isoformat() for day in days],
            "seen": days + pd.to_timedelta(random.integers(0, 400, ROWS), unit="h"),
        }
    )
    rows = rows.astype({"town": object, "note": object}).mask(random.random(rows.shape) < 0.05)
    return rows, 3.0 * good + town / 40


@pytest.fixture(scope="module", params=["linear", "xgboost"])
def model(request: pytest.FixtureRequest) -> TabularModel:
    rows, target = visits()
    spec = ModelSpec(
        project="clinic",
        task="regression",
        target="stars",
        table="visits",
        columns=COLUMNS,
        features=("size", "town", "note", "day", "seen", "days"),
        classes=(),
        family=request.param,
        params={"penalty": 1.0} if request.param == "linear" else {"eta": 0.3, "max_depth": 3},
        rounds=None if request.param == "linear" else 20,
        seed=0,
    )
    draft = TabularModel(spec, SQL, default_pipeline(), None)
    features = feature_frame(draft.compute_features(rows))
    check_pipeline(default_pipeline, TrainingData(np.arange(ROWS), features, target, None), seed=0)
    settings = Settings("regression", 1, seed=0, threads=1)
    return TabularModel.fit(spec, SQL, features, target, default_pipeline, settings)


def test_text_and_categories_predict(model: TabularModel):
    rows, target = visits()
    assert model.pipeline.kinds_["note"] == "text"
    assert model.pipeline.kinds_["town"] == "target"
    assert np.corrcoef(model.predict(rows)["prediction"], target)[0, 1] > 0.8


def test_a_model_from_its_files_predicts_single_rows_as_batches(model: TabularModel, tmp_path: Path):
    digest = save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.digest() == digest
    rows, _ = visits()
    batch = model.predict(rows)["prediction"].to_numpy()
    np.testing.assert_array_equal(loaded.predict(rows)["prediction"], batch)
    single = [loaded.predict(rows.iloc[[place]])["prediction"].iloc[0] for place in range(4)]
    np.testing.assert_allclose(single, batch[:4], rtol=1e-6)
    assert {path.suffix for path in (tmp_path / "model").rglob("*") if path.is_file()} <= {
        *(".json", ".sql", ".skops", ".ubj"),
    }


def test_a_row_without_any_value_and_one_with_new_values_are_predicted(model: TabularModel):
    empty = dict.fromkeys(["size", "town", "note", "day", "seen"])
    new = {"size": 1.0, "town": "Ely", "note": "§§ 東京", "day": date(1910, 1, 1), "seen": "2199-12-31 23:59"}
    assert np.isfinite(model.predict(pd.DataFrame([empty, new]))["prediction"]).all()


def test_shap_values_of_encoded_columns_are_those_of_their_feature(model: TabularModel):
    rows, _ = visits()
    found = shap_importances(model, model.compute_features(rows), seed=0)
    assert set(found) <= set(model.spec.features)
    assert list(found)[:2] == ["note", "town"]
