"""Numbers and booleans of source values: exact, and read as a whole or not at all."""

import math
import re
import string
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mlops_assets.ml.contracts.columns import Column, SqlType

BIGGEST, SMALLEST = 2**63 - 1, -(2**63)
SPELLINGS = st.text(alphabet="0123456789+-._eExXbB \t\n٣５", max_size=12)
NUMBER = re.compile(r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?|[+-]?(?i:inf|infinity)")
INTEGER = re.compile(r"([+-]?[0-9]+)([.]0*)?")
EXAMPLES = settings.default.max_examples if settings.get_current_profile_name() == "many" else 30
"""`pytest --hypothesis-profile=many` runs more examples."""
slow = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=EXAMPLES)


def cast(sql_type: SqlType, values: Sequence[object], kind: pa.DataType | None = None) -> list[object]:
    """The cast of values of one Arrow type; by default of texts."""
    column = Column("a", sql_type)
    table = pa.table({"a": pa.array(values, kind or pa.string())})
    with duckdb.connect() as connection:
        source = connection.from_arrow(table)
        known = column.cast_sql(str(source.types[0]))
        rows = source.project(f"{column.cast_sql()}, {known}").fetchall()
    assert [repr(value) for value, _ in rows] == [repr(value) for _, value in rows], "with the type known"
    return [value for value, _ in rows]


def cast_sql(sql_type: SqlType, value: str) -> object:
    """The cast of a value that is given in SQL."""
    column = Column("a", sql_type)
    with duckdb.connect() as connection:
        source = connection.sql(f"select {value} as a")
        known = column.cast_sql(str(source.types[0]))
        [(found, same)] = source.project(f"{column.cast_sql()}, {known}").fetchall()
    assert repr(found) == repr(same), "with the type known"
    return found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9007199254740993.0", 9007199254740993),
        ("9223372036854775807.", BIGGEST),
        ("-9223372036854775808.00", SMALLEST),
        ("-9223372036854775809", None),
        ("000000000000000000000000000000000007", 7),
        ("\t+5\r\n", 5),
        ("\u00a05", None),
        ("-0", 0),
        ("++5", None),
        ("- 5", None),
        ("1_000", None),
        ("1_0.0", None),
        ("0x10", None),
        ("0b1", None),
        ("1e3", None),
        ("1.23457E+12", None),
        ("5.5", None),
        (".0", None),
        (".5", None),
        ("٥", None),
        ("５", None),
        ("epoch", None),
        ("true", None),
        ("1,000", None),
    ],
)
def test_an_integer_in_text_keeps_all_digits_or_is_not_valid(text: str, value: int | None):
    assert cast("BIGINT", [text]) == [value]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("+5", 5.0),
        ("5.", 5.0),
        (".5", 0.5),
        ("\t5\n", 5.0),
        ("1E+3", 1000.0),
        ("1e400", math.inf),
        ("-1e400", -math.inf),
        ("1e-400", 0.0),
        ("+Infinity", math.inf),
        ("INF", math.inf),
        ("infin", None),
        ("1_000", None),
        ("1_0.5", None),
        ("1e1_0", None),
        ("0x10", None),
        ("1d", None),
        ("1e3.5", None),
        ("-nan", None),
        ("nan(1)", None),
        (".", None),
        ("٥", None),
        ("epoch", None),
        ("9007199254740993", 9007199254740992.0),
    ],
)
def test_a_number_in_text_is_read_as_a_whole(text: str, value: float | None):
    assert cast("DOUBLE", [text]) == [value]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, True) for text in ("true", "True", "TRUE", "t", "yes", "Y", "1", "1.0", " true ", "\tT\n")),
        *((text, False) for text in ("false", "False", "F", "no", "N", "0", "0.0", "0.", " 0 ")),
        *((text, None) for text in ("2", "0.5", "-1", "01", "1.5", "on", "off", "", "yess", "1e0", "nan")),
    ],
)
def test_a_boolean_in_text_is_one_of_a_documented_set(text: str, value: bool | None):
    assert cast("BOOLEAN", [text]) == [value]


