#!/usr/bin/env bash
# SQLite 3.54.1 in apsw 3.54.1.0, Python 3.11 (November 2026)
#
# What one expects: a column of type REAL holds an IEEE 754 double, so that every double is read back with its 64 bits, at
# least in a column that is declared for them.
# What happens: REAL is the one declaration that changes a value. -0.0 is read back as 0.0: a whole number in a column of
# type REAL is stored as an integer to save space, and no integer has the sign. The same value in a column without a type
# keeps its sign. NaN becomes NULL in both, without an error; infinity is kept. 1 / x is then inf in place of -inf.
#
#   REAL: 0.0 inf None
#   no type: -0.0 inf None
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apsw==3.54.1.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import apsw

print("SQLite", apsw.sqlite_lib_version())
connection = apsw.Connection("values.db")
connection.execute("create table doubles (typed real, untyped)")
for value in (-0.0, float("inf"), float("nan")):
    connection.execute("insert into doubles values (?, ?)", (value, value))
typed, untyped = zip(*connection.execute("select typed, untyped from doubles"))
print("REAL:", *typed)
print("no type:", *untyped)
assert list(map(str, typed)) == ["0.0", "inf", "None"], typed
assert list(map(str, untyped)) == ["-0.0", "inf", "None"], untyped
PYTHON
