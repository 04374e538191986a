"""Partition dates: the partition of a file by the date in its path, and of a row by its time."""

from datetime import UTC, datetime

import duckdb
import pytest

from mlops_assets.core.periods import Cadence, Periods
from mlops_assets.ml.contracts.time_sql import TimeText
from mlops_assets.stores.files.source_file import FoundFile
from mlops_assets.stores.sources.partition_dates import (
    date_files,
    enumerated,
    late_rows,
    newest_period,
    period_of,
    period_sql,
)

MONTHS = Periods("monthly", "2025-01")
JUNE = datetime(2025, 6, 15, tzinfo=UTC)


def listed(*names: str) -> list[FoundFile]:
    return [FoundFile(name, f"/data/{name}", 1, 1) for name in names]


@pytest.mark.parametrize(
    ("cadence", "name", "partition"),
    [
        ("monthly", "transactions_2025-03.csv", "2025-03"),
        ("monthly", "transactions_202503.csv", "2025-03"),
        ("monthly", "2025/2025-03-14_part2.csv", "2025-03"),
        ("monthly", "month=2025-03/x.parquet", "2025-03"),
        ("monthly", "2024-12/2025-03.csv", "2025-03"),
        ("monthly", "2024-12/2025-03/x.csv", "2025-03"),
        ("monthly", "x.csv", None),
        ("monthly", "2025/x.csv", None),
        ("weekly", "2025-03-14.csv", "2025-03-10"),
        ("daily", "20250314.csv.gz", "2025-03-14"),
        ("daily", "2025-03-14/2025-03.csv", "2025-03-14"),
        ("daily", "2025-03.csv", None),
    ],
)
def test_the_last_part_of_the_path_with_a_date_decides(cadence: Cadence, name: str, partition: str | None):
    assert period_of(name, Periods(cadence, "2020-01-01")) == partition


def test_files_are_assigned_to_partitions_and_the_others_are_reported():
    found = date_files(
        listed("2025-02.csv", "2025-01.csv", "2024-12.csv", "2025-07.csv", "x.csv"), MONTHS, JUNE
    )
    assert {key: [file.name for file in files] for key, files in found.by_partition.items()} == {
        "2025-01": ["2025-01.csv"],
        "2025-02": ["2025-02.csv"],
    }
    assert found.undated == ("x.csv",)
    assert found.left_out == (
        "2024-12.csv: dated before 2025-01, the first partition",
        "2025-07.csv: dated after 2025-06, the newest partition",
    )


@pytest.mark.parametrize(
    ("cadence", "names", "message"),
    [
        ("monthly", ["2025-01.csv", "2025-04.csv"], "no file for 2025-02, 2025-03, although later"),
        ("monthly", ["2025-01.csv", "2025-03.csv"], "If it has no events, add a file with a header only"),
        (
            "daily",
            ["2025-03-14.csv", "2025-03-17.csv"],
            "If it has no events, declare `partitions.cadence: weekdays`",
        ),
        ("daily", ["2025-03-13.csv", "2025-03-17.csv"], "If it has no events, add a file with a header only"),
    ],
)
def test_partitions_without_a_file_between_others_are_reported(
    cadence: Cadence, names: list[str], message: str
):
    [reported] = date_files(
        listed(*names), Periods(cadence, "2025-01-01" if cadence == "daily" else "2025-01"), JUNE
    ).left_out
    assert message in reported


def test_no_partition_lacks_a_file():
    working_days = listed("2025-03-14.csv", "2025-03-17.csv")
    assert date_files(working_days, Periods("weekdays", "2025-03-03"), JUNE).left_out == ()
    assert date_files([], MONTHS, JUNE).left_out == ()


def test_without_periods_all_files_are_one_partition():
    assert date_files(listed("x.csv", "2025-01.csv"), None, JUNE).by_partition == {
        None: listed("x.csv", "2025-01.csv")
    }
    assert date_files([], None, JUNE).by_partition == {}


@pytest.mark.parametrize(
    ("time", "partition"),
    [
        ("'2025-03-31 23:59:59'", "2025-03"),
        ("date '2025-02-01'", "2025-02"),
        ("'2024-12-31'", "2025-01"),
        ("'soon'", "2025-01"),
        ("null", "2025-01"),
        ("'infinity'", "2025-01"),
        ("20250301", "2025-01"),
        ("'2025-06-30 23:59:59'", "2025-06"),
        ("'2025-07-01'", None),
        ("timestamptz '2025-02-28 23:30:00-05'", "2025-03"),
    ],
)
def test_a_row_has_the_partition_of_its_time_and_none_after_the_newest(time: str, partition: str | None):
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'Asia/Tokyo'")
        row = connection.sql(f"select {time} as at")
        [(found,)] = row.project(f"{period_sql(row, 'AT', MONTHS, '2025-06')}").fetchall()
    assert found == partition


@pytest.mark.parametrize(
    ("time", "partition"),
    [
        ("'2025-03-14 23:59'", "2025-03-14"),
        ("'2025-03-15'", "2025-03-14"),
        ("'2025-03-16 23:59'", "2025-03-14"),
        ("'2025-03-17'", "2025-03-17"),
        ("'2025-03-01'", "2025-03-03"),
    ],
)
def test_a_row_of_a_weekend_is_in_the_partition_of_the_friday(time: str, partition: str):
    with duckdb.connect() as connection:
        row = connection.sql(f"select {time} as at")
        key = period_sql(row, "at", Periods("weekdays", "2025-03-03"), None)
        assert row.project(key).fetchall() == [(partition,)]


def test_a_table_without_the_column_is_in_the_first_partition():
    with duckdb.connect() as connection:
        row = connection.sql("select 1 as a")
        assert row.project(period_sql(row, "at", MONTHS, None)).fetchall() == [("2025-01",)]


def test_the_newest_period_is_not_after_the_last_one():
    assert newest_period(MONTHS, JUNE) == "2025-06"
    assert newest_period(Periods("monthly", "2025-01", "2025-03"), JUNE) == "2025-03"


def test_messages_name_three_files_and_count_rows():
    assert enumerated(["a", "b", "c"]) == "a, b, c"
    assert enumerated(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert late_rows(0, "at", "2025-06") == ()
    assert late_rows(1, "at", "2025-06") == ("1 row: at is after 2025-06, the newest partition",)
    assert late_rows(2, "at", "2025-06") == ("2 rows: at is after 2025-06, the newest partition",)


@pytest.mark.parametrize(
    ("time", "zone", "partition"),
    [
        ("'2025-03-01 00:30'", "Europe/Berlin", "2025-02"),
        ("'2025-02-28 20:00'", "America/New_York", "2025-03"),
        ("'2025-03-01 00:30:00Z'", "Europe/Berlin", "2025-03"),
        ("'2025-03-01'", "Europe/Berlin", "2025-03"),
        ("date '2025-03-01'", "Europe/Berlin", "2025-03"),
        ("timestamp '2025-03-01 00:30:00'", "Europe/Berlin", "2025-02"),
        ("'2025-10-26 02:30'", "Europe/Berlin", "2025-10"),
        ("'2025-03-30 02:30'", "Europe/Berlin", "2025-03"),
        ("'2025-04-06 01:45'", "Australia/Lord_Howe", "2025-04"),
    ],
)
def test_a_row_has_the_partition_in_utc_of_a_time_in_a_zone(time: str, zone: str, partition: str):
    with duckdb.connect() as connection:
        row = connection.sql(f"select {time} as at")
        assert row.project(period_sql(row, "at", MONTHS, "2025-12", TimeText(zone))).fetchall() == [
            (partition,)
        ]
