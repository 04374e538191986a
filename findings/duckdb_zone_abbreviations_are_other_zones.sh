#!/usr/bin/env bash
# duckdb 2.0.0 (its ICU), Python 3.11 (November 2026)
#
# What one expects: a zone abbreviation in a text is the zone of that name, or the cast fails: BST is British summer time
# (UTC+1), IST is not decided, PST is UTC-8 all year.
# What happens: `cast(text as timestamptz)` resolves an abbreviation to one ICU zone with its daylight saving rules. BST is
# Bangladesh, AST is Alaska, IST is India, and PST and CST are an hour off in summer, because they follow the clocks of
# Los Angeles and Chicago. EST and MST have fixed offsets, as written. CEST and PDT, which Europe and California write in
# summer, are unknown: the same log is read in winter and rejected in summer.
#
#   2025-07-01 12:00:00 in UTC:  BST 06:00  PST 19:00  CST 17:00  AST 20:00  IST 06:30  EST 17:00  CEST null  PDT null
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import duckdb

EXPECTED = {
    "BST": "06:00:00",
    "PST": "19:00:00",
    "CST": "17:00:00",
    "AST": "20:00:00",
    "IST": "06:30:00",
    "EST": "17:00:00",
    "CEST": None,
    "PDT": None,
}
connection = duckdb.connect()
query = "select strftime(timezone('UTC', try_cast('2025-07-01 12:00:00 ' || $1 as timestamptz)), '%H:%M:%S')"
found = {zone: connection.execute(query, [zone]).fetchone()[0] for zone in EXPECTED}
print(found)
assert found == EXPECTED
PYTHON
