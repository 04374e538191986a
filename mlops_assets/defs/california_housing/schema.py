"""Contracts of the California housing data.

The ranges are the extent of the state and the caps of the census; all 20,640 original rows satisfy them.
"""

import pandera.pandas as pa

OCEAN_PROXIMITY = ["<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN"]


class Districts(pa.DataFrameModel):
    """One row per census block group of 1990, as in the published CSV file."""

    longitude: float = pa.Field(
        in_range={"min_value": -124.5, "max_value": -114.1}, description="degrees east"
    )
    latitude: float = pa.Field(in_range={"min_value": 32.5, "max_value": 42.1}, description="degrees north")
    housing_median_age: float = pa.Field(
        in_range={"min_value": 1, "max_value": 52}, description="years; capped at 52"
    )
    total_rooms: float = pa.Field(gt=0, description="rooms in the block group")
    total_bedrooms: float = pa.Field(
        gt=0, nullable=True, description="bedrooms in the block group; missing for some"
    )
    population: float = pa.Field(gt=0, description="people")
    households: float = pa.Field(gt=0, description="households")
    median_income: float = pa.Field(
        in_range={"min_value": 0.4999, "max_value": 15.0001}, description="10,000 USD; capped at both ends"
    )
    median_house_value: float = pa.Field(
        in_range={"min_value": 14_999, "max_value": 500_001}, description="USD; capped at 500,001"
    )
    ocean_proximity: str | None = pa.Field(
        isin=OCEAN_PROXIMITY,
        nullable=True,
        description="location relative to the ocean; added by later authors",
    )

    @pa.dataframe_check(name="total_bedrooms_at_most_total_rooms")
    def total_bedrooms_at_most_total_rooms(cls, frame):  # noqa: N805
        """Bedrooms are a part of the rooms."""
        return ~(frame["total_bedrooms"] > frame["total_rooms"])


class Features(pa.DataFrameModel):
    """Result of `features.sql`."""

    longitude: float
    latitude: float
    housing_median_age: float
    median_income: float
    population: float = pa.Field(gt=0)
    households: float = pa.Field(gt=0)
    rooms_per_household: float = pa.Field(gt=0)
    bedrooms_per_household: float = pa.Field(gt=0, nullable=True)
    bedrooms_per_room: float = pa.Field(gt=0, le=1, nullable=True)
    people_per_household: float = pa.Field(gt=0)
    rooms_per_person: float = pa.Field(gt=0)
    income_per_person: float = pa.Field(gt=0)
    ocean_proximity: str = pa.Field(nullable=True)
