#!/usr/bin/env bash
# duckdb 2.0.0, Python 3.11 (November 2026)
#
# What one expects: `%Y` is a year of four digits, as in Python's strptime: a text with a short year is not in the format, so
# try_strptime is null, and a list of formats goes on to the one with `%y`.
# What happens: `%Y` takes one to four digits, and 24 is the year 24. A column with both spellings is read without an error, two
# thousand years apart, and in a list of formats `%Y` hides `%y` behind it:
#
#   31.12.2024   %d.%m.%Y               2024-12-31
#   31.12.24     %d.%m.%Y               0024-12-31
#   31.12.24     [%d.%m.%Y, %d.%m.%y]   0024-12-31
#   31.12.24     %d.%m.%y               2024-12-31
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0
"$folder/venv/bin/python" - <<'PYTHON'
from datetime import datetime

import duckdb

LONG, SHORT = "'%d.%m.%Y'", "'%d.%m.%y'"
for text, written, expected in (
    ("31.12.2024", LONG, "2024-12-31"),
    ("31.12.24", LONG, "0024-12-31"),
    ("31.12.24", f"[{LONG}, {SHORT}]", "0024-12-31"),
    ("31.12.24", SHORT, "2024-12-31"),
):
    found = duckdb.sql(f"select try_strptime('{text}', {written})::date::varchar").fetchall()[0][0]
    print(f"{text:12} {written:26} {found}")
    assert found == expected, f"{found}, not {expected}"
try:
    datetime.strptime("31.12.24", "%d.%m.%Y")
except ValueError as error:
    print("Python:", error)
else:
    raise SystemExit("Python reads a short year, too")
PYTHON
