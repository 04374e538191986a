#!/usr/bin/env bash
# orjson 3.13.0, Python 3.11 (November 2026)
#
# What one expects: orjson.loads is a faster json.loads, which reads an integer of any length exactly, or raises an error for one that
# it can't hold: orjson.dumps raises for integers of more than 64 bits.
# What happens: the parser reads such an integer as a double, without an error. An identifier of 21 digits becomes another number, and
# its text has an exponent. An integer that is no double, of 400 digits, is an error of the whole document.
#
#   18446744073709551615: json 18446744073709551615, orjson 18446744073709551615
#   18446744073709551616: json 18446744073709551616, orjson 1.8446744073709552e+19
#   123456789012345678901: json 123456789012345678901, orjson 1.2345678901234568e+20
#   400 digits: number is infinity when parsed as double: line 1 column 1 (char 0)
#   dumps: Integer exceeds 64-bit range
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check orjson==3.13.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import json

import orjson

for text in ("18446744073709551615", "18446744073709551616", "123456789012345678901"):
    print(f"{text}: json {json.loads(text)}, orjson {orjson.loads(text)!r}")
assert orjson.loads("18446744073709551615") == 2**64 - 1
assert type(orjson.loads("18446744073709551616")) is float
assert int(orjson.loads("123456789012345678901")) != json.loads("123456789012345678901")
try:
    orjson.loads("1" * 400)
except orjson.JSONDecodeError as error:
    print("400 digits:", error)
else:
    raise AssertionError("an integer of 400 digits is read")
try:
    orjson.dumps(2**64)
except TypeError as error:
    print("dumps:", error)
else:
    raise AssertionError("an integer of 65 bits is written")
PYTHON
