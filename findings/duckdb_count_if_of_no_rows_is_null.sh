#!/usr/bin/env bash
# duckdb 2.0.0 (Python), Python 3.11 (November 2026)
#
# What one expects: count_if(c) is another spelling of count(*) FILTER (WHERE c), and 0 without rows, as every count in SQL.
# What happens: without rows count_if is NULL and its type is HUGEINT, as of a sum; it is also NULL where the condition is unknown
# in every row. Sums and comparisons with it become NULL, and a program that expects a number fails for the empty file only.
#
#   no rows: count_if None, FILTER 0
#   unknown in every row: count_if None, FILTER 0
#   type HUGEINT
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import duckdb

connection = duckdb.connect()
query = "select count_if(i > 0), count(*) filter (where i > 0), typeof(count_if(i > 0)) from {}"
nothing = connection.execute(query.format("range(0) as rows(i)")).fetchone()
unknown = connection.execute(query.format("(values (null::integer), (null)) as rows(i)")).fetchone()
print(f"no rows: count_if {nothing[0]}, FILTER {nothing[1]}")
print(f"unknown in every row: count_if {unknown[0]}, FILTER {unknown[1]}")
print("type", nothing[2])
assert nothing == (None, 0, "HUGEINT"), nothing
assert unknown == (None, 0, "HUGEINT"), unknown
PYTHON
