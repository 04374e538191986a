"""Times without an offset in a declared zone: in UTC, also when the clocks are set forward or back."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pandera.pandas as pa
import pyarrow
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mlops_assets.ml.contracts.cast_rules import broken_sql, rules_sql, typed_sql
from mlops_assets.ml.contracts.columns import Column
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.contracts.time_sql import Ambiguous, TimeText, arrival_sql, date_sql, timestamp_sql

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
CHANGES = {
    BERLIN: ("2025-03-30", "2025-10-26"),
    NEW_YORK: ("2025-03-09", "2025-11-02"),
    LORD_HOWE: ("2025-10-05", "2025-04-06"),
}
"""The days on which the clocks are set forward and back, at Lord Howe by half an hour."""


def evaluate(sql: str, value: str, session_zone: str = "UTC") -> str | None:
    """The text of an expression over a value, given in SQL."""
    with duckdb.connect() as connection:
        connection.execute(f"set TimeZone = '{session_zone}'")
        [(found,)] = connection.execute(f"select ({sql})::varchar from (select {value} as x)").fetchall()
    return found


def expected(time: datetime, zone: str, ambiguous: Ambiguous) -> datetime | None:
    """The timestamp in UTC at which clocks show a time, by Python's `zoneinfo`."""
    folds = [time.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)]
    shown = sorted({each for each in folds if each.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == time})
    if not shown or (len(shown) == 2 and ambiguous == "quarantine"):
        return None
    return shown[-1 if ambiguous == "later" else 0].replace(tzinfo=None)


@pytest.mark.parametrize("session_zone", ["UTC", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize(
    ("value", "zone", "in_utc"),
    [
        ("'2025-01-15 12:00:00'", BERLIN, "2025-01-15 11:00:00"),
        ("'2025-07-15 12:00'", BERLIN, "2025-07-15 10:00:00"),
        ("'2025-07-15T12:00:00.25'", BERLIN, "2025-07-15 10:00:00.25"),
        ("'2025-07-15 01:30 PM'", BERLIN, "2025-07-15 11:30:00"),
        ("'2025-07-15'", BERLIN, "2025-07-14 22:00:00"),
        ("date '2025-07-15'", BERLIN, "2025-07-14 22:00:00"),
        ("timestamp '2025-07-15 12:00:00'", BERLIN, "2025-07-15 10:00:00"),
        ("timestamp_ns '2025-07-15 12:00:00.123456789'", BERLIN, "2025-07-15 10:00:00.123456"),
        ("'2025-07-15 12:00:00+05:00'", BERLIN, "2025-07-15 07:00:00"),
        ("'2025-07-15 12:00:00Z'", BERLIN, "2025-07-15 12:00:00"),
        ("'2025-07-15 12:00:00 America/New_York'", BERLIN, "2025-07-15 16:00:00"),
        ("timestamptz '2025-07-15 12:00:00+00'", BERLIN, "2025-07-15 12:00:00"),
        ("'2025-03-30 01:59:59'", BERLIN, "2025-03-30 00:59:59"),
        ("'2025-03-30 02:00:00'", BERLIN, None),
        ("'2025-03-30 02:59:59.999999'", BERLIN, None),
        ("'2025-03-30 03:00:00'", BERLIN, "2025-03-30 01:00:00"),
        ("'2025-10-26 01:59:59'", BERLIN, "2025-10-25 23:59:59"),
        ("'2025-10-26 02:30:00'", BERLIN, None),
        ("'2025-10-26 02:30:00+02:00'", BERLIN, "2025-10-26 00:30:00"),
        ("'2025-10-26 03:00:00'", BERLIN, "2025-10-26 02:00:00"),
        ("'2025-03-09 02:30'", NEW_YORK, None),
        ("'2025-11-02 01:30'", NEW_YORK, None),
        ("'2025-11-02 02:00'", NEW_YORK, "2025-11-02 07:00:00"),
        ("'2025-10-05 02:15'", LORD_HOWE, None),
        ("'2025-10-05 02:30'", LORD_HOWE, "2025-10-04 15:30:00"),
        ("'2025-04-06 01:29'", LORD_HOWE, "2025-04-05 14:29:00"),
        ("'2025-04-06 01:45'", LORD_HOWE, None),
        ("'2025-04-06 02:00'", LORD_HOWE, "2025-04-05 15:30:00"),
        ("'1890-01-01 00:00'", BERLIN, "1889-12-31 23:06:32"),
        ("'garbage'", BERLIN, None),
        ("'294000-01-01 00:00:00'::timestamp", BERLIN, None),
        ("'infinity'::timestamp", BERLIN, None),
    ],
)
def test_a_time_without_an_offset_is_converted_from_its_zone(value, zone, in_utc, session_zone):
    assert evaluate(timestamp_sql("x", zone), value, session_zone) == in_utc


@pytest.mark.parametrize(
    ("ambiguous", "in_utc"), [("earlier", "2025-10-26 00:30:00"), ("later", "2025-10-26 01:30:00")]
)
def test_a_time_that_occurs_twice_may_be_the_earlier_or_the_later_one(ambiguous: Ambiguous, in_utc: str):
    assert evaluate(timestamp_sql("x", BERLIN, ambiguous), "'2025-10-26 02:30:00'") == in_utc
    assert evaluate(timestamp_sql("x", BERLIN, ambiguous), "'2025-03-30 02:30:00'") is None


@pytest.mark.parametrize("ambiguous", ["quarantine", "earlier", "later"])
@pytest.mark.parametrize("zone", CHANGES)
def test_every_time_near_a_change_of_the_clocks_equals_that_of_zoneinfo(zone: str, ambiguous: Ambiguous):
    for day in CHANGES[zone]:
        start = datetime.fromisoformat(day) - timedelta(hours=6)
        times = [start + timedelta(minutes=5 * step) for step in range(12 * 36)]
        with duckdb.connect() as connection:
            rows = connection.execute(
                f"select {timestamp_sql('x::varchar', zone, ambiguous)} from (select unnest($1) as x)",
                [times],
            ).fetchall()
        assert [found for (found,) in rows] == [expected(time, zone, ambiguous) for time in times]


@hypothesis_settings(deadline=None, max_examples=30)
@given(
    # Later rules differ between the releases of the tz database that DuckDB and Python bring along.
    st.lists(st.datetimes(datetime(1975, 1, 1), datetime(2026, 1, 1)), min_size=1, max_size=50),
    st.sampled_from([*CHANGES, "Africa/Casablanca", "Asia/Kolkata", "America/Sao_Paulo", "Antarctica/Troll"]),
)
def test_times_of_any_zone_equal_those_of_zoneinfo(times: list[datetime], zone: str):
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select {timestamp_sql('x', zone, 'earlier')} from (select unnest($1) as x)", [times]
        ).fetchall()
    assert [found for (found,) in rows] == [expected(time, zone, "earlier") for time in times]


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("'2025-07-15'", "2025-07-15"),
        ("date '2025-07-15'", "2025-07-15"),
        ("'2025-07-15 00:00:00'", "2025-07-15"),
        ("'2025-07-15 00:00:00+02:00'", "2025-07-15"),
        ("timestamptz '2025-07-14 22:00:00+00'", "2025-07-15"),
        ("'2025-07-15 00:00:00Z'", None),
        ("'2025-07-15 12:00:00'", None),
    ],
)
def test_a_date_is_that_of_the_zone(value, date):
    assert evaluate(date_sql("x", BERLIN), value) == date


