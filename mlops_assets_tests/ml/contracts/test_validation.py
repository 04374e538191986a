"""The contract step: every raw row is in exactly one of valid and quarantine, whatever the order."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.contracts.validation import identities_told, key_bits_sql, validate, with_row_ids

Outcome = tuple[pd.DataFrame, pd.DataFrame]
Split = Callable[..., Outcome]


def rules(quarantine: pd.DataFrame) -> dict[int, list[str]]:
    """The broken rules by the row's number in its file."""
    return {
        number: list(found)
        for number, found in zip(quarantine["_row"], quarantine["_broken_rules"], strict=True)
    }


def test_rows_that_pass_are_cast_and_keep_their_provenance(split: Split):
    valid, quarantine = split(
        pa.DataFrameSchema({"a": pa.Column(int), "b": pa.Column(float), "c": pa.Column(str)}),
        [["1e3", " 2.5", "x"], ["7", "nan", "y"]],
    )
    assert valid.drop(columns="row_id").to_dict("records") == [
        {"a": 1000, "b": 2.5, "c": "x", "_source_file": "a.csv", "_source_sha256": "abc", "_row": 1}
    ]
    assert rules(quarantine) == {2: ["b: not_nullable"]}


def test_quarantine_keeps_raw_values_as_they_came(split: Split):
    columns = ["extra", "a"]
    _, quarantine = split(
        pa.DataFrameSchema({"a": pa.Column(int)}), [["kept too", " 3.50 "], [None, "NaN"]], columns
    )
    assert list(quarantine.columns) == [*columns, "_source_file", "_source_sha256", "_row", "_broken_rules"]
    assert quarantine["a"].tolist() == [" 3.50 ", "NaN"]
    assert quarantine["extra"].tolist() == ["kept too", None]


def test_every_broken_rule_of_a_row_is_listed(split: Split):
    schema = pa.DataFrameSchema(
        {
            "a": pa.Column(int, [pa.Check.gt(0), pa.Check.lt(-10)]),
            "b": pa.Column(float, pa.Check.le(5)),
            "c": pa.Column(str, pa.Check.isin(["x"])),
            "d": pa.Column(float, nullable=True),
        },
        checks=pa.Check(lambda frame: frame["a"] < frame["b"], name="a_below_b"),
        unique=["c"],
    )
    _, quarantine = split(
        schema,
        [
            ["1", "2", "x", "1"],
            ["-3", "inf", "z", "few"],
            ["3.5", None, "x", None],
            ["9", "5", "x", "nan"],
        ],
    )
    assert rules(quarantine) == {
        1: ["a: less_than(-10)"],
        2: [
            "b: finite",
            "d: dtype(float64)",
            "a: greater_than(0)",
            "a: less_than(-10)",
            "b: less_than_or_equal_to(5)",
            "c: isin(['x'])",
        ],
        3: ["a: dtype(int64)", "b: not_nullable"],
        4: ["a: less_than(-10)", "a_below_b"],
    }


def test_the_first_of_equal_rows_is_kept(split: Split):
    schema = pa.DataFrameSchema({"a": pa.Column(int, unique=True), "b": pa.Column(int)})
    valid, quarantine = split(schema, [["1", "1"], ["2", "2"], ["1", "3"], ["1", "4"]])
    assert valid["_row"].tolist() == [1, 2]
    assert rules(quarantine) == {3: ["(a): unique"], 4: ["(a): unique"]}


def test_a_broken_row_never_counts_as_the_one_that_is_kept(split: Split):
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


def test_equal_values_are_found_after_the_cast(split: Split):
    schema = pa.DataFrameSchema({"a": pa.Column(int, unique=True)})
    assert rules(split(schema, [["7"], [" 7.0"]])[1]) == {2: ["(a): unique"]}


def test_a_key_must_be_there_and_is_unique(split: Split):
    schema = pa.DataFrameSchema({"a": pa.Column(int, nullable=True), "b": pa.Column(int)})
    _, quarantine = split(schema, [["1", "1"], [None, "1"], ["1", "2"]], key=["a"])
    assert rules(quarantine) == {2: ["a: not_nullable"], 3: ["(a): unique"]}


def test_an_optional_column_may_be_missing_and_is_null_then(split: Split):
    schema = pa.DataFrameSchema(
        {"a": pa.Column(int), "b": pa.Column(int, pa.Check.gt(0), required=False)},
        checks=pa.Check(lambda frame: frame["a"] > 1, name="many"),
    )
    valid, quarantine = split(schema, [["1"], ["2"]], ["a"])
    assert valid["b"].isna().tolist() == [True]
    assert rules(quarantine) == {1: ["many"]}
    assert rules(split(schema, [["2", None]])[1]) == {1: ["b: not_nullable"]}


def test_a_rule_of_the_row_is_not_judged_where_a_required_value_is_missing(split: Split):
    schema = pa.DataFrameSchema(
        {"a": pa.Column(int), "b": pa.Column(float, nullable=True)},
        checks=pa.Check(lambda frame: frame["a"] < frame["b"], name="a_below_b"),
    )
    _, quarantine = split(schema, [["x", "5"], ["1", "5"], ["1", None]])
    assert rules(quarantine) == {1: ["a: dtype(int64)"], 3: ["a_below_b"]}


