#!/usr/bin/env bash
# duckdb 2.0.0, Python 3.11 (November 2026)
#
# What one expects: read_json reads a string of JSON, which has no dates, as text, or two files of one program in the same way.
# What happens: strings are read as dates where all of a file's look like one, in the first of several formats that fits, and
# each file decides for itself. One month with only days up to 12 is read as day-month-year, the next as month-day-year: the
# 4th of March becomes the 3rd of April. A part number 10-12-24 is a date, and a UUID in upper case is in lower case unless
# another string is beside it.
#
#   "03-04-2025" -> DATE 2025-04-03; "03-13-2025" -> DATE 2025-03-13
#   "10-12-24" -> DATE 2010-12-24
#   "0C5E…" -> UUID 0c5e…; beside "guest" -> VARCHAR 0C5E…
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import json

import duckdb


def read(*values):
    with open("rows.jsonl", "w") as file:
        file.writelines(json.dumps({"v": value}) + "\n" for value in values)
    found = duckdb.sql("select typeof(v), v::varchar from read_json('rows.jsonl')").fetchall()
    print(values, "->", found)
    return found


assert read("03-04-2025") == [("DATE", "2025-04-03")]
assert read("03-13-2025") == [("DATE", "2025-03-13")]
assert read("10-12-24") == [("DATE", "2010-12-24")]
upper = "0C5E7A3D-8B7E-4E1B-9F0A-5B8C1D2E3F40"
assert read(upper) == [("UUID", upper.lower())]
assert read(upper, "guest") == [("VARCHAR", upper), ("VARCHAR", "guest")]
PYTHON
