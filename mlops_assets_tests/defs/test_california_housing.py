"""The project `california_housing`: its contract against known rows, and what `fetch` makes of averages."""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from mlops_assets.defs.california_housing.fetch import to_totals
from mlops_assets.defs.california_housing.pipeline import make_pipeline
from mlops_assets.defs.california_housing.schema import Districts
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.contracts.validation import validate
from mlops_assets.ml.features.feature_query import FeatureQuery
from mlops_assets.ml.features.preprocessing import feature_frame, transform
from mlops_assets.stores.files.listing import find_files
from mlops_assets.stores.files.reader import read_files

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


def validate_rows(frame: pd.DataFrame, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
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
    valid, quarantine = validate_rows(frame, tmp_path)
    assert len(valid) == 1
    assert list(quarantine["_broken_rules"][0]) == rules


def test_missing_bedrooms_and_a_missing_ocean_proximity_are_valid(tmp_path):
    frame = pd.DataFrame([ROW, {**ROW, "total_bedrooms": None}]).drop(columns="ocean_proximity")
    valid, quarantine = validate_rows(frame, tmp_path)
    assert len(valid) == 2
    assert quarantine.empty


@pytest.fixture
def features(tmp_path) -> pd.DataFrame:
    """Features of 60 block groups, two of them without `total_bedrooms`."""
    random = np.random.default_rng(0)
    rows = [
        {
            **ROW,
            "latitude": 34 + random.random(),
            "longitude": -118 + random.random(),
            "population": 100.0 + row,
        }
        for row in range(60)
    ]
    rows[0]["total_bedrooms"] = rows[1]["total_bedrooms"] = None
    valid, _ = validate_rows(pd.DataFrame(rows), tmp_path)
    with duckdb.connect() as connection:
        query = FeatureQuery(SQL, ("median_house_value",), "housing")
        found = query.run(connection, {"districts": connection.from_df(valid)}).df().drop(columns="row_id")
    return feature_frame(found)


def test_features_are_ratios_and_missing_bedrooms_are_filled_with_a_flag(features):
    assert features["rooms_per_household"].iloc[0] == pytest.approx(880 / 126)
    assert features["bedrooms_per_room"].isna().sum() == 2
    pipeline = make_pipeline()
    matrix = transform(pipeline, features, fit=np.arange(60.0))
    assert not np.isnan(matrix).any()
    names = list(pipeline.get_feature_names_out())
    assert matrix.shape == (60, len(names))
    flags = matrix[:, [place for place, name in enumerate(names) if "missingindicator" in name]]
    assert (flags.sum(axis=0) == 2).all()


def test_no_row_sees_its_own_price(features):
    price, changed = np.arange(60.0), np.arange(60.0)
    changed[3] = 1e9
    plain, after = (transform(make_pipeline(), features, fit=values) for values in (price, changed))
    np.testing.assert_array_equal(after[3], plain[3])
    assert (plain != after).any(), "prices around are features"


def test_one_block_group_is_predicted_as_among_many(features):
    pipeline = make_pipeline()
    transform(pipeline, features[:50], fit=np.arange(50.0))
    many = transform(pipeline, features[50:])
    np.testing.assert_allclose(transform(pipeline, features[52:53]), many[2:3])


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
    valid, quarantine = validate_rows(frame, tmp_path)
    assert (len(valid), len(quarantine)) == (20_640, 0)
    for number, (change, _) in enumerate(BREAKS):
        for copy in range(8):
            for column, value in change.items():
                frame.loc[1000 * number + 17 * copy, column] = value
    valid, quarantine = validate_rows(frame, tmp_path)
    assert (len(valid), len(quarantine)) == (20_600, 40)
    found = [list(rules) for rules in quarantine.sort_values("_row")["_broken_rules"]]
    assert found == [rules for _, rules in BREAKS for _ in range(8)]
