#!/usr/bin/env bash
# duckdb 2.0.0, Python 3.11 (November 2026)
#
# What one expects: a filter on a Hive partition column applies to every row that a window function above it sees.
# What happens: with the optimizer `window_self_join`, which is new and on by default, `count(*) over (partition by k)`
# also counts the rows of partitions that the filter excludes, and the rows returned are only those of the partition
# asked for. Materializing the filtered rows first, or disabling the optimizer, gives the right count. `count(*) over ()`
# and a grouped count are right.
#
#   select count(*) over (partition by customer) from read_parquet('*/*.parquet', hive_partitioning = true) where month = 'a'
#   one row in month=a, one in month=b: [(2,)], with window_self_join disabled: [(1,)]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from pathlib import Path

import duckdb

for month in ("a", "b"):
    Path(f"data/month={month}").mkdir(parents=True)
    duckdb.sql("select 'x' as customer").write_parquet(f"data/month={month}/0.parquet")
rows = "from read_parquet('data/*/*.parquet', hive_partitioning = true) where month = 'a'"
window = f"select count(*) over (partition by customer) {rows}"
connection = duckdb.connect()
found = connection.sql(window).fetchall()
grouped = connection.sql(f"select count(*) {rows} group by customer").fetchall()
materialized = connection.sql(
    f"with kept as materialized (select * {rows}) select count(*) over (partition by customer) from kept"
).fetchall()
connection.execute("set disabled_optimizers = 'window_self_join'")
without = connection.sql(window).fetchall()
print("window:", found, "grouped:", grouped, "materialized:", materialized, "optimizer disabled:", without)
assert (found, grouped, materialized, without) == ([(2,)], [(1,)], [(1,)], [(1,)])
PYTHON
