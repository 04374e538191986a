"""Formats of columns: which are valid, and what their texts are worth, by known answers."""

import string

import duckdb
import pytest

from mlops_assets.core.errors import ProjectError
from mlops_assets.core.sql_quoting import UTC_SESSION
from mlops_assets.ml.contracts.cast_rules import rules_sql
from mlops_assets.ml.contracts.column_format import ColumnFormat, has_time_of_day, time_format_problem
from mlops_assets.ml.contracts.columns import Column, SqlType, format_attributes


def cast(column: Column, value: object, kind: str = "varchar") -> object:
    with duckdb.connect() as connection:
        connection.execute(UTC_SESSION)
        query = f"select {column.cast_sql()} from (select $1::{kind} as a)"
        [(found,)] = connection.execute(query, [value]).fetchall()
    return found


def times(written: str, zone: str = "UTC", sql_type: SqlType = "TIMESTAMP") -> Column:
    return Column("a", sql_type, format=written, time_zone=zone)


@pytest.mark.parametrize(
    ("written", "value", "read"),
    [
        ("%m/%d/%Y %H:%M", "12/1/2010 8:26", "2010-12-01 08:26:00"),
        ("%m/%d/%Y %H:%M", " 12/1/2010 8:26 ", "2010-12-01 08:26:00"),
        ("%m/%d/%Y %H:%M", "13/1/2010 8:26", "None"),
        ("%m/%d/%Y %H:%M", "12/1/2010 8:26 PM", "None"),
        ("%m/%d/%Y %H:%M", "2010-12-01 08:26", "None"),
        ("%d.%m.%Y", "31.12.2024", "2024-12-31 00:00:00"),
        ("%d.%m.%Y", "31.12.24", "None"),  # DuckDB reads the year 24
        ("%d.%m.%y", "31.12.24", "2024-12-31 00:00:00"),
        ("%Y%m%dT%H%M%S", "20141013T083000", "2014-10-13 08:30:00"),
        ("%d/%b/%Y:%H:%M:%S %z", "31/Jan/2024:10:00:00 +0100", "2024-01-31 09:00:00"),
        ("epoch_s", "1735689600.5", "2025-01-01 00:00:00.500000"),
        ("epoch_s", "-1", "1969-12-31 23:59:59"),
        ("epoch_ms", "1735689600123", "2025-01-01 00:00:00.123000"),
        ("epoch_us", "1735689600123456", "2025-01-01 00:00:00.123456"),
        ("epoch_ns", "1735689600123456789", "2025-01-01 00:00:00.123456"),
        ("epoch_s", "1_0", "None"),
        ("epoch_s", "inf", "None"),
        ("epoch_s", "99999999999999999999", "None"),
        ("epoch_ns", "2025-01-01", "None"),
    ],
)
def test_a_time_is_read_in_its_format_as_a_whole_or_not_at_all(written, value, read):
    assert str(cast(times(written), value)) == read


@pytest.mark.parametrize(
    ("written", "value", "kind", "read"),
    [
        ("%Y%m%d", 20240131, "bigint", "2024-01-31 00:00:00"),
        ("%Y%m%d", 20240131.0, "double", "2024-01-31 00:00:00"),
        ("%Y%m%d", "20240131", "decimal(10, 2)", "2024-01-31 00:00:00"),
        ("%Y%m%d", 20240131.5, "double", "None"),
        ("%Y%m%d", "20240131.0", "varchar", "None"),
        ("epoch_s", 1735689600.25, "double", "2025-01-01 00:00:00.250000"),
        ("%m/%d/%Y", "2024-01-31 10:00:00.5", "timestamp", "2024-01-31 10:00:00.500000"),
        ("%m/%d/%Y", "2024-01-31 10:00:00.123456789", "timestamp_ns", "2024-01-31 10:00:00.123456"),
        ("%m/%d/%Y", "2024-01-31 10:00:00+01", "timestamptz", "2024-01-31 09:00:00"),
    ],
)
def test_a_format_reads_numbers_too_and_times_of_other_types_ignore_it(written, value, kind, read):
    assert str(cast(times(written), value, kind)) == read


def test_a_format_follows_the_zone_of_the_table_unless_it_states_the_offset():
    berlin = times("%d.%m.%Y %H:%M", "Europe/Berlin")
    assert str(cast(berlin, "01.07.2024 10:00")) == "2024-07-01 08:00:00"
    assert cast(berlin, "27.10.2024 02:30") is None
    assert str(cast(times("epoch_s", "Europe/Berlin"), "1735689600")) == "2025-01-01 00:00:00"
    assert (
        str(cast(times("%d.%m.%Y %H:%M %z", "Europe/Berlin"), "01.07.2024 10:00 +0000"))
        == "2024-07-01 10:00:00"
    )
    assert str(cast(times("%d.%m.%Y", "Europe/Berlin", "DATE"), "01.07.2024")) == "2024-07-01"