def test_a_missing_value_does_not_change_how_other_rows_are_judged(split: Split):
    schema = pa.DataFrameSchema(
        {
            "flag": pa.Column(bool, pa.Check(lambda flags: ~flags, name="unset"), nullable=True),
            "number": pa.Column(int, pa.Check.le(2**53), nullable=True),
        }
    )
    rows = [["true", "1"], ["false", str(2**53 + 1)], ["false", "1"]]
    expected = {1: ["flag: unset"], 2: ["number: less_than_or_equal_to(9007199254740992)"]}
    assert rules(split(schema, rows)[1]) == expected
    assert rules(split(schema, [*rows, [None, None]])[1]) == expected


def test_a_source_without_rows_gives_two_empty_tables(split: Split):
    valid, quarantine = split(pa.DataFrameSchema({"a": pa.Column(int, unique=True)}), [])
    assert len(valid) == len(quarantine) == 0
    assert list(valid.columns)[-1] == "row_id"


@pytest.fixture
def identified(connection, raw_rows, tmp_path: Path) -> Callable[..., list[tuple[Any, ...]]]:
    """Rows of two columns, each with its number in the file, its identity and the identity's upper bits."""

    def identify(values: Sequence[Sequence[str | None]], key: Sequence[str] = ("a", "b")) -> list[Any]:
        found = with_row_ids(connection, raw_rows(values, ["a", "b"]), key, tmp_path)
        assert found.columns == ["a", "b", "_source_file", "_source_sha256", "_row", "row_id"]
        return found.project(f"a, b, _row, row_id, {key_bits_sql()}").order("_row").fetchall()

    return identify


def test_row_ids_are_unique_and_do_not_depend_on_the_order(identified):
    rows = [["1", "x"], ["2", "x"], ["1", "x"], [None, "x"], ["1x", ""], ["1", None], ["1", "x"]]
    ids = sorted(((a, b, row_id) for a, b, _, row_id, _ in identified(rows)), key=repr)
    assert len({row_id for _, _, row_id in ids}) == len(rows)
    assert sorted(((a, b, row_id) for a, b, _, row_id, _ in identified(rows[::-1])), key=repr) == ids


def test_row_ids_are_what_they_have_always_been(identified):
    """Tables that are there already, and the sides of their rows, rest on them."""
    rows = [["1", "x"], ["2", "x"], ["1", "x"], [None, "x"], ["1x", ""], ["1", None], ["1", "x"]]
    assert [row_id for _, _, _, row_id, _ in identified(rows)] == [
        *(2548577490929418240, 1668514560650035200, 2548577490929418241, 4503383612572893184),
        *(3681917675482824704, 1385467812638162944, 2548577490929418242),
    ]


def test_equal_rows_share_the_upper_bits_of_their_ids(identified):
    found = identified([["1", "x"], ["1", "y"], ["2", "x"], ["1", "x"]], ["a"])
    bits = [shared for *_, shared in found]
    assert bits[0] == bits[1] == bits[3] != bits[2]


def test_a_row_keeps_its_id_when_rows_are_added(identified):
    def ids(rows: Sequence[Sequence[str]]) -> set[tuple[Any, ...]]:
        return {(a, b, row_id) for a, b, _, row_id, _ in identified(rows)}

    assert ids([["1", "x"], ["2", "y"]]) < ids([["0", "z"], ["2", "y"], ["1", "x"]])


@pytest.fixture
def split_before(connection, raw_rows, tmp_path: Path) -> Split:
    """The same, with rows from a moment on taken for the future."""

    def run(values: Sequence[Sequence[str | None]], **column: Any) -> Outcome:
        schema = pa.DataFrameSchema(
            {
                "at": pa.Column(column.pop("kind", "datetime64[ns]"), nullable=True),
                "a": pa.Column(int, pa.Check.gt(0)),
            }
        )
        contract = Contract.of(schema, subject="shop: table orders")
        valid, quarantine = validate(
            connection,
            raw_rows(values, ["at", "a"]),
            contract,
            identity=contract.names,
            scratch=tmp_path,
            before=("at", datetime(2024, 4, 1)),
        )
        return valid.order("_row").df(), quarantine.order("_row").df()

    return run


def test_rows_from_the_future_are_quarantined_by_a_rule_with_the_moment(split_before):
    valid, quarantine = split_before(
        [["2024-03-31 23:59:59.999999", "1"], ["2024-04-01", "1"], ["2030-01-01 12:00", "-1"], [None, "2"]]
    )
    assert valid["_row"].tolist() == [1, 4]
    late = "at: before(2024-04-01 00:00:00)"
    assert rules(quarantine) == {2: [late], 3: [late, "a: greater_than(0)"]}


def test_a_time_that_is_no_time_breaks_its_own_rule_and_not_that_of_the_future(split_before):
    _, quarantine = split_before([["soon", "1"]])
    assert rules(quarantine) == {1: ["at: dtype(datetime64[ns])"]}


def test_more_equal_rows_than_an_id_can_number_are_refused_with_the_way_out(
    connection, split: Split, record_property
):
    schema = pa.DataFrameSchema({"a": pa.Column(str), "b": pa.Column(str)})
    rows = [["x", "y"]] * 16_384
    assert split(schema, rows)[0]["row_id"].is_unique
    with (
        pytest.raises(
            DataError, match=r"orders: more than 16,384 rows are equal in a, b\n  hint: declare a `key`"
        ) as raised,
        identities_told("shop: table orders"),
    ):
        split(schema, [*rows, ["x", "y"]])
    record_property("told", str(raised.value))
