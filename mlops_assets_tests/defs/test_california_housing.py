"""The project `california_housing`: its contract against known rows, and what `fetch` makes of averages."""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from mlops_assets.defs.california_housing.fetch import to_totals
from mlops_assets.defs.california_housing.pipeline import make_pipeline
from mlops_assets.defs.california_housing.schema import Districts
from mlops_assets.ml.contracts import Contract
from mlops_assets.ml.features import FeatureQuery
from mlops_assets.ml.pipelines import feature_frame, transform
from mlops_assets.ml.validation import validate
from mlops_assets.stores.sources import find_files, read_files

ROOT = Path(__file__).parents[2]
SQL = (ROOT / "mlops_assets/defs/california_housing/features.sql").read_text("utf-8")
REAL = ROOT.parent / "shared" / "data" / "california_housing" / "housing.csv"
ROW = {
    "longitude": -122.23,
    "latitude": 37.88,
    "housing_median_age": 41.0,
    "total_rooms": 880.0,
    "total_bedrooms": 129.0,
    "population": 322.0,
    "households": 126.0,
    "median_income": 8.3252,
    "median_house_value": 452600.0,
    "ocean_proximity": "NEAR BAY",
}
BREAKS = [
    ({"longitude": -80.0}, ["longitude: in_range(-124.5, -114.1)"]),
    ({"households": ""}, ["households: not_nullable"]),
    ({"median_house_value": "much"}, ["median_house_value: dtype(float64)"]),
    ({"total_bedrooms": 5000.0}, ["total_bedrooms_at_most_total_rooms"]),
    (
        {"ocean_proximity": "NEAR LAKE", "population": -3.0},
        [
            "population: greater_than(0)",
            "ocean_proximity: isin(['<1H OCEAN', 'INLAND', 'ISLAND', 'NEAR BAY', 'NEAR OCEAN'])",
        ],
    ),
]


def judge(frame: pd.DataFrame, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Valid and quarantined rows of a CSV file with these rows."""
    frame.to_csv(folder / "housing.csv", index=False)
    contract = Contract.of(Districts, subject="california_housing: table districts")
    with duckdb.connect() as connection:
        files = find_files(folder / "housing.csv", subject="housing")
        [raw] = read_files(connection, files, subject="housing")
        valid, quarantine = validate(connection, raw, contract, identity=contract.names, scratch=folder)
        return valid.df(), quarantine.df()


@pytest.mark.parametrize(("change", "rules"), BREAKS)
def test_a_broken_row_is_quarantined_with_its_rules(tmp_path, change, rules):
    frame = pd.DataFrame([ROW, {**ROW, **change}], dtype=object)
    valid, quarantine = judge(frame, tmp_path)
    assert len(valid) == 1
    assert list(quarantine["_broken_rules"][0]) == rules


def test_missing_bedrooms_and_a_missing_ocean_proximity_are_no_fault(tmp_path):
    frame = pd.DataFrame([ROW, {**ROW, "total_bedrooms": None}]).drop(columns="ocean_proximity")
    valid, quarantine = judge(frame, tmp_path)
    assert len(valid) == 2
    assert quarantine.empty


def test_features_are_per_household_and_missing_bedrooms_are_filled_with_a_flag(tmp_path):
    valid, _ = judge(pd.DataFrame([ROW, {**ROW, "total_bedrooms": None}, ROW]), tmp_path)
    with duckdb.connect() as connection:
        query = FeatureQuery(SQL, ("median_house_value",), "housing")
        features = query.run(connection, {"districts": connection.from_df(valid)}).df().drop(columns="row_id")
    assert features["rooms_per_household"].iloc[0] == pytest.approx(880 / 126)
    assert features["bedrooms_per_room"].isna().sum() == 1
    frame = feature_frame(features)
    matrix = transform(make_pipeline(), frame, fit=np.array([1.0, 2.0, 3.0]))
    assert not np.isnan(matrix).any()
    assert matrix.shape == (3, 2 + 2 + 1 + 8), (
        "two filled columns, two flags, one ocean proximity, eight more"
    )


def test_fetch_turns_averages_back_into_totals():
    totals = to_totals(
        pd.DataFrame(
            {
                "MedInc": [8.3252],
                "HouseAge": [41.0],
                "AveRooms": [880 / 126],
                "AveBedrms": [129 / 126],
                "Population": [322.0],
                "AveOccup": [322 / 126],
                "Latitude": [37.88],
                "Longitude": [-122.23],
                "MedHouseVal": [4.526],
            }
        )
    )
    expected = {name: value for name, value in ROW.items() if name != "ocean_proximity"}
    assert totals.iloc[0].to_dict() == pytest.approx(expected)


@pytest.mark.skipif(not REAL.is_file(), reason=f"the published file is not at {REAL}")
def test_the_published_file_has_no_broken_row_and_forty_planted_ones_are_found(tmp_path):
    frame = pd.read_csv(REAL, dtype=object)
    valid, quarantine = judge(frame, tmp_path)
    assert (len(valid), len(quarantine)) == (20_640, 0)
    for number, (change, _) in enumerate(BREAKS):
        for copy in range(8):
            for column, value in change.items():
                frame.loc[1000 * number + 17 * copy, column] = value
    valid, quarantine = judge(frame, tmp_path)
    assert (len(valid), len(quarantine)) == (20_600, 40)
    found = [list(rules) for rules in quarantine.sort_values("_row")["_broken_rules"]]
    assert found == [rules for _, rules in BREAKS for _ in range(8)]
