"""The hint about numbers with a decimal comma."""

import duckdb
import pandas as pd
import pytest

from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.contracts.decimal_comma_hint import comma_hint


def hint(connection: duckdb.DuckDBPyConnection, prices: list[str], column: Column) -> str:
    """The hint for quarantined prices, all of which violate the type rule."""
    rules = [[f"price: dtype({column.sql_type.lower()})"]] * len(prices)
    frame = pd.DataFrame({"price": prices, "_broken_rules": rules})
    return comma_hint([column], connection.from_df(frame))


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        (["1,5", "2,25"], '2 of 2 invalid numbers have a decimal comma; .* declare csv.decimal: "," for'),
        (["1,5", "few"], "1 of 2 invalid numbers have a decimal comma"),
        (["1.000,5", "2,5"], 'declare csv.decimal: "," and csv.thousands: "." for the table'),
    ],
)
def test_the_hint_names_the_marks_when_half_of_the_invalid_numbers_have_a_comma(
    connection: duckdb.DuckDBPyConnection, prices: list[str], expected: str
):
    assert pd.Series([hint(connection, prices, Column("price", "DOUBLE"))]).str.contains(expected).all()


@pytest.mark.parametrize(
    ("prices", "column"),
    [
        (["1,5", "few", "many"], Column("price", "DOUBLE")),
        (["few"], Column("price", "BIGINT")),
        (["1,5"], Column("price", "VARCHAR")),
        (["1,5"], Column("price", "DOUBLE", decimal=",")),
    ],
    ids=["mostly words", "words", "text column", "declared marks"],
)
def test_there_is_no_hint_for_other_invalid_values(
    connection: duckdb.DuckDBPyConnection, prices: list[str], column: Column
):
    assert hint(connection, prices, column) == ""
