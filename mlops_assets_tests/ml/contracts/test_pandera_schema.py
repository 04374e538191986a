"""Schemas of pandera: supported types, and features that a contract rejects."""

import pandera.pandas as pa
import pytest

from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.contracts.contract import Contract


@pytest.mark.parametrize(
    ("column", "type_name"),
    [(pa.Column("timedelta64[ns]"), "timedelta64"), (pa.Column(complex), "complex"), (pa.Column(), "None")],
)
def test_an_unsupported_column_type_is_an_error(column: pa.Column, type_name: str):
    with pytest.raises(ProjectError, match=f"orders: column a has the unsupported type {type_name}"):
        Contract.of(pa.DataFrameSchema({"a": column}), subject="shop: table orders")


@pytest.mark.parametrize(
    ("schema", "feature"),
    [
        (pa.DataFrameSchema({"a": pa.Column(int)}, parsers=pa.Parser(lambda frame: frame)), "a parser"),
        (pa.DataFrameSchema({"a": pa.Column(int, parsers=pa.Parser(abs))}), "a parser"),
        (pa.DataFrameSchema({"a.*": pa.Column(int, regex=True)}), "a regex column"),
        (pa.DataFrameSchema({"a": pa.Column(int, default=3)}), "a default"),
        (pa.DataFrameSchema({"a": pa.Column(int)}, index=pa.Index(int)), "an index"),
    ],
    ids=["parser", "column parser", "regex", "default", "index"],
)
def test_features_that_change_rows_are_rejected(schema: pa.DataFrameSchema, feature: str):
    with pytest.raises(ProjectError, match=f"declares {feature}, which a contract does not support"):
        Contract.of(schema, subject="shop: table orders")
