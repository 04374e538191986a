#!/usr/bin/env bash
# crepes 0.9.1, Python 3.11 (November 2026)
#
# What one expects: a conformal regressor with groups (Mondrian categories) gives a row of a group without calibration rows an
# infinite interval, or raises, because it knows nothing about the group. It does both for a group with too few rows.
# What happens: the interval of such a row is 0 to 0, whatever the prediction, without a warning. A new category in production
# looks like a certain prediction of 0.
#
#   known group: 54 to 146; group of 3 rows: -inf to inf, with a warning; unseen group: 0 to 0, no warning
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check crepes==0.9.1 scikit-learn==1.9.1
"$folder/venv/bin/python" - <<'PYTHON'
import warnings
from importlib.metadata import version

import numpy as np
from crepes import ConformalRegressor

residuals = np.concatenate([np.arange(1.0, 51.0), [1.0, 2.0, 3.0]])
regressor = ConformalRegressor().fit(residuals, bins=np.array(["shop"] * 50 + ["web"] * 3))
found = {}
for group in ("shop", "web", "app"):
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        interval = regressor.predict_int(np.array([100.0]), bins=np.array([group]), confidence=0.9)
    found[group] = interval[0].tolist()
print(version("crepes"), found)
assert found["shop"] == [54.0, 146.0], found
assert found["web"] == [-np.inf, np.inf], found
assert found["app"] == [0.0, 0.0], found
PYTHON
