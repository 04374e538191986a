"""The contract step: each raw row is either valid or quarantined, in any order of the rows."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pandera.pandas as pa
import pytest

from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.contracts.splitting import row_split, set_aside
from mlops_assets.ml.contracts.splitting.row_split import RowSplit
from mlops_assets.ml.contracts.validation import validate

Outcome = tuple[pd.DataFrame, pd.DataFrame]
Split = Callable[..., Outcome]


@pytest.fixture(params=[250, 1], ids=["narrow", "wide"], autouse=True)
def columns_of_a_scan(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules of a narrow table are evaluated in one scan, those of a wide one in groups of columns."""
    monkeypatch.setattr(row_split, "MANY_COLUMNS", request.param)


def rules(quarantine: pd.DataFrame) -> dict[int, list[str]]:
    """The violated rules by the row's number in its file."""
    return {
        number: list(found)
        for number, found in zip(quarantine["_row"], quarantine["_broken_rules"], strict=True)
    }


def test_valid_rows_are_cast_and_keep_their_provenance(split: Split):
    valid, quarantine = split(
        pa.DataFrameSchema({"a": pa.Column(int), "b": pa.Column(float), "c": pa.Column(str)}),
        [["1000.0", " 2.5", "x"], ["7", "nan", "y"]],
    )
    assert valid.drop(columns="row_id").to_dict("records") == [
        {"a": 1000, "b": 2.5, "c": "x", "_source_file": "a.csv", "_source_sha256": "abc", "_row": 1}
    ]
    assert rules(quarantine) == {2: ["b: not_nullable"]}


def test_quarantine_keeps_the_raw_values(split: Split):
    columns = ["extra", "a"]
    _, quarantine = split(
        pa.DataFrameSchema({"a": pa.Column(int)}), [["kept too", " 3.50 "], [None, "NaN"]], columns
    )
    assert list(quarantine.columns) == [*columns, "_source_file", "_source_sha256", "_row", "_broken_rules"]
    assert quarantine["a"].tolist() == [" 3.50 ", "NaN"]
    assert quarantine["extra"].tolist() == ["kept too", None]


def test_every_violated_rule_of_a_row_is_listed(split: Split):
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


def test_a_key_is_never_null_and_is_unique(split: Split):
    schema = pa.DataFrameSchema({"a": pa.Column(int, nullable=True), "b": pa.Column(int)})
    _, quarantine = split(schema, [["1", "1"], [None, "1"], ["1", "2"]], key=["a"])
    assert rules(quarantine) == {2: ["a: not_nullable"], 3: ["(a): unique"]}


def test_an_absent_optional_column_is_null(split: Split):
    schema = pa.DataFrameSchema(
        {"a": pa.Column(int), "b": pa.Column(int, pa.Check.gt(0), required=False)},
        checks=pa.Check(lambda frame: frame["a"] > 1, name="many"),
    )
    valid, quarantine = split(schema, [["1"], ["2"]], ["a"])
    assert valid["b"].isna().tolist() == [True]
    assert rules(quarantine) == {1: ["many"]}
    assert rules(split(schema, [["2", None]])[1]) == {1: ["b: not_nullable"]}


def test_a_rule_of_several_columns_is_not_evaluated_where_a_required_value_is_missing(split: Split):
    schema = pa.DataFrameSchema(
        {"a": pa.Column(int), "b": pa.Column(float, nullable=True)},
        checks=pa.Check(lambda frame: frame["a"] < frame["b"], name="a_below_b"),
    )
    _, quarantine = split(schema, [["x", "5"], ["1", "5"], ["1", None]])
    assert rules(quarantine) == {1: ["a: dtype(int64)"], 3: ["a_below_b"]}


def test_a_missing_value_does_not_change_the_result_of_other_rows(split: Split):
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
def split_before(connection, raw_rows, tmp_path: Path) -> Split:
    """Validation with an exclusive upper bound for the time of a row."""

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


def test_rows_from_the_future_are_quarantined_by_a_rule_with_the_bound(split_before):
    valid, quarantine = split_before(
        [["2024-03-31 23:59:59.999999", "1"], ["2024-04-01", "1"], ["2030-01-01 12:00", "-1"], [None, "2"]]
    )
    assert valid["_row"].tolist() == [1, 4]
    late = "at: before(2024-04-01 00:00:00)"
    assert rules(quarantine) == {2: [late], 3: [late, "a: greater_than(0)"]}


def test_an_invalid_time_violates_the_type_rule_and_not_the_bound(split_before):
    _, quarantine = split_before([["soon", "1"]])
    assert rules(quarantine) == {1: ["at: dtype(datetime64[ns])"]}


@pytest.mark.parametrize("held", [True, False])
def test_rows_that_are_set_aside_are_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, held: bool
):
    if not held:
        monkeypatch.setattr(set_aside, "_HELD_BYTES", 0)
    monkeypatch.setattr(row_split, "MANY_COLUMNS", 250)
    schema = pa.DataFrameSchema({"a": pa.Column(int, pa.Check.gt(0))})
    source = tmp_path / "raw.parquet"
    with duckdb.connect() as connection:
        value = "case i when 7 then 'x' when 9 then '8' else i::varchar end"
        provenance = "'a.csv' as _source_file, 'abc' as _source_sha256, i as _row"
        rows = f"select {value} as a, [i, null]::varchar as other, {provenance}"
        connection.sql(f"{rows} from range(1, 101) r(i)").write_parquet(str(source))
        declared = Contract.of(schema, subject="shop: orders", key=["a"])
        split = RowSplit(connection, connection.read_parquet(str(source)), declared, ["a"], tmp_path)
        valid = split.valid()
        clean = next(valid).project("_row").fetchall()
        source.unlink()
        if not held:
            with pytest.raises(duckdb.IOException):
                next(valid)
            return
        kept = [row for rows in valid for row in rows.project("_row, a").fetchall()]
        quarantined = split.quarantine().project("_row, a, other, _broken_rules").order("_row").fetchall()
    assert len(clean) == 97
    assert kept == [(8, 8)]
    assert quarantined == [(7, "x", "[7, NULL]", ["a: dtype(int64)"]), (9, "8", "[9, NULL]", ["(a): unique"])]
