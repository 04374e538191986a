#!/usr/bin/env bash
# duckdb 2.0.0, Python 3.11 (November 2026)
#
# What one expects: `try_cast(text as timestamp)` is null for text that is not wholly a timestamp, or honours an offset.
# What happens: everything after the time of day is ignored, be it AM/PM, an offset, a zone's name or any word. All rows
# pass, and are hours off. `try_cast(… as timestamptz)` of the same text honours zones and is null for the rest, and a
# time of day that can't be (25:00) is null in both:
#
#   text                          as timestamp          as timestamptz (session in UTC)
#   2025-03-16 01:31:15 PM        2025-03-16 01:31:15   null
#   2025-03-16 13:31:15-05:00     2025-03-16 13:31:15   2025-03-16 18:31:15+00:00
#   2025-03-16 13:31:15 EST       2025-03-16 13:31:15   2025-03-16 18:31:15+00:00
#   2025-03-16 13:31:15 unknown   2025-03-16 13:31:15   null
#   2025-03-16 25:00:00           null                  null
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import duckdb

EXPECTED = {
    "2025-03-16 01:31:15 PM": ("2025-03-16 01:31:15", None),
    "2025-03-16 13:31:15-05:00": ("2025-03-16 13:31:15", "2025-03-16 18:31:15+00"),
    "2025-03-16 13:31:15 EST": ("2025-03-16 13:31:15", "2025-03-16 18:31:15+00"),
    "2025-03-16 13:31:15 unknown": ("2025-03-16 13:31:15", None),
    "2025-03-16 25:00:00": (None, None),
}
connection = duckdb.connect()
connection.execute("set TimeZone = 'UTC'")
query = "select try_cast($1 as timestamp)::varchar, try_cast($1 as timestamptz)::varchar"
for text, expected in EXPECTED.items():
    found = connection.execute(query, [text]).fetchone()
    print(f"{text:29} {found[0]!s:21} {found[1]}")
    assert found == expected, f"{text}: {found}, not {expected}"
PYTHON
