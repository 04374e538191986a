"""Uniqueness: one row of each set of equal rows is kept."""

from collections.abc import Callable

import pandas as pd
import pandera.pandas as pa
import pytest

Split = Callable[..., tuple[pd.DataFrame, pd.DataFrame]]


def rules(quarantine: pd.DataFrame) -> dict[int, list[str]]:
    """The violated rules by the row's number in its file."""
    return {
        number: list(found)
        for number, found in zip(quarantine["_row"], quarantine["_broken_rules"], strict=True)
    }


def test_the_first_of_equal_rows_is_kept(split: Split):
    schema = pa.DataFrameSchema({"a": pa.Column(int, unique=True), "b": pa.Column(int)})
    valid, quarantine = split(schema, [["1", "1"], ["2", "2"], ["1", "3"], ["1", "4"]])
    assert valid["_row"].tolist() == [1, 2]
    assert rules(quarantine) == {3: ["(a): unique"], 4: ["(a): unique"]}


def test_a_row_that_violates_another_rule_is_never_the_kept_one(split: Split):
    schema = pa.DataFrameSchema({"a": pa.Column(int, unique=True), "b": pa.Column(int, pa.Check.gt(0))})
    valid, quarantine = split(schema, [["1", "-1"], ["1", "2"], ["1", "x"]])
    assert valid["_row"].tolist() == [2]
    assert rules(quarantine) == {1: ["b: greater_than(0)"], 3: ["b: dtype(int64)", "(a): unique"]}


def test_the_last_of_equal_rows_is_kept_when_the_schema_excludes_it(split: Split):
    schema = pa.DataFrameSchema(
        {"a": pa.Column(int), "b": pa.Column(int)}, unique=["a", "b"], report_duplicates="exclude_last"
    )
    valid, quarantine = split(schema, [["1", "1"], ["1", "2"], ["1", "1"], ["1", "1"]])
    assert valid["_row"].tolist() == [2, 4]
    assert rules(quarantine) == {1: ["(a, b): unique"], 3: ["(a, b): unique"]}


def test_values_are_compared_after_the_cast(split: Split):
    schema = pa.DataFrameSchema({"a": pa.Column(int, unique=True)})
    assert rules(split(schema, [["7"], [" 7.0"]])[1]) == {2: ["(a): unique"]}


@pytest.mark.parametrize(("kept", "rows"), [("exclude_first", [1, 3, 4]), ("exclude_last", [2, 4, 5])])
def test_a_row_is_no_duplicate_of_a_row_that_another_rule_has_removed(kept, rows, split):
    schema = pa.DataFrameSchema(
        {"a": pa.Column(int, unique=True), "b": pa.Column(int, unique=True)}, report_duplicates=kept
    )
    values = [["1", "1"], ["2", "1"], ["2", "3"], ["4", "4"], ["1", "3"]]
    valid, quarantine = split(schema, values)
    assert valid["_row"].tolist() == rows
    assert sorted([*valid["_row"], *quarantine["_row"]]) == [1, 2, 3, 4, 5]
