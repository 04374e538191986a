#!/usr/bin/env bash
# pandera 0.35.0, pandas 2.3.3, Python 3.11 (November 2026)
#
# What one expects: the failure cases of a lazy validation are in the order of the checks, or at least in the same order for
# equal rows.
# What happens: pandera sorts them with a sort that is not stable. Among 20 equal rows that fail the same two checks, some list
# the first check first and others the second one, so a list of "what is wrong with this row" differs between equal rows, and
# for one row with the number of rows of the batch. Sort by check_number.
#
#   rows by the order of their failed checks: {"str_length(1, 3), isin(['x'])": 3, "isin(['x']), str_length(1, 3)": 17} of 20 equal rows
#   sorted by check_number: {"str_length(1, 3), isin(['x'])": 20}
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "pandera[pandas]==0.35.0" pandas==2.3.3
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from collections import Counter

import pandas as pd
import pandera.pandas as pa

checks = [pa.Check.str_length(1, 3), pa.Check.isin(["x"])]
schema = pa.DataFrameSchema({"code": pa.Column(str, checks)})
try:
    schema.validate(pd.DataFrame({"code": ["1.000"] * 20}), lazy=True)
except pa.errors.SchemaErrors as errors:
    cases = errors.failure_cases


def orders(failures):
    return dict(Counter(failures.groupby("index")["check"].agg(", ".join)))


print("rows by the order of their failed checks:", orders(cases), "of 20 equal rows")
print("sorted by check_number:", orders(cases.sort_values("check_number", kind="stable")))
assert len(orders(cases)) == 2, orders(cases)
assert orders(cases.sort_values("check_number", kind="stable")) == {"str_length(1, 3), isin(['x'])": 20}
PYTHON
