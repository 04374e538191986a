"""Periods: days, working days, weeks from Monday and months, with keys that sort chronologically."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.core.errors import ProjectError
from mlops_assets.core.periods import Periods

CADENCES = st.sampled_from(["daily", "weekdays", "weekly", "monthly"])
DAYS = st.dates(date(1990, 1, 1), date(2090, 12, 31))
STEPS = st.integers(-200, 200)


def of(cadence: str) -> Periods:
    return Periods.of(cadence, "2024-01-01")


@given(CADENCES, DAYS, DAYS)
def test_keys_sort_chronologically(cadence: str, one: date, other: date):
    periods = of(cadence)
    keys = [periods.key_of(day) for day in sorted([one, other])]
    assert keys == sorted(keys)
    assert (keys[0] == keys[1]) == (periods.start_of(keys[0]) == periods.start_of(keys[1]))


@given(CADENCES, DAYS)
def test_a_period_contains_its_days_and_ends_where_the_next_one_starts(cadence: str, day: date):
    periods = of(cadence)
    key = periods.key_of(day)
    timestamp = datetime(day.year, day.month, day.day, 23, 59, 59)
    assert periods.start_of(key) <= timestamp < periods.end_of(key)
    assert periods.key_of(timestamp) == key
    assert periods.key_of(periods.end_of(key)) == periods.shift(key, 1)
    assert periods.key_of(periods.end_of(key) - timedelta(microseconds=1)) == key
    assert periods.is_key(key)
    assert periods.find(f"sales {key}.csv") == key


@given(CADENCES, DAYS, STEPS, STEPS)
def test_shifts_are_invertible_and_additive(cadence: str, day: date, one: int, other: int):
    periods = of(cadence)
    key = periods.key_of(day)
    assert periods.shift(periods.shift(key, one), -one) == key
    assert periods.shift(periods.shift(key, one), other) == periods.shift(key, one + other)
    assert (periods.shift(key, one) > key) == (one > 0)


@given(CADENCES, DAYS, st.integers(-3, 60))
def test_between_returns_every_key_of_the_range(cadence: str, day: date, count: int):
    periods = of(cadence)
    first = periods.key_of(day)
    found = periods.between(first, periods.shift(first, count))
    assert found == [periods.shift(first, by) for by in range(count + 1)]


@pytest.mark.parametrize(
    ("cadence", "text", "key"),
    [
        ("monthly", "sales-2025-03.csv", "2025-03"),
        ("monthly", "202503.csv", "2025-03"),
        ("monthly", "2025-03-31_sales.parquet", "2025-03"),
        ("monthly", "v1_20250331T1200.csv", "2025-03"),
        ("monthly", "sales-2025-13.csv", None),
        ("monthly", "part-12345678.csv", None),
        ("monthly", "sales.csv", None),
        ("daily", "2025-03-31.csv", "2025-03-31"),
        ("daily", "20250228.csv", "2025-02-28"),
        ("daily", "2025-02-29, 2025-03-01", "2025-03-01"),
        ("daily", "2025-03.csv", None),
        ("daily", "2025-0331.csv", None),
        ("weekdays", "2025-03-28.csv", "2025-03-28"),
        ("weekdays", "2025-03-29.csv", "2025-03-28"),
        ("weekdays", "2025-03-30.csv", "2025-03-28"),
        ("weekdays", "2025-03-31.csv", "2025-03-31"),
        ("weekly", "2025-04-06.csv", "2025-03-31"),
        ("weekly", "2025-03-31.csv", "2025-03-31"),
        ("weekly", "2025-01-01.csv", "2024-12-30"),
    ],
)
def test_the_first_date_of_a_name_determines_the_period(cadence: str, text: str, key: str | None):
    assert of(cadence).find(text) == key


def test_a_friday_lasts_until_monday():
    days = of("weekdays")
    assert days.shift("2025-03-28", 1) == "2025-03-31"
    assert days.shift("2025-03-31", -6) == "2025-03-21"
    assert days.end_of("2025-03-28") == datetime(2025, 3, 31)
    assert "2025-03-29" not in days
    assert days.newest(datetime(2025, 3, 30, 23)) == "2025-03-27", "the Friday has not ended"


def test_a_whole_text_must_be_a_date():
    assert of("monthly").find("2025-03", whole=True) == "2025-03"
    assert of("monthly").find("2025-03.csv", whole=True) is None


def test_periods_include_those_of_the_start_and_of_the_end():
    weeks = Periods.of("weekly", "2025-04-03", "2025-04-20")
    assert (weeks.first, weeks.last) == ("2025-03-31", "2025-04-14")
    assert "2025-03-31" in weeks
    assert "2025-04-14" in weeks
    assert "2025-03-24" not in weeks
    assert "2025-04-21" not in weeks
    assert "2025-04-03" not in weeks, "a Thursday is not a key"
    assert "2099-01-05" in Periods.of("weekly", "2025-04-03")


@pytest.mark.parametrize(
    ("cadence", "text", "shape"),
    [
        ("monthly", "soon", "2025-03"),
        ("daily", "2025-03", "2025-03-31"),
        ("weekly", "2025-02-30", "2025-03-31"),
    ],
)
def test_an_invalid_start_is_an_error_that_shows_the_format(cadence: str, text: str, shape: str):
    with pytest.raises(
        ProjectError, match=f"{text} is not a valid start or end of {cadence} partitions"
    ) as caught:
        Periods.of(cadence, text)
    assert caught.value.hint == f"write it as {shape}"


def test_an_end_before_the_start_is_an_error():
    with pytest.raises(
        ProjectError, match="the end of the partitions, 2025-02, is before their start, 2025-03"
    ):
        Periods.of("monthly", "2025-03", "2025-02")


def test_the_newest_period_is_completed_and_at_most_the_last():
    timestamp = datetime(2025, 3, 1)
    assert of("monthly").newest(timestamp) == "2025-02"
    assert of("monthly").newest(datetime(2025, 2, 28, 23, 59)) == "2025-01"
    assert of("daily").newest(timestamp) == "2025-02-28"
    assert of("weekly").newest(datetime(2025, 3, 3)) == "2025-02-24"
    assert Periods.of("monthly", "2024-01", "2024-06").newest(timestamp) == "2024-06"


def test_a_range_includes_both_bounds():
    months = Periods.of("monthly", "2024-01", "2024-12")
    assert months.parse_range("2024-06..2024-08") == ["2024-06", "2024-07", "2024-08"]
    assert months.parse_range(" 2024-06 .. 2024-06 ") == ["2024-06"]
    assert months.parse_range("2024-06") == ["2024-06"]


@pytest.mark.parametrize("text", ["2023-12", "2025-01", "2024-06-01", "june", "", "2024-06..", "..2024-06"])
def test_a_range_outside_the_partitions_is_an_error_that_names_them(text: str):
    with pytest.raises(ProjectError, match="partitions are monthly, from 2024-01 to 2024-12") as caught:
        Periods.of("monthly", "2024-01", "2024-12").parse_range(text)
    assert "2024-01..2024-03" in str(caught.value)


def test_a_reversed_range_is_an_error_with_the_correct_range_as_a_hint():
    with pytest.raises(ProjectError, match="ends before it starts") as caught:
        of("monthly").parse_range("2024-08..2024-06")
    assert caught.value.hint == "write it as 2024-06..2024-08"
