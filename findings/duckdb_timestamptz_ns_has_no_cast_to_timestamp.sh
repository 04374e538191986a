#!/usr/bin/env bash
# duckdb 2.0.0, pandas 2.3.3, pyarrow 25.0.1, Python 3.11 (November 2026)
#
# What one expects: a column of zoned times that pandas wrote to Parquet can be cast to TIMESTAMP in DuckDB, whatever its
# unit, as it can to DATE.
# What happens: pandas writes zoned times in nanoseconds by default, DuckDB 2.0 reads them as its new type TIMESTAMPTZ_NS,
# and that type has casts to DATE, TIMESTAMP_S, TIMESTAMP_NS and VARCHAR, but none to TIMESTAMP. `cast` raises, and
# `try_cast`, which answers null for a value that can't be cast, answers null for *every* value: a whole column of valid
# times is lost without an error. The same column in microseconds casts. Through TIMESTAMP_NS there is a way.
#
#   ns: typeof(t) = TIMESTAMPTZ_NS, try_cast(t as timestamp): null; t::timestamp_ns::timestamp: 2025-01-01 08:00:00
#       cast(t as timestamp): Conversion Error: Unimplemented type for cast (TIMESTAMPTZ_NS -> TIMESTAMP)
#   us: typeof(t) = TIMESTAMP WITH TIME ZONE, try_cast(t as timestamp): 2025-01-01 08:00:00
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0 pandas==2.3.3 pyarrow==25.0.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import duckdb
import pandas as pd

times = pd.Series(pd.to_datetime(["2025-01-01 10:00:00+02:00"], utc=True))
times.to_frame("t").to_parquet("ns.parquet")
times.astype("datetime64[us, UTC]").to_frame("t").to_parquet("us.parquet")
connection = duckdb.connect()
connection.execute("set TimeZone = 'UTC'")


def outcome(unit, expression):
    try:
        return str(connection.execute(f"select {expression} from '{unit}.parquet'").fetchone()[0])
    except duckdb.Error as error:
        return str(error).splitlines()[0]


for unit in ("ns", "us"):
    print(unit, outcome(unit, "typeof(t)"), "|", outcome(unit, "try_cast(t as timestamp)"))
assert outcome("ns", "typeof(t)") == "TIMESTAMPTZ_NS"
missing = "Unimplemented type for cast (TIMESTAMPTZ_NS -> TIMESTAMP)"
assert missing in outcome("ns", "cast(t as timestamp)"), outcome("ns", "cast(t as timestamp)")
assert outcome("ns", "try_cast(t as timestamp)") == "None"
assert outcome("ns", "try_cast(t as date)") == "2025-01-01"
assert outcome("ns", "t::timestamp_ns::timestamp") == "2025-01-01 08:00:00"
assert outcome("us", "try_cast(t as timestamp)") == "2025-01-01 08:00:00"
PYTHON
