"""Casts: what a source's text is worth in each type, by known answers."""

import datetime

import duckdb
import pytest

from mlops_assets.ml.contracts.columns import Column, SqlType, select_list

MISSING = object()
"""Instead of an answer: the source has no value, rather than one that can't be cast."""


def cast(sql_type: SqlType, text: str | None, **marks: str) -> object:
    column = Column("a", sql_type, **marks)
    with duckdb.connect() as connection:
        row = connection.execute(
            f"select {column.cast_sql()}, {column.is_null_sql()} from (select $1::varchar as a)", [text]
        ).fetchone()
    value, missing = row
    assert not (missing and value is not None)
    return MISSING if missing else value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("+7", 7),
        ("-7", -7),
        ("7.0", 7),
        ("1e3", None),
        ("3.5", None),
        ("9007199254740993", 9007199254740993),
        ("9223372036854775807", 9223372036854775807),
        ("9223372036854775808", None),
        ("1e30", None),
        ("inf", None),
        ("-Infinity", None),
        ("seven", None),
        ("1,000", None),
        ("0x10", None),
        ("", None),
        ("  ", None),
        ("nan", MISSING),
        (" NaN ", MISSING),
        (None, MISSING),
    ],
)
def test_integers(text: str | None, value: object):
    assert cast("BIGINT", text) is value or cast("BIGINT", text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3.5", 3.5),
        ("1e3", 1000.0),
        (" 7 ", 7.0),
        ("inf", float("inf")),
        ("1,000", None),
        ("", None),
        ("  ", None),
        ("nan", MISSING),
        ("NAN", MISSING),
        (None, MISSING),
    ],
)
def test_numbers(text: str | None, value: object):
    assert cast("DOUBLE", text) is value or cast("DOUBLE", text) == value


@pytest.mark.parametrize(
    ("sql_type", "text", "value"),
    [
        ("BOOLEAN", "true", True),
        ("BOOLEAN", "0", False),
        ("BOOLEAN", "2", None),
        ("BOOLEAN", "", None),
        ("TIMESTAMP", "2024-02-29 10:30:00", datetime.datetime(2024, 2, 29, 10, 30)),
        ("TIMESTAMP", "2024-02-30", None),
        ("DATE", "2024-02-29", datetime.date(2024, 2, 29)),
        ("DATE", "29.02.2024", None),
        ("DATE", "9999-12-31", datetime.date(9999, 12, 31)),
        ("DATE", "10000-01-01", None),
        ("DATE", "0044-03-15 (BC)", None),
        ("DATE", "inf", None),
        ("TIMESTAMP", "-infinity", None),
        ("TIMESTAMP", "20240-01-01 00:00:00", None),
        ("VARCHAR", "", ""),
        ("VARCHAR", "nan", "nan"),
        ("VARCHAR", None, MISSING),
    ],
)
def test_other_types(sql_type: SqlType, text: str | None, value: object):
    assert cast(sql_type, text) is value or cast(sql_type, text) == value


def test_an_absent_column_is_null_with_its_declared_type():
    columns = [Column("a", "BIGINT"), Column('odd "name"', "VARCHAR"), Column("c", "DOUBLE")]
    with duckdb.connect() as connection:
        source = connection.sql("""select '1' as a, 'x' as "odd ""name"" " """)
        result = source.project(select_list(columns, ["a"]))
        assert result.fetchall() == [(1, None, None)]
        assert list(map(str, result.types)) == ["BIGINT", "VARCHAR", "DOUBLE"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234,56", 1234.56),
        (" -1.234.567,5 ", -1234567.5),
        ("1234,56", 1234.56),
        ("0,5", 0.5),
        (",5", 0.5),
        ("5,", 5.0),
        ("1,5e3", 1500.0),
        ("1.234", 1234.0),
        ("1234", 1234.0),
        ("inf", float("inf")),
        ("1.5", None),
        ("1234.56", None),
        ("1.23,4", None),
        ("12.34.567", None),
        ("1,234,567", None),
        ("1234.567,8", None),
        ("", None),
        ("few", None),
        ("NaN", MISSING),
        (None, MISSING),
    ],
)
def test_numbers_with_a_decimal_comma_and_grouped_digits(text: str | None, value: object):
    found = cast("DOUBLE", text, decimal=",", thousands=".")
    assert found is value or found == value
    whole = value if not isinstance(value, float) or not value.is_integer() else int(value)
    whole = None if isinstance(whole, float) or "e3" in str(text) else whole
    as_integer = cast("BIGINT", text, decimal=",", thousands=".")
    assert as_integer is whole or as_integer == whole


@pytest.mark.parametrize(
    ("marks", "texts"),
    [
        ({"decimal": ","}, {"1,5": 1.5, "1.5": None, "1.234,5": None}),
        ({"thousands": ","}, {"1,234.5": 1234.5, "1,5": None, "1.5": 1.5}),
        ({"decimal": ",", "thousands": " "}, {"1 234,5": 1234.5, "1.234": None}),
        ({"thousands": "'"}, {"1'234.5": 1234.5, "1234.5": 1234.5, "'": None}),
    ],
)
def test_other_decimal_and_thousands_marks(marks: dict[str, str], texts: dict[str, float | None]):
    assert {text: cast("DOUBLE", text, **marks) for text in texts} == texts


@pytest.mark.parametrize("sql_type", ["DOUBLE", "BIGINT"])
def test_values_that_arrive_as_numbers_ignore_the_marks(sql_type: SqlType):
    column = Column("a", sql_type, decimal=",", thousands=".")
    with duckdb.connect() as connection:
        for kind in ("double", "bigint", "decimal(10, 3)", "json"):
            source = connection.sql(f"select '1234'::{kind} as a")
            assert source.project(column.cast_sql()).fetchall() == [(1234,)]
        part = connection.sql("select 1.234::double as a").project(column.cast_sql()).fetchall()
        assert part == [(1.234 if sql_type == "DOUBLE" else None,)]


def test_default_marks_are_omitted_from_the_declaration():
    assert "decimal" not in Column("a", "DOUBLE").declared()
    marked = Column("a", "DOUBLE", decimal=",")
    assert Column(**marked.declared()) == marked
