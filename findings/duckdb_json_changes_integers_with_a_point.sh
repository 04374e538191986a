#!/usr/bin/env bash
# duckdb 2.0.0, Python 3.11 (November 2026)
#
# What one expects: `json ->> 'id'` returns the text of a value, as it stands in the JSON.
# What happens: DuckDB parses numbers and writes them again. An integer is exact with any number of digits, even beyond 64
# bits. With a point, or an exponent, it goes through double: 9007199254740993.0 becomes 9007199254740992.0, which is
# another id, and 1.50 becomes 1.5. The same holds for numbers inside of a nested value, for `->`, from_json to VARCHAR, and
# read_json with columns = {id: 'VARCHAR'}. SQLite and Postgres (json) return the text.
#
#   {"id": 9007199254740993.0} ->> 'id': 9007199254740992.0
#   {"id": 123456789012345678901234567890} ->> 'id': 123456789012345678901234567890
#   {"id": [1.50]} ->> 'id': [1.5]
#   SQLite: 9007199254740993.0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sqlite3

import duckdb


def extracted(number):
    text = f'{{"id": {number}}}'
    return duckdb.execute("select ?::json ->> 'id'", [text]).fetchall()[0][0]


for number in ("9007199254740993.0", "9007199254740993", "123456789012345678901234567890", "1.50", "[1.50]"):
    print(f'{{"id": {number}}} ->> \'id\':', extracted(number))
assert extracted("9007199254740993.0") == "9007199254740992.0"
assert extracted("9007199254740993") == "9007199254740993"
assert extracted("123456789012345678901234567890") == "123456789012345678901234567890"
assert extracted("1.50") == "1.5"
assert extracted("[1.50]") == "[1.5]"
with open("rows.jsonl", "w") as file:
    file.write('{"id": 9007199254740993.0}\n')
read = duckdb.sql("select id from read_json('rows.jsonl', columns = {id: 'VARCHAR'})").fetchall()
print("read_json:", read)
assert read == [("9007199254740992.0",)]
[(text,)] = sqlite3.connect(":memory:").execute("select '{\"id\": 9007199254740993.0}' -> 'id'").fetchall()
print("SQLite:", text)
assert text == "9007199254740993.0"
PYTHON
