"""Preprocessing that is fitted on the training rows: location, imputation and encoding.

Location explains most of a price. Rotated coordinates let a tree split along the coast; distances to cities
and coast and statistics of neighbouring block groups describe the surroundings. `NeighbourTargets` is
cross-fitted, so that a row never sees its own price.

`total_bedrooms` is missing for 207 block groups. The two ratios derived from it are imputed by their medians,
with an indicator column.
"""

from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline as chain
from sklearn.preprocessing import OneHotEncoder

from mlops_assets.ml.transformers import (
    DistanceToLine,
    DistanceToPoints,
    NeighbourMeans,
    NeighbourTargets,
    RotatedCoordinates,
)

PLACE = ["latitude", "longitude"]
BEDROOMS = ["bedrooms_per_household", "bedrooms_per_room"]
NUMBERS = [
    "housing_median_age",
    "median_income",
    "population",
    "households",
    "rooms_per_household",
    "people_per_household",
    "rooms_per_person",
    "income_per_person",
]
AROUND = ["median_income", "housing_median_age", "rooms_per_household", "people_per_household", "population"]
ALIKE = [*PLACE, "median_income", "rooms_per_household", "people_per_household", "housing_median_age"]
SCALES = (0.045, 0.055, 1.0, 1.5, 2.0, 20.0)
"""Scale of each column of `ALIKE` in distances: five kilometres, 10,000 USD of income, 1.5 rooms, …"""
CITIES = {
    "Los Angeles": (34.05, -118.24),
    "San Francisco": (37.77, -122.42),
    "San Diego": (32.72, -117.16),
    "San Jose": (37.34, -121.89),
    "Sacramento": (38.58, -121.49),
    "Fresno": (36.74, -119.79),
    "Santa Barbara": (34.42, -119.70),
    "Monterey": (36.60, -121.89),
    "Beverly Hills": (34.07, -118.40),
    "Palo Alto": (37.44, -122.14),
}
COAST = [
    (41.75, -124.22),
    (40.80, -124.20),
    (40.44, -124.40),
    (39.40, -123.80),
    (38.90, -123.70),
    (38.30, -123.05),
    (37.90, -122.70),
    (37.75, -122.52),
    (37.50, -122.50),
    (37.10, -122.30),
    (36.95, -122.03),
    (36.60, -121.95),
    (36.30, -121.90),
    (35.65, -121.20),
    (35.35, -120.87),
    (35.15, -120.68),
    (34.90, -120.65),
    (34.58, -120.65),
    (34.45, -120.47),
    (34.40, -119.70),
    (34.27, -119.28),
    (34.10, -119.10),
    (34.03, -118.78),
    (34.01, -118.50),
    (33.85, -118.40),
    (33.72, -118.30),
    (33.75, -118.15),
    (33.60, -117.90),
    (33.45, -117.68),
    (33.20, -117.39),
    (32.95, -117.27),
    (32.72, -117.25),
    (32.54, -117.12),
]
"""Points on the Pacific coast from Oregon to Mexico."""


def make_pipeline():
    """Numeric columns, imputed ratios, encoded categories and features of the location."""
    fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    encode = chain(
        SimpleImputer(strategy="constant", fill_value="unknown", keep_empty_features=True),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    return make_column_transformer(
        ("passthrough", [*PLACE, *NUMBERS]),
        (fill, BEDROOMS),
        (encode, ["ocean_proximity"]),
        (RotatedCoordinates(), PLACE),
        (DistanceToPoints(CITIES), PLACE),
        (DistanceToLine(COAST, name="km_to_coast"), PLACE),
        (NeighbourTargets((3, 5, 10, 20, 50)), PLACE),
        (NeighbourTargets((5, 10, 20), coordinates="plane", scales=SCALES, softening=0.2), ALIKE),
        (NeighbourMeans((5, 20)), [*PLACE, *AROUND]),
    )
