#!/usr/bin/env bash
# duckdb 2.0.0, pandas 2.3.3, Python 3.11 (November 2026)
#
# What one expects: a local time that occurs twice, because the clocks were set back, is an error as in pandas, or the earlier
# one as in Python's datetime (fold=0). What happens: DuckDB's timezone(zone, time), also written AT TIME ZONE, takes the later
# one without a word, so a query and a script date the rows of this hour one hour apart.
#
#   2025-10-26 02:30 in Berlin: duckdb 01:30 UTC, datetime 00:30 UTC, pandas raises
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0 pandas==2.3.3 tzdata pytz
"$folder/venv/bin/python" - <<'PYTHON'
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd

query = "select timezone('UTC', timestamp '2025-10-26 02:30:00' at time zone 'Europe/Berlin')"
[(in_sql,)] = duckdb.execute(query).fetchall()
in_python = datetime(2025, 10, 26, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
try:
    in_pandas = pd.Timestamp("2025-10-26 02:30").tz_localize("Europe/Berlin")
except Exception as error:
    in_pandas = f"raises {type(error).__name__}"
print(f"duckdb {in_sql:%H:%M} UTC, datetime {in_python:%H:%M} UTC, pandas {in_pandas}")
assert (f"{in_sql:%H:%M}", f"{in_python:%H:%M}") == ("01:30", "00:30")
assert str(in_pandas).startswith("raises")
PYTHON
