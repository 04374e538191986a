"""Casts: what a source's text is worth in each type, by known answers."""

import datetime

import duckdb
import pytest

from mlops_assets.ml.columns import Column, SqlType, select_list

MISSING = object()
"""Instead of an answer: the source has no value, rather than one that can't be cast."""


def cast(sql_type: SqlType, text: str | None) -> object:
    column = Column("a", sql_type)
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
        ("1e3", 1000),
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
        ("VARCHAR", "", ""),
        ("VARCHAR", "nan", "nan"),
        ("VARCHAR", None, MISSING),
    ],
)
def test_other_types(sql_type: SqlType, text: str | None, value: object):
    assert cast(sql_type, text) is value or cast(sql_type, text) == value


def test_a_column_that_the_source_lacks_is_null_and_has_its_type():
    columns = [Column("a", "BIGINT"), Column('odd "name"', "VARCHAR"), Column("c", "DOUBLE")]
    with duckdb.connect() as connection:
        source = connection.sql("""select '1' as a, 'x' as "odd ""name"" " """)
        result = source.project(select_list(columns, ["a"]))
        assert result.fetchall() == [(1, None, None)]
        assert list(map(str, result.types)) == ["BIGINT", "VARCHAR", "DOUBLE"]
