"""Timestamps and dates of source values: read as a whole, in UTC, whatever the machine's time zone."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from mlops_assets.ml.contracts.time_sql import date_sql, timestamp_sql

ZONES = ["UTC", "America/New_York", "Asia/Tokyo", "Europe/Berlin"]


def cast(sql: str, value: str, zone: str = "UTC") -> str | None:
    """The text of a value's cast, the value given in SQL."""
    with duckdb.connect() as connection:
        connection.execute(f"set TimeZone = '{zone}'")
        [(found,)] = connection.execute(f"select ({sql})::varchar from (select {value} as x)").fetchall()
    return found


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-03-16", "2025-03-16 00:00:00"),
        ("2025/3/6", "2025-03-06 00:00:00"),
        ("2025-03-16T13:31", "2025-03-16 13:31:00"),
        (" 2025-03-16 13:31:15.25 ", "2025-03-16 13:31:15.25"),
        ("2025-03-16 13:31:15.123456789", "2025-03-16 13:31:15.123456"),
        ("2025-03-16T13:31:15Z", "2025-03-16 13:31:15"),
        ("2025-03-16 13:31:15-05:00", "2025-03-16 18:31:15"),
        ("2025-03-16 13:31:15+0530", "2025-03-16 08:01:15"),
        ("2025-03-16 13:31:15 +0530", "2025-03-16 08:01:15"),
        ("2025-03-16 13:31+02", "2025-03-16 11:31:00"),
        ("2025-03-16 13:31:15 UTC", "2025-03-16 13:31:15"),
        ("2025-03-16 13:31:15 GMT", "2025-03-16 13:31:15"),
        ("2025-03-16 13:31:15 America/Argentina/Buenos_Aires", "2025-03-16 16:31:15"),
        ("2025-03-16 13:31:15 EST", None),
        ("2025-07-16 13:31:15 BST", None),
        ("2025-03-16 13:31:15 Europe/Nowhere", None),
        ("2025-03-16 13:31:15+99", None),
        ("2025-03-16 13:31:15+05:99", None),
        ("2025-03-16 24:00:00", "2025-03-17 00:00:00"),
        ("2025-07-16 13:31:15 Europe/Berlin", "2025-07-16 11:31:15"),
        ("2025-03-16 01:31:15 PM", "2025-03-16 13:31:15"),
        ("2025-03-16 01:31:15 am", "2025-03-16 01:31:15"),
        ("2025-03-16 12:00 AM", "2025-03-16 00:00:00"),
        ("2025/03/16 1:31:15.5PM", "2025-03-16 13:31:15.5"),
        ("2025-03-16T01:31 PM", "2025-03-16 13:31:00"),
        ("2025-03-16 13:31:15 garbage", None),
        ("2025-03-16 13:31:15 PM", None),
        ("2025-03-16 01:31:15 PM EST", None),
        ("2025-03-16 25:00", None),
        ("2025-02-30", None),
        ("2025-03-16 garbage", None),
        ("20250316", None),
        ("epoch", None),
        ("now", None),
        ("", None),
    ],
)
def test_a_text_is_a_timestamp_as_a_whole_or_not_at_all(text, expected, zone):
    assert cast(timestamp_sql("x"), f"'{text}'", zone) == expected


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("timestamp '2025-03-16 13:31:15'", "2025-03-16 13:31:15"),
        ("timestamp_ns '2025-03-16 13:31:15.123456789'", "2025-03-16 13:31:15.123456"),
        ("timestamp_ms '2025-03-16 13:31:15.5'", "2025-03-16 13:31:15.5"),
        ("timestamp_s '2025-03-16 13:31:15'", "2025-03-16 13:31:15"),
        ("date '2025-03-16'", "2025-03-16 00:00:00"),
        ("timestamptz '2025-03-16 13:31:15-05'", "2025-03-16 18:31:15"),
        ("timestamptz '1850-01-01 00:00:00+00'", "1850-01-01 00:00:00"),
        ("'2025-03-16 13:31:15.123456789-05'::timestamptz_ns", "2025-03-16 18:31:15.123456"),
        ("5", None),
        ("true", None),
        ("time '13:31'", None),
        ("null", None),
    ],
)
def test_a_value_of_any_type_has_one_timestamp_in_every_time_zone(value, expected, zone):
    assert cast(timestamp_sql("x"), value, zone) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("'2025-03-16'", "2025-03-16"),
        ("'2025-03-16 00:00:00'", "2025-03-16"),
        ("timestamp '2025-03-16 00:00:00'", "2025-03-16"),
        ("'2025-03-16 00:00:00+00:00'", "2025-03-16"),
        ("date '9999-12-31'", "9999-12-31"),
        ("'2025-03-16 13:31:15'", None),
        ("'2025-03-16 garbage'", None),
        ("'2025-03-16 00:00:00-05:00'", None),
        ("timestamp '2025-03-16 13:31:15'", None),
        ("7", None),
    ],
)
def test_a_date_has_no_time_of_day(value, expected):
    assert cast(date_sql("x"), value) == expected


