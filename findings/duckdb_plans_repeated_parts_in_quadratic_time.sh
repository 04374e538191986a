#!/usr/bin/env bash
# duckdb 2.0.0 (Python), Python 3.11 (November 2026)
#
# What one expects: the time to plan a select list is proportional to its columns, so a cast of four times as many columns, each
# independent of the others, is planned in four times the time.
# What happens: where expressions repeat a part, such as TRY_CAST(c AS DOUBLE) in the branches of a CASE, the optimizers
# common_subexpressions and projection_placement are quadratic: EXPLAIN takes more than ten times as long for four times the
# columns, and with 2,000 columns ten times as long as without these two, which makes planning nearly linear.
#
#   500 columns: 0.30 s, without the two optimizers 0.07 s
#   2000 columns: 4.00 s, without the two optimizers 0.33 s
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0
cd "$folder"
cat > measure.py <<'PYTHON'
import time

import duckdb

print("duckdb", duckdb.__version__)
connection = duckdb.connect()
connection.execute("set threads = 1")


def seconds(columns: int, disabled: str) -> float:
    connection.execute(f"set disabled_optimizers = '{disabled}'")
    number = "try_cast({0} as double)"
    cast = f"case when not contains({{0}}, '_') and not isnan({number}) then {number} end as {{0}}"
    listed = ", ".join(cast.format(f"c{n}") for n in range(columns))
    took = []
    for _ in range(3):
        started = time.process_time()
        connection.execute(f"explain select {listed} from t{columns}").fetchall()
        took.append(time.process_time() - started)
    return min(took)


found = {}
for columns in (500, 2000):
    made = ", ".join(f"(random() * 100)::varchar as c{n}" for n in range(columns))
    connection.execute(f"create table t{columns} as select {made} from range(500)")
    found[columns] = seconds(columns, ""), seconds(columns, "common_subexpressions,projection_placement")
    print(f"{columns} columns: {found[columns][0]:.2f} s, without the two optimizers {found[columns][1]:.2f} s")
(few, few_without), (many, many_without) = found[500], found[2000]
assert many / few > 9, "linear now"
assert many / many_without > 5, "the two optimizers are no longer the reason"
assert many_without / few_without < 9
PYTHON
"$folder/venv/bin/python" measure.py