@pytest.mark.parametrize(
    ("options", "value", "read"),
    [
        ({"unit": "$", "thousands": ","}, "$1,234.50", 1234.5),
        ({"unit": "$", "thousands": ","}, "-$1,234.50", -1234.5),
        ({"unit": "$", "thousands": ","}, "$ -7", -7.0),
        ({"unit": "$", "thousands": ","}, "7", None),
        ({"unit": "$", "thousands": ","}, "€7", None),
        ({"unit": "$", "thousands": ","}, "$1,23.5", None),
        ({"unit": "$", "thousands": ","}, "-$-5", None),
        ({"unit": "€", "decimal": ",", "thousands": "."}, "1.234,50 €", 1234.5),
        ({"unit": "€", "decimal": ",", "thousands": "."}, "7,5\u00a0€", 7.5),
        ({"unit": "%"}, "7 %", 7.0),
        ({"unit": "%"}, "12.5%", 12.5),
        ({"unit": "%"}, "0.07", None),
        ({"unit": "km"}, "12 km", 12.0),
        ({"unit": "km"}, "12 kmh", None),
        ({"unit": "km"}, "12 km5", None),
        ({"parentheses": True, "thousands": ","}, "(1,000)", -1000.0),
        ({"parentheses": True}, "3.5", 3.5),
        ({"parentheses": True}, "(-5)", None),
        ({"parentheses": True, "unit": "$"}, "($7.25)", -7.25),
    ],
)
def test_a_number_is_read_with_its_unit_and_marks_as_a_whole_or_not_at_all(options, value, read):
    assert cast(Column("a", "DOUBLE", **options), value) == read


def test_a_number_that_is_no_text_ignores_the_format():
    assert cast(Column("a", "DOUBLE", unit="$", decimal=","), 5.5, "double") == 5.5
    assert cast(Column("a", "BIGINT", unit="km"), "12 km") == 12


def test_the_rule_of_a_value_in_another_format_names_the_format():
    columns = (times("%d.%m.%Y"), Column("b", "DOUBLE", unit="%"))
    query = f"select {rules_sql(columns, ['a', 'b'])} from (select '1/2/2024' as a, '7' as b)"
    with duckdb.connect() as connection:
        [(rules,)] = connection.execute(query).fetchall()
    assert rules == ["a: format(%d.%m.%Y)", "b: format(1234.5 %)"]


def test_every_accepted_directive_is_one_of_duckdb():
    with duckdb.connect() as connection:
        for letter in string.ascii_letters:
            for directive in (f"%{letter}", f"%-{letter}"):
                if not time_format_problem(f"%Y {directive} %p"):
                    connection.execute(f"select try_strptime('1', '{directive}')")


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("%d.%m.%Y", ""),
        ("epoch_ms", ""),
        ("dd.mm.yyyy", "is neither a format of times"),
        ("epoch", "is neither a format of times"),
        ("%d.%m.", "has no year"),
        ("%d.%m.%Y %Q", "has %Q, which is not a directive"),
        ("%d.%m.%Y %", "has %, which is not a directive"),
        ("%d.%m.%Y %H:%M %Z", "has %Z, names of zones"),
        ("%d.%m.%Y %I:%M", "has %I, hours up to 12, without %p"),
    ],
)
def test_an_invalid_format_of_times_has_a_reason(written, problem):
    found = time_format_problem(written)
    assert found.startswith(problem)
    assert bool(found) == bool(problem)


def test_a_format_has_a_time_of_day_if_one_of_its_directives_has():
    written = ("%d.%m.%Y %H:%M", "epoch_s", "%d.%m.%Y")
    assert [has_time_of_day(each) for each in written] == [True, True, False]


@pytest.mark.parametrize(
    "declared", ["%d.%m.%Y", {"unit": "$", "thousands": ","}, {"parentheses": True}, {"decimal": ","}]
)
def test_a_format_is_restored_from_its_setting(declared):
    assert ColumnFormat.from_settings(declared).to_settings() == declared


@pytest.mark.parametrize(
    ("sql_type", "declared", "message"),
    [
        ("VARCHAR", "%d.%m.%Y", "has a format of times, '%d.%m.%Y', and is object in schema.py"),
        ("DOUBLE", "%d.%m.%Y", "has a format of times, '%d.%m.%Y', and is float64 in schema.py"),
        ("TIMESTAMP", {"unit": "$"}, "has a format of numbers, {'unit': '$'}, and is datetime64"),
    ],
)
def test_a_format_that_contradicts_the_type_is_an_error(sql_type, declared, message):
    with pytest.raises(ProjectError) as caught:
        format_attributes("a", sql_type, ColumnFormat.from_settings(declared), (".", ""), "shop: table rows")
    assert f"shop: table rows: column a {message}" in str(caught.value)


def test_the_marks_of_a_format_replace_those_of_the_table():
    given = ColumnFormat(unit="$", decimal=".")
    assert format_attributes("a", "DOUBLE", given, (",", "."), "shop") == {
        "decimal": ".",
        "thousands": ".",
        "unit": "$",
        "parentheses": False,
    }
