#!/usr/bin/env bash
# duckdb 2.0.0, Python 3.11 (November 2026)
#
# What one expects: `group by all` groups by every column that is not aggregated, so that an empty table has no group,
# and `group by all` and `group by label` agree.
# What happens: a literal is not a column to `group by all`. Where the literals are all that is left to group by, the query
# is an aggregate without groups: one row over an empty table, with a count of 0 and a sum of null. The same query with the
# literal named in `group by`, or with the literal behind a subquery, returns no row.
#
#   select 'x' as label, count(*), sum(v) from empty group by all    -> [('x', 0, None)]
#   select 'x' as label, count(*), sum(v) from empty group by label  -> []
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import duckdb

connection = duckdb.connect()
connection.execute("create table empty (v integer)")
query = "select 'x' as label, count(*), sum(v) from empty group by"
by_all, by_label = (connection.sql(f"{query} {how}").fetchall() for how in ("all", "label"))
nested = connection.sql(
    "select label, count(*), sum(v) from (select 'x' as label, v from empty) group by all"
).fetchall()
print("by all:", by_all, "by label:", by_label, "from a subquery:", nested)
assert (by_all, by_label, nested) == ([("x", 0, None)], [], [])
PYTHON
