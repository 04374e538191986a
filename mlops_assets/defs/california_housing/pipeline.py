"""What is learned from the training rows before the model: gaps and categories.

207 block groups lack `total_bedrooms`. The two ratios made of it are filled with their medians, and a column
says that they were missing.
"""

from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline as chain
from sklearn.preprocessing import OneHotEncoder

BEDROOMS = ["bedrooms_per_household", "bedrooms_per_room"]


def make_pipeline():
    """Median for missing bedrooms, with a flag; one column for each value of `ocean_proximity`."""
    fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    encode = chain(
        SimpleImputer(strategy="constant", fill_value="unknown", keep_empty_features=True),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    return make_column_transformer((fill, BEDROOMS), (encode, ["ocean_proximity"]), remainder="passthrough")
