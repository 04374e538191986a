#!/usr/bin/env bash
# duckdb 2.0.0, Python 3.11 (November 2026)
#
# What one expects: `duckdb_functions()` labels a function CONSISTENT if its result depends on its arguments alone, and
# CONSISTENT_WITHIN_QUERY or VOLATILE if it reads the clock, so that an allow list of CONSISTENT functions holds no clock.
# What happens: `current_localtimestamp()`, `current_localtime()` and the form of `age` with one argument are labelled
# CONSISTENT. `now()`, `today()` and `get_current_time()`, which read the same clock, are CONSISTENT_WITHIN_QUERY. Macros
# such as `ago(interval)` and `pg_postmaster_start_time()` have no label at all, and call `current_timestamp`. The last part
# shows a parse tree in which the call of a method hides the argument: in `x.age()`, x is the schema and `age` has none.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import json
import time

import duckdb

connection = duckdb.connect()
print("duckdb", duckdb.__version__)


def labels(name):
    rows = connection.execute(
        "select distinct len(parameters), stability from duckdb_functions() where function_name = ? order by all", [name]
    )
    return rows.fetchall()


clocks = ("now", "today", "get_current_time", "current_localtimestamp", "current_localtime", "age", "ago")
found = {name: labels(name) for name in clocks}
print(found)
assert found["now"] == found["today"] == found["get_current_time"] == [(0, "CONSISTENT_WITHIN_QUERY")]
assert found["current_localtimestamp"] == found["current_localtime"] == [(0, "CONSISTENT")]
assert found["age"] == [(1, "CONSISTENT"), (2, "CONSISTENT")]
assert found["ago"] == [(1, None)]

for call in ("current_localtimestamp()", "current_localtime()"):
    first = connection.sql(f"select {call}").fetchall()
    time.sleep(0.01)
    second = connection.sql(f"select {call}").fetchall()
    print(call, first, second)
    assert first != second
one, two = (
    connection.sql(f"select age(timestamp '2020-01-01'{today})").fetchall()
    for today in ("", ", current_date::timestamp")
)
assert abs(one[0][0].days) > 365
assert one[0][0] == -two[0][0], (one, two)

tree = connection.execute("select json_serialize_sql('select x.age() from t')").fetchall()[0][0]
call = json.loads(tree)["statements"][0]["node"]["select_list"][0]
print("x.age():", call["schema"], call["function_name"], call["arguments"])
assert (call["schema"], call["function_name"], call["arguments"]) == ("x", "age", [])
PYTHON
