#!/usr/bin/env bash
# duckdb 2.0.0, pyarrow 25.0.1, Python 3.11 (November 2026)
#
# What one expects: an error of a query is a duckdb.Error, as from fetchall() or to_arrow_table(): `except duckdb.Error` handles
# a CSV file with a broken row, a failed cast or error().
# What happens: a reader of to_arrow_reader() raises it as duckdb.Error for the first rows only. Later ones arrive through Arrow's
# C stream, and pyarrow raises OSError, so that a broken row far down in a file looks like an error of the operating system.
#
#   row 0: InvalidInputException: Invalid Input Error: broken row
#   row 250000: OSError: Invalid Input Error: broken row
#   row 250000, to_arrow_table: InvalidInputException: Invalid Input Error: broken row
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0 pyarrow==25.0.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import duckdb

connection = duckdb.connect()


def outcome(place, read):
    rows = connection.sql(f"select if(i = {place}, error('broken row'), i) as i from range(300000) as t(i)")
    try:
        read(rows)
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return "no error"


found = {
    "row 0": outcome(0, lambda rows: list(rows.to_arrow_reader(1_000))),
    "row 250000": outcome(250_000, lambda rows: list(rows.to_arrow_reader(1_000))),
    "row 250000, to_arrow_table": outcome(250_000, lambda rows: rows.to_arrow_table()),
}
for name, error in found.items():
    print(f"{name}: {error}")
assert [error.partition(":")[0] for error in found.values()] == [
    "InvalidInputException",
    "OSError",
    "InvalidInputException",
], found
PYTHON