@pytest.mark.parametrize(
    ("value", "integer", "number", "boolean"),
    [
        ("1::tinyint", 1, 1.0, True),
        ("200::utinyint", 200, 200.0, None),
        ("18446744073709551615::ubigint", None, 18446744073709551616.0, None),
        ("9223372036854775807::ubigint", BIGGEST, 9223372036854775808.0, None),
        ("170141183460469231731687303715884105727::hugeint", None, 2.0**127, None),
        ("9007199254740993::hugeint", 9007199254740993, 9007199254740992.0, None),
        ("'123456789012345678901234567890'::bignum", None, 1.2345678901234568e29, None),
        ("9007199254740993.0000000000::decimal(38, 10)", 9007199254740993, 9007199254740992.0, None),
        ("9007199254740993.0000000001::decimal(38, 10)", None, 9007199254740994.0, None),
        ("1.0000000000000000000001::decimal(38, 22)", None, 1.0, None),
        ("1.00::decimal(5, 2)", 1, 1.0, True),
        ("0.50::decimal(5, 2)", None, 0.5, None),
        ("9007199254740991::double", 9007199254740991, 9007199254740991.0, None),
        ("9007199254740992::double", None, 9007199254740992.0, None),
        ("-9007199254740992::double", None, -9007199254740992.0, None),
        ("16777215::float", 16777215, 16777215.0, None),
        ("16777216::float", None, 16777216.0, None),
        ("0.1::float", None, 0.10000000149011612, None),
        ("3.5::double", None, 3.5, None),
        ("-0.0::double", 0, 0.0, False),
        ("1e300::double", None, 1e300, None),
        ("'inf'::double", None, math.inf, None),
        ("'nan'::double", None, None, None),
        ("'nan'::float", None, None, None),
        ("true", 1, 1.0, True),
        ("'0'::json", 0, 0.0, False),
        ("'1'::enum('1', 'x')", 1, 1.0, True),
        ("date '2025-01-01'", None, None, None),
        ("timestamp '2025-01-01'", None, None, None),
        ("time '01:00'", None, None, None),
        ("interval 1 day", None, None, None),
        ("[1]", None, None, None),
        ("{'a': 1}", None, None, None),
    ],
)
def test_a_value_of_any_type_is_cast_exactly(value: str, integer: object, number: object, boolean: object):
    assert cast_sql("BIGINT", value) == integer
    assert cast_sql("DOUBLE", value) == number
    assert cast_sql("BOOLEAN", value) is boolean


@pytest.mark.parametrize("sql_type", ["BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMP", "DATE", "VARCHAR"])
@pytest.mark.parametrize("kind", ["float", "double"])
def test_nan_of_a_floating_point_column_is_missing_in_every_type(sql_type: SqlType, kind: str):
    column = Column("a", sql_type)
    with duckdb.connect() as connection:
        source = connection.sql(f"select 'nan'::{kind} as a")
        assert source.project(f"{column.cast_sql()}, {column.is_null_sql()}").fetchall() == [(None, True)]


@slow
@given(st.lists(SPELLINGS, min_size=1, max_size=50))
@example(["1_000", "0x1F", "1e5", "5.", ".5", " 7\n", "-9223372036854775808.0", "+"])
def test_integers_in_text_equal_those_of_python(texts: list[str]):
    expected = []
    for text in texts:
        match = INTEGER.fullmatch(text.strip(string.whitespace))
        value = int(match[1]) if match else None
        expected.append(value if value is not None and SMALLEST <= value <= BIGGEST else None)
    assert cast("BIGINT", texts) == expected


@slow
@given(st.lists(SPELLINGS | st.floats().map(repr) | st.decimals().map(str), min_size=1, max_size=50))
@example(["1_000", "0x1F", "1e5", "5.", ".5", " 7\n", "2.2250738585072011e-308", "9007199254740993", "1e999"])
def test_numbers_in_text_equal_those_of_python(texts: list[str]):
    stripped = [text.strip(string.whitespace) for text in texts]
    assert cast("DOUBLE", texts) == [float(text) if NUMBER.fullmatch(text) else None for text in stripped]


@slow
@given(st.lists(st.integers(-(10**38) + 1, 10**38 - 1), min_size=1, max_size=50), st.integers(0, 38))
@example([90071992547409930000000000, 90071992547409930000000001], 10)
@example([9007199254740993, 123456789012345678], 4)
def test_decimals_are_integers_or_the_nearest_double_as_in_python(digits: list[int], scale: int):
    values = [Decimal(f"{number}E-{scale}") for number in digits]
    exact = [Fraction(number, 10**scale) for number in digits]
    kind = pa.decimal128(38, scale)
    is_id = [value.denominator == 1 and SMALLEST <= value <= BIGGEST for value in exact]
    assert cast("BIGINT", values, kind) == [
        int(value) if kept else None for value, kept in zip(exact, is_id, strict=True)
    ]
    assert cast("DOUBLE", values, kind) == [float(value) for value in exact]


@slow
@given(st.lists(st.floats() | st.integers(-(2**60), 2**60).map(float), min_size=1, max_size=50))
def test_doubles_are_integers_where_no_other_integer_has_the_same_double(values: list[float]):
    expected = [int(value) if abs(value) < 2**53 and value.is_integer() else None for value in values]
    assert cast("BIGINT", values, pa.float64()) == expected


@slow
@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50))
def test_unsigned_integers_are_exact_or_out_of_range(values: list[int]):
    assert cast("BIGINT", values, pa.uint64()) == [value if value <= BIGGEST else None for value in values]
    assert cast("DOUBLE", values, pa.uint64()) == [float(value) for value in values]


@slow
@given(st.lists(st.integers(-(2**127) + 1, 2**127 - 1), min_size=1, max_size=20))
@example([-(2**127) + 1, 2**100 + 2**47 + 1, 2**53 + 1])
def test_integers_of_128_bits_are_the_nearest_double(values: list[int]):
    column = Column("a", "DOUBLE")
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select {column.cast_sql()} from (select unnest($1::varchar[])::hugeint as a)",
            [[str(value) for value in values]],
        ).fetchall()
    assert [found for (found,) in rows] == [float(value) for value in values]
