"""Input rows: every type of a column gives the values of the source's text, or an error that names it."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.model.input_rows import InputError, typed_rows

COLUMNS = (
    Column("code", "VARCHAR"),
    Column("count", "BIGINT"),
    Column("size", "DOUBLE"),
    Column("open", "BOOLEAN"),
    Column("at", "TIMESTAMP"),
    Column("day", "DATE"),
    Column("note", "VARCHAR", nullable=False, required=False),
)
TEXT = pd.DataFrame(
    {
        "code": ["007", "1.0", None],
        "count": ["3", "-4", None],
        "size": ["0.5", "-2", None],
        "open": ["true", "false", None],
        "at": ["2025-03-01 12:30:00", "2025-03-02 00:00:00", None],
        "day": ["2025-03-01", "2025-03-02", None],
    }
)
"""The rows as the CSV reader of the project returns them."""
TIMES = pd.Series(pd.to_datetime(TEXT["at"]))
ARROW: dict[str, tuple[list[Any], list[pa.DataType]]] = {
    "code": (["007", "1.0", None], [pa.string(), pa.large_string(), pa.string_view()]),
    "count": (
        [3, -4, None],
        [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float32(), pa.float64(), pa.string()],
    ),
    "size": (
        [0.5, -2.0, None],
        [pa.float16(), pa.float32(), pa.float64()],
    ),
    "open": ([True, False, None], [pa.bool_()]),
    "at": (
        [datetime(2025, 3, 1, 12, 30), datetime(2025, 3, 2), None],
        [pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")],
    ),
    "day": ([date(2025, 3, 1), date(2025, 3, 2), None], [pa.date32(), pa.date64(), pa.timestamp("us")]),
}


def typed(rows: pd.DataFrame, columns=COLUMNS) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        return typed_rows(connection, columns, rows, subject="model of garage").order("row_id").fetchall()


EXPECTED = [
    ("007", 3, 0.5, True, datetime(2025, 3, 1, 12, 30), date(2025, 3, 1), None, 0),
    ("1.0", -4, -2.0, False, datetime(2025, 3, 2), date(2025, 3, 2), None, 1),
    (None, None, None, None, None, None, None, 2),
]


def arrow_cases():
    for name, (values, kinds) in ARROW.items():
        for kind in kinds:
            column = pd.Series(_arrow_array(values, kind), dtype=pd.ArrowDtype(kind))
            yield pytest.param(name, column, id=f"{name}-{kind}")


def _arrow_array(values, kind):
    if kind == pa.float16():
        return pa.array([None if value is None else np.float16(value) for value in values], kind)
    return pa.array(values).cast(kind)


def pandas_cases():
    zoned = TIMES.dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    mixed = [datetime(2025, 3, 1, 17, 30, tzinfo=timezone(timedelta(hours=5))), datetime(2025, 3, 2), None]
    cases: dict[str, list[pd.Series]] = {
        "code": [
            TEXT["code"],
            TEXT["code"].astype("string[python]"),
            TEXT["code"].astype("string[pyarrow]"),
            TEXT["code"].astype("category"),
            pd.Series(["007", "1.0", np.nan]),
            pd.Series(["007", "1.0", pd.NA]),
        ],
        "count": [
            pd.Series([3, -4, None], dtype=kind)
            for kind in ("Int8", "Int64", "float32", "float64", "object", "category")
        ]
        + [pd.Series([Decimal(3), Decimal("-4.0"), None]), pd.Series(["3", -4, None])],
        "size": [
            pd.Series([0.5, -2, None], dtype=kind) for kind in ("Float64", "float32", "float16", "object")
        ]
        + [
            pd.Series([Decimal("0.5"), Decimal(-2), Decimal("NaN")]),
            pd.Series(["0.5", -2.0, np.nan]),
            pd.Series([0.5, -2, None], dtype="category"),
            pd.Series(pd.arrays.SparseArray([0.5, -2.0, np.nan])),
        ],
        "open": [pd.Series([True, False, None], dtype=kind) for kind in ("boolean", "object", "category")]
        + [pd.Series(["true", False, None])],
        "at": [
            TIMES,
            TIMES.astype("datetime64[s]"),
            TIMES.astype("object"),
            TIMES.dt.tz_localize("UTC"),
            zoned,
            zoned.astype("object"),
            zoned.astype("category"),
            pd.Series(mixed, dtype="object"),
            pd.Series([datetime(2025, 3, 1, 12, 30, tzinfo=UTC), "2025-03-02", None]),
            pd.Series(["2025-03-01T12:30:00Z", "2025-03-02", None], dtype="category"),
        ],
        "day": [
            pd.Series([date(2025, 3, 1), date(2025, 3, 2), None]),
            pd.Series([date(2025, 3, 1), datetime(2025, 3, 2), None], dtype="object"),
            pd.to_datetime(TEXT["day"]),
            TEXT["day"].astype("category"),
        ],
    }
    for name, found in cases.items():
        for number, column in enumerate(found):
            yield pytest.param(name, column, id=f"{name}-{number}-{column.dtype}")


def test_text_is_cast_as_the_source_is():
    assert typed(TEXT) == EXPECTED


@pytest.mark.parametrize(("name", "column"), [*arrow_cases(), *pandas_cases()])
def test_every_type_of_a_column_gives_the_values_of_its_text(name, column):
    assert typed(TEXT.assign(**{name: column})) == EXPECTED


@pytest.mark.parametrize(
    ("column", "found"),
    [
        (pd.Series([7, 1, 2]), r"row 0 has 7 \(int\)"),
        (pd.Series([7, None, 2]), r"row 0 has 7.0 \(float\)"),
        (pd.Series([7, None, 2], dtype="Int64"), r"row 0 has .*7.* \(int"),
        (pd.Series(["007", 1, None]), r"row 1 has 1 \(int\)"),
        (pd.Series(["007", 1, None], dtype="category"), r"row 1 has 1 \(int\)"),
        (pd.Series([7, 1, 2], dtype="category"), r"row 0 has 7 \(int\)"),
        (pd.Series([True, False, None]), r"row 0 has True \(bool\)"),
        (pd.Series([b"007", b"1", None]), r"row 0 has b'007' \(bytes\)"),
        (pd.to_datetime(TEXT["at"]), r"row 0 has Timestamp"),
        (pd.Series([None, Decimal("1.0"), None]), r"row 1 has Decimal\('1.0'\)"),
        (pd.Series([7, 1, 2], dtype=pd.ArrowDtype(pa.int64())), r"row 0 has 7 \(int\)"),
    ],
)
def test_other_values_in_a_text_column_are_refused_with_column_row_and_value(column, found):
    with pytest.raises(InputError, match=f"column code is text, and {found}") as caught:
        typed(TEXT.assign(code=column))
    assert "pd.read_csv(…, dtype=str, keep_default_na=False, na_values=[''])" in caught.value.hint


@pytest.mark.parametrize("empty", [np.nan, None, pd.NA, pd.NaT, pd.Series([None] * 3, dtype="float32")])
def test_a_text_column_without_values_is_null_whatever_its_type(empty):
    assert typed(TEXT.assign(code=empty)) == [(None, *row[1:]) for row in EXPECTED]


def test_an_absent_optional_column_and_one_without_values_are_equal():
    assert typed(TEXT.assign(note=None)) == EXPECTED
    with pytest.raises(InputError, match="row 2: note: not_nullable"):
        typed(TEXT.assign(note=["a", "b", None]))


def test_violations_are_reported_with_row_value_and_rule():
    columns = (Column("size", "DOUBLE", nullable=False), Column("count", "BIGINT"), Column("at", "TIMESTAMP"))
    rows = pd.DataFrame(
        {
            "size": [1.0, None, np.inf, 2.0],
            "count": [1.0, 2.5, 3.0, 4.0],
            "at": ["2025-03-01", "2025-03-01", "2025-03-01", "tomorrow"],
        },
        index=["a", "b", "c", "d"],
    )
    with pytest.raises(InputError) as caught:
        typed(rows, columns)
    assert caught.value.message == (
        "model of garage: 3 of 4 rows violate the contract: "
        "row b: size: not_nullable, count: dtype(int64), found 2.5; "
        "row c: size: finite, found inf; row d: at: dtype(datetime64[ns]), found 'tomorrow'"
    )
    many = pd.DataFrame({"size": [None] * 1200, "count": 1, "at": None})
    with pytest.raises(InputError, match=r"1,200 of 1,200 rows .*row 4: size: not_nullable; and 1,195 more"):
        typed(many, columns)


@pytest.mark.parametrize(
    ("column", "kind"),
    [(pd.Series([[1], [2], None]), "list"), (pd.to_timedelta([1, 2, 3], "h"), "duration")],
)
def test_values_that_no_contract_can_cast_are_refused_with_their_type(column, kind):
    with pytest.raises(InputError, match=f"column size has values of type {kind}"):
        typed(TEXT.assign(size=column))


def test_a_column_that_occurs_twice_is_refused():
    with pytest.raises(InputError, match="the rows have 2 columns named size"):
        typed(pd.concat([TEXT, TEXT[["size"]]], axis=1))


def test_numbers_beside_text_are_read_with_the_marks_of_the_column():
    columns = (Column("size", "DOUBLE", decimal=",", thousands="."),)
    rows = pd.DataFrame({"size": ["1.234,5", 0.5, Decimal("2.25"), None]})
    assert [row[0] for row in typed(rows, columns)] == [1234.5, 0.5, 2.25, None]


def test_rows_without_a_row_have_no_features():
    assert typed(TEXT.iloc[:0]) == []


def test_errors_quote_no_values_of_sensitive_columns():
    columns = [Column("code", "VARCHAR", sensitive=True), Column("size", "DOUBLE", sensitive=True)]
    for rows, expected in (
        ({"code": ["a", 4711], "size": [1.0, 2.0]}, "column code is text, and row 1 has a int; as text"),
        ({"code": ["a", "b"], "size": ["1", "4711x"]}, "row 1: size: dtype(float64)\n"),
    ):
        with duckdb.connect() as connection, pytest.raises(InputError) as caught:
            typed_rows(connection, columns, pd.DataFrame(rows), subject="model of shop")
        assert expected in str(caught.value)
        assert "4711" not in str(caught.value)