@pytest.mark.parametrize(
    ("value", "in_utc"),
    [
        ("'2025-07-01'", "2025-07-01 00:00:00"),
        ("date '2025-07-01'", "2025-07-01 00:00:00"),
        ("'2025-07-01 00:30:00'", "2025-06-30 22:30:00"),
        ("'2025-07-01 00:30:00Z'", "2025-07-01 00:30:00"),
        ("timestamptz '2025-07-01 00:30:00+00'", "2025-07-01 00:30:00"),
        ("'2025-10-26 02:30:00'", "2025-10-26 00:30:00"),
        ("'2025-03-30 02:30:00'", "2025-03-30 01:30:00"),
        ("'garbage'", None),
    ],
)
def test_a_row_belongs_to_its_period_even_if_its_time_is_not_valid(value, in_utc):
    assert evaluate(arrival_sql("x", TimeText(BERLIN)), value) == in_utc


def test_the_rule_names_the_change_of_the_clocks():
    texts = ["2025-07-15 12:00", "2025-10-26 02:30", "2025-03-30 02:30", "noon"]
    column = Column("at", "TIMESTAMP", nullable=False, time_zone=BERLIN)
    with duckdb.connect() as connection:
        source = connection.from_arrow(pyarrow.table({"at": texts}))
        rules = rules_sql([column], ["at"])
        typed = source.project(f"{typed_sql([column], ['at'])}, {rules} as rules")
        found = typed.project(f"rules, {broken_sql([column], ['at'])}").fetchall()
    assert found == [
        ([], False),
        (["at: ambiguous(Europe/Berlin)"], True),
        (["at: skipped(Europe/Berlin)"], True),
        (["at: dtype(datetime64[ns])"], True),
    ]


def test_a_contract_gives_its_times_the_zone_and_a_saved_column_keeps_it():
    schema: Any = pa.DataFrameSchema(
        {"at": pa.Column("datetime64[ns]"), "day": pa.Column(pa.Date), "n": pa.Column(int)}
    )
    columns = Contract.of(schema, subject="shop: table orders", clock=(BERLIN, "later")).columns
    assert [(each.name, each.time_zone) for each in columns] == [
        ("at", BERLIN),
        ("day", BERLIN),
        ("n", "UTC"),
    ]
    assert Column(**columns[0].declared()) == columns[0]
    assert "time_zone" not in Column("at", "TIMESTAMP").declared()
