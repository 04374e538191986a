"""Contracts: rules read from a schema, their evaluation, and checks that are rejected."""

import datetime

import pandas as pd
import pandera.pandas as pa
import pytest

from mlops_assets.core.errors import ProjectError
from mlops_assets.ml.contracts.contract import Contract


def contract(columns: dict[str, pa.Column], *, key: tuple[str, ...] = (), **settings) -> Contract:
    return Contract.of(pa.DataFrameSchema(columns, **settings), subject="shop: table orders", key=key)


class Orders(pa.DataFrameModel):
    """A schema as a project writes it."""

    number: int = pa.Field(unique=True, description="of the order")
    price: float | None = pa.Field(ge=0, nullable=True)
    paid: bool
    day: pa.DateTime
    customer: str


def test_a_model_is_read_with_types_nulls_and_descriptions():
    read = Contract.of(Orders, subject="shop: table orders", key=["customer", "day"])
    assert read.names == ["number", "price", "paid", "day", "customer"]
    assert [column.sql_type for column in read.columns] == [
        "BIGINT",
        "DOUBLE",
        "BOOLEAN",
        "TIMESTAMP",
        "VARCHAR",
    ]
    assert [column.name for column in read.columns if column.nullable] == ["price"]
    assert [column.name for column in read.columns if not column.required] == ["price"]
    assert read.columns[0].description == "of the order"
    assert read.unique == (("number",), ("customer", "day"))


def test_only_required_columns_are_reported_missing():
    read = Contract.of(Orders, subject="shop: table orders")
    assert read.missing(["number", "paid"]) == ["day", "customer"]


def test_a_key_column_is_never_null_even_if_the_schema_declares_it_nullable():
    read = contract({"a": pa.Column(int, nullable=True), "b": pa.Column(int, nullable=True)}, key=("a",))
    assert [column.nullable for column in read.columns] == [False, True]


def test_the_same_uniqueness_rule_is_kept_once():
    read = contract({"a": pa.Column(int, unique=True)}, unique=["a"], key=("a",))
    assert read.unique == (("a",),)


@pytest.mark.parametrize(("reported", "keep"), [("exclude_first", "first"), ("exclude_last", "last")])
def test_report_duplicates_chooses_the_kept_one_of_equal_rows(reported: str, keep: str):
    assert contract({"a": pa.Column(int)}, unique=["a"], report_duplicates=reported).keep == keep


def test_a_key_column_that_is_not_in_the_schema_is_an_error():
    with pytest.raises(ProjectError, match="shop: table orders: key column number is not in schema"):
        contract({"a": pa.Column(int)}, key=("number",))


@pytest.mark.parametrize("name", ["row_id", "_row", "_Split", "_broken_rules", "_newest", "_number"])
def test_a_reserved_column_name_is_an_error(name: str):
    with pytest.raises(ProjectError, match=f"column {name} of schema.py is a reserved name"):
        contract({name: pa.Column(int)})


@pytest.mark.parametrize(
    "check",
    [
        pa.Check(lambda prices: prices.mean() < 10, name="cheap"),
        pa.Check(lambda prices: prices.is_monotonic_increasing, name="cheap"),
        pa.Check(lambda groups: True, groupby="a", name="cheap"),
    ],
    ids=["mean", "order", "groups"],
)
def test_a_check_of_a_whole_column_is_rejected_by_name(check: pa.Check):
    with pytest.raises(ProjectError, match="check cheap of column a evaluates all rows at once"):
        contract({"a": pa.Column(float, check)})


def test_a_check_of_the_whole_table_is_rejected_by_name():
    check = pa.Check(lambda frame: len(frame) > 3, name="enough")
    with pytest.raises(ProjectError, match="check enough of the table evaluates all rows at once"):
        contract({"a": pa.Column(float)}, checks=check)


def test_a_check_that_raises_without_rows_is_not_an_aggregate():
    assert contract({"a": pa.Column(str, pa.Check(lambda names: names.iloc[0] == names))}).names == ["a"]
    assert contract({"a": pa.Column(str, pa.Check(lambda names: names.max() < "b"))}).names == ["a"]


def test_violated_rules_are_listed_once_in_the_order_of_the_schema():
    positive, even = pa.Check.gt(0), pa.Check(lambda values: values % 2 == 0, name="even")
    apart = pa.Check(lambda frame: frame["a"] != frame["b"], name="apart")
    read = contract({"a": pa.Column(int, [positive, even]), "b": pa.Column(int, positive)}, checks=apart)
    frame = pd.DataFrame({"a": [1, -1, 4, -2], "b": [1, 1, 4, 2]}, index=[7, 7, 8, 8])
    assert read.broken_rules(frame) == {
        0: ["a: even", "apart"],
        1: ["a: greater_than(0)", "a: even"],
        2: ["apart"],
        3: ["a: greater_than(0)"],
    }


def test_equal_rows_list_their_rules_in_the_order_of_the_checks():
    # pandera 0.35 lists the failures of equal rows in different orders.
    checks = [pa.Check.str_length(1, 3), pa.Check.isin(["x"]), pa.Check.str_matches("^[a-z]")]
    read = contract({"code": pa.Column(str, checks)})
    broken = read.broken_rules(pd.DataFrame({"code": ["1.000"] * 20}))
    expected = ["code: str_length(1, 3)", "code: isin(['x'])", "code: str_matches('^[a-z]')"]
    assert broken == dict.fromkeys(range(20), expected)


def test_valid_rows_violate_no_rule():
    assert contract({"a": pa.Column(int, pa.Check.gt(0))}).broken_rules(pd.DataFrame({"a": [1, 2]})) == {}


def test_a_check_that_raises_is_an_error_of_the_schema():
    read = contract({"a": pa.Column(str, pa.Check(lambda names: names + 1 > 0, name="odd"))})
    with pytest.raises(ProjectError, match="check odd of a failed without row results: TypeError"):
        read.broken_rules(pd.DataFrame({"a": ["x"]}))


def test_an_aggregate_that_passes_an_empty_table_is_rejected_when_it_fails():
    read = contract({"a": pa.Column(int, pa.Check(lambda values: values.iloc[0] == 0, name="first"))})
    with pytest.raises(ProjectError, match=r"check first of a failed without row results"):
        read.broken_rules(pd.DataFrame({"a": [1, 2]}))


def test_dates_are_compared_with_dates():
    read = contract({"day": pa.Column(pa.Date, pa.Check.ge(datetime.date(2024, 1, 1)))})
    frame = pd.DataFrame({"day": [datetime.date(2024, 5, 1), datetime.date(2023, 5, 1)]})
    assert read.broken_rules(frame) == {1: ["day: greater_than_or_equal_to(2024-01-01)"]}
