#!/usr/bin/env bash
# pyarrow 25.0.1, pandas 2.3.3, Python 3.11 (November 2026)
#
# What one expects: pyarrow infers the type of a list from all of its values, and refuses a mixture that no type holds, as
# it refuses `[1, "a"]`. A date and a datetime give a timestamp, or an error.
# What happens: the first value decides. Behind a `datetime.date`, a `datetime.datetime` loses its time of day without a word;
# in the other order, the same values are an error. A pandas column of objects takes the same path on its way to Parquet.
#
#   pa.array([date(2025, 3, 1), datetime(2025, 3, 1, 23, 59)])  -> date32: 2025-03-01, 2025-03-01
#   pa.array([datetime(2025, 3, 1, 23, 59), date(2025, 3, 1)])  -> ArrowTypeError
#   pd.DataFrame({"at": [date, datetime]}).to_parquet(file)     -> the same loss in the file
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==25.0.1 pandas==2.3.3
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys
from datetime import date, datetime

import pandas as pd
import pyarrow as pa

day, minute = date(2025, 3, 1), datetime(2025, 3, 1, 23, 59)
first = pa.array([day, minute])
print("date first:", first.type, first.to_pylist())
assert (str(first.type), first.to_pylist()) == ("date32[day]", [day, day])
try:
    pa.array([minute, day])
except pa.ArrowTypeError as error:
    print("datetime first:", type(error).__name__)
else:
    raise AssertionError("a datetime before a date is accepted")
file = f"{sys.argv[1]}/times.parquet"
pd.DataFrame({"at": [day, minute]}).to_parquet(file)
stored = pd.read_parquet(file)["at"].tolist()
print("in Parquet:", stored)
assert stored == [day, day]
PYTHON
