"""Contributions to single predictions: they add up to the prediction, for every kind of model."""

import numpy as np
import pandas as pd
import pytest

from mlops_assets.ml.families import FAMILIES, Settings
from mlops_assets.ml.features.preprocessing import default_pipeline
from mlops_assets.ml.metrics.tasks import Task
from mlops_assets.ml.model.calibration import Calibration
from mlops_assets.ml.model.ensemble import ENSEMBLE, Member
from mlops_assets.ml.model.tabular_model import ModelSpec, TabularModel
from mlops_assets.ml.scoring.prediction_batches import BatchPredictor, output_schema, predict_batch
from mlops_assets.ml.scoring.row_contributions import RowContributions

ROWS = 150
FEATURES = ("size", "age", "noise", "kind")


def features() -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(ROWS, 3)), columns=list(FEATURES[:3]))
    frame.loc[::11, "age"] = np.nan
    return frame.assign(kind=random.choice(["car", "van", "bus"], ROWS).astype(object))


def fitted(task: Task, family: str, *, calibration: Calibration | None = None) -> TabularModel:
    frame = features()
    score = 3 * frame["size"] - frame["age"].fillna(0) + 2 * (frame["kind"] == "van")
    classes: tuple[str, ...] = ()
    target = score.to_numpy()
    if task != "regression":
        edges = [0.0] if task == "binary" else [-1.0, 2.0]
        target, classes = np.digitize(target, edges), ("low", "mid", "top")[: len(edges) + 1]
    kinds = [family] if family != ENSEMBLE else ["xgboost", "linear"]
    members = tuple(
        Member(kind, FAMILIES[kind].defaults(), 20, weight)
        for kind, weight in zip(kinds, (0.25, 0.75), strict=False)
    )
    settings = Settings(task, max(len(classes), 1), seed=0, threads=1)
    spec = ModelSpec(
        *("garage", task, "price", None, (), FEATURES, classes, family),
        {} if family == ENSEMBLE else FAMILIES[family].defaults(),
        20,
        0,
        members=members if family == ENSEMBLE else (),
        calibration=calibration,
    )
    return TabularModel.fit(spec, "", frame, target, default_pipeline, settings)


def columns_of(model: TabularModel, frame: pd.DataFrame, count: int) -> pd.DataFrame:
    return predict_batch(model, frame, RowContributions.of(model, frame, count)).to_pandas()


@pytest.mark.parametrize("family", ["xgboost", "hist_gradient_boosting", "random_forest", "linear", ENSEMBLE])
@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_base_contributions_and_rest_add_up_to_the_prediction_of_every_model(task: Task, family: str):
    model, frame = fitted(task, family), features()
    found = columns_of(model, frame, 2)
    total = found["contribution_base"] + found["contribution_rest"]
    total += found["contribution_1_value"] + found["contribution_2_value"]
    raw = model.predict_features(frame)
    raw = raw.max(axis=1) if task == "multiclass" else raw
    assert total.to_numpy() == pytest.approx(raw, abs=2e-5)
    spread = found.groupby("prediction" if task == "multiclass" else np.zeros(ROWS))[
        "contribution_base"
    ].std()
    assert spread.max() < 1e-4, "the base is the same for all rows: the values are all that varies"
    assert (found["contribution_1_value"].abs() >= found["contribution_2_value"].abs()).all()
    assert found["contribution_1_feature"].value_counts().index[0] == "size"
    assert (found["contribution_1_feature"] == "noise").mean() < 0.05


def test_contributions_of_a_linear_model_are_coefficients_times_distances_from_the_mean():
    model, frame = fitted("regression", "linear"), features()
    found = columns_of(model, frame, 4)
    place = next(rank for rank in range(1, 5) if found[f"contribution_{rank}_feature"][3] == "size")
    expected = 3 * (frame["size"][3] - frame["size"].mean())
    assert found[f"contribution_{place}_value"][3] == pytest.approx(expected, rel=0.05)
    assert found["contribution_rest"].abs().max() < 1e-9, "all four features are listed"
    kinds = {found[f"contribution_{rank}_feature"][0] for rank in range(1, 5)}
    assert kinds == set(FEATURES), "the columns of a category are summed under its name"


def test_contributions_explain_the_score_before_calibration():
    identity = Calibration("sigmoid", (2.0,), (1.0,))
    model, frame = fitted("binary", "xgboost", calibration=identity), features()
    found = columns_of(model, frame, 4)
    values = [f"contribution_{rank}_value" for rank in range(1, 5)]
    total = found[["contribution_base", *values, "contribution_rest"]].sum(axis=1).to_numpy()
    assert identity.apply(total) == pytest.approx(found["probability"].to_numpy(), abs=1e-4)


def test_a_category_that_the_sample_lacks_is_attributed_by_the_name_of_its_column():
    model, frame = fitted("regression", "xgboost"), features()
    cars = frame[frame["kind"] == "car"]
    found = RowContributions.of(model, cars, 4)
    assert set(found.labels) == set(FEATURES)


def test_rows_are_explained_alike_alone_and_together_and_no_rows_have_the_same_columns():
    model, frame = fitted("binary", "hist_gradient_boosting"), features()
    explained = RowContributions.of(model, frame, 6)
    together = predict_batch(model, frame, explained)
    assert together.schema == output_schema(model, 6)
    assert together.column("contribution_5_feature").null_count == ROWS, "there are four features"
    alone = predict_batch(model, frame.iloc[7:8], explained)
    pd.testing.assert_frame_equal(alone.to_pandas(), together.slice(7, 1).to_pandas(), rtol=1e-5)
    predictor = BatchPredictor(model, 6)
    assert predictor.predict(frame.iloc[:0]).schema == predictor.schema == together.schema
    assert predictor.predict(frame).equals(together)
    empty = predict_batch(model, frame.iloc[:0], explained)
    assert (empty.schema, empty.num_rows) == (together.schema, 0)


def test_a_value_beyond_the_numbers_of_xgboost_has_contributions():
    model, frame = fitted("regression", "xgboost"), features().assign(size=1e300)
    found = columns_of(model, frame, 2)
    parts = found["contribution_1_value"] + found["contribution_2_value"] + found["contribution_rest"]
    assert (found["contribution_base"] + parts).tolist() == pytest.approx(
        found["prediction"].tolist(), abs=1e-4
    )
