"""Download the data by scikit-learn's loader.

scikit-learn has averages per household, the published file has totals. Totals follow from
`households = population / AveOccup`, and so on. `ocean_proximity` is not available.
"""

from pathlib import Path

import pandas as pd

FILE = "housing.csv"


def fetch(folder: Path) -> list[Path]:
    """Download the data set into a folder; returns the files."""
    from sklearn.datasets import fetch_california_housing

    bunch = fetch_california_housing(data_home=str(folder / ".download"), as_frame=True)
    folder.mkdir(parents=True, exist_ok=True)
    to_totals(bunch.frame).to_csv(folder / FILE, index=False)
    return [folder / FILE]


def to_totals(averages: pd.DataFrame) -> pd.DataFrame:
    """Convert scikit-learn's averages per household to the published totals per block group."""
    households = (averages["Population"] / averages["AveOccup"]).round()
    return pd.DataFrame(
        {
            "longitude": averages["Longitude"],
            "latitude": averages["Latitude"],
            "housing_median_age": averages["HouseAge"],
            "total_rooms": (averages["AveRooms"] * households).round(),
            "total_bedrooms": (averages["AveBedrms"] * households).round(),
            "population": averages["Population"],
            "households": households,
            "median_income": averages["MedInc"],
            "median_house_value": (averages["MedHouseVal"] * 100_000).round(),
        }
    )
