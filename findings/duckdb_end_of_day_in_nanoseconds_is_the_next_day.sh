#!/usr/bin/env bash
# duckdb 2.0.0, pandas 2.3.3, pyarrow 25.0.1, Python 3.11 (November 2026)
#
# What one expects: the last nanosecond of a day belongs to that day. pandas makes such times: the `end_time` of a Period is
# 23:59:59.999999999, and pandas writes them to Parquet in nanoseconds.
# What happens: DuckDB 2.0 reads the column as TIMESTAMP_NS. Its casts to DATE and TIMESTAMP, and functions that take a
# TIMESTAMP, such as year() and date_trunc(), round to the nearest microsecond: the 31st of December 2024 becomes the year
# 2025, and a filter on the date loses the row. A cast of the same time as text drops the digits instead, and so do pandas
# and Arrow (`dt.floor`, `dt.year`).
#
#   typeof(t) = TIMESTAMP_NS, t::varchar: 2024-12-31 23:59:59.999999999
#   t::date: 2025-01-01, year(t): 2025, date_trunc('month', t): 2025-01-01
#   t::varchar::timestamp::date: 2024-12-31, pandas: 2024
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0 pandas==2.3.3 pyarrow==25.0.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import duckdb
import pandas as pd

ends = pd.Series([pd.Period("2024-12").end_time])
ends.to_frame("t").to_parquet("t.parquet")


def outcome(expression):
    return str(duckdb.sql(f"select {expression} from 't.parquet'").fetchall()[0][0])


for expression in ("typeof(t)", "t::varchar", "t::date", "year(t)", "date_trunc('month', t)", "t::varchar::timestamp::date"):
    print(expression, "|", outcome(expression))
print("pandas:", ends.dt.year[0], ends.dt.floor("D")[0])
assert outcome("typeof(t)") == "TIMESTAMP_NS"
assert outcome("t::varchar") == "2024-12-31 23:59:59.999999999"
assert outcome("t::date") == "2025-01-01"
assert outcome("year(t)") == "2025"
assert outcome("date_trunc('month', t)").startswith("2025-01-01")
assert outcome("t::varchar::timestamp::date") == "2024-12-31"
assert ends.dt.year[0] == 2024
PYTHON