SCRIPT = """
import os
import sys
import time
from pathlib import Path
import duckdb
import pandas as pd
import pandera.pandas as pa
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.contracts.validation import validate
from mlops_assets.stores.delta.content_digest import relation_digest
from mlops_assets.stores.warehouse.warehouse import Warehouse

class Orders(pa.DataFrameModel):
    placed: pa.DateTime
    amount: float


def print_rows(folder):
    times = pd.to_datetime(["2025-03-09 06:30", "2025-03-30 01:30", "2025-11-02 05:30"]).tz_localize("UTC")
    rows = pd.DataFrame({"placed": times, "amount": [1.0, 2.0, 3.0]})
    rows.to_parquet(folder / "ns.parquet")
    rows.astype({"placed": "datetime64[us, UTC]"}).to_parquet(folder / "us.parquet")
    rows.to_csv(folder / "text.csv", index=False)
    local = rows["placed"].dt.tz_convert("America/New_York").astype(str)
    rows.assign(placed=local).to_csv(folder / "offset.csv", index=False)
    contract = Contract.of(Orders.to_schema(), subject="orders")
    with Warehouse(folder / "warehouse").connect() as connection:
        for name in ("ns.parquet", "us.parquet", "text.csv", "offset.csv"):
            read = f"'{folder / name}'"
            if name.endswith("csv"):
                read = f"read_csv({read}, all_varchar = true)"
            place = "'f' as _source_file, 'h' as _source_sha256, row_number() over () as _row"
            scratch = folder / name.replace(".", "_")
            scratch.mkdir()
            raw = connection.sql(f"select *, {place} from {read}")
            good, bad = validate(connection, raw, contract, identity=["placed"], scratch=scratch)
            placed = [value.isoformat() for (value,) in good.project("placed").order("placed").fetchall()]
            print(len(placed), len(bad.fetchall()), *placed, relation_digest(good)[1])

for zone in sys.argv[2:]:
    if (child := os.fork()) == 0:  # what is imported knows no time zone yet
        os.environ["TZ"] = zone
        time.tzset()
        print("zone", duckdb.sql("select current_setting('TimeZone')").fetchall()[0][0])
        (place := Path(sys.argv[1]) / zone.replace("/", "_")).mkdir()
        print_rows(place)
        sys.stdout.flush()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, zone
"""


def test_every_file_has_the_same_valid_rows_and_digest_in_every_time_zone(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), *ZONES], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.removeprefix("zone ") for line in lines if line.startswith("zone ")] == ZONES
    found = {line for line in lines if not line.startswith("zone ")}
    [one] = found
    assert one.startswith("3 0 2025-03-09T06:30:00 2025-03-30T01:30:00 2025-11-02T05:30:00 ")
