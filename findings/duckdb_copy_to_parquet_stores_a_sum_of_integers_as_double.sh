#!/usr/bin/env bash
# duckdb 2.0.0, Python 3.11 (November 2026)
#
# What one expects: `copy (select sum(n) …) to 'x.parquet'`, with n BIGINT, stores an integer, as `create table` does.
# What happens: the sum of a BIGINT is a HUGEINT. Parquet has no such type, and DuckDB stores it as DOUBLE, without an error
# and although the value fits in 64 bits: 9007199254740993 is 9007199254740992.0 in the file. A DECIMAL(38, 0) is exact.
#
#   typeof(sum(n)) = HUGEINT, sum(n) = 9007199254740993
#   in the Parquet file: DOUBLE, 9007199254740992.0; as decimal(38, 0): 9007199254740993
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import duckdb

rows = "(values (9007199254740992::bigint), (1::bigint)) as rows(n)"
[(kind, total)] = duckdb.sql(f"select typeof(sum(n)), sum(n) from {rows}").fetchall()
print(kind, total)
assert (kind, total) == ("HUGEINT", 9007199254740993)
duckdb.sql(f"copy (select sum(n) as total, sum(n)::decimal(38, 0) as exact from {rows}) to 'sum.parquet'")
[stored] = duckdb.sql("select typeof(total), total::varchar, exact::varchar from 'sum.parquet'").fetchall()
print(stored)
assert stored == ("DOUBLE", "9007199254740992.0", "9007199254740993"), stored
PYTHON
