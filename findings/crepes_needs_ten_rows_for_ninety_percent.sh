#!/usr/bin/env bash
# crepes 0.9.1, Python 3.11 (November 2026)
#
# What one expects: nine calibration rows suffice for conformal intervals of 90 %: the largest of nine residuals bounds a tenth
# one with probability 9/10. Nineteen suffice for 95 %, four for 80 %.
# What happens: for 95 % they do. For 90 % and 80 % the interval is infinite, because crepes truncates
# (1 - 0.9) * (9 + 1) = 0.9999999999999998 to 0. The same happens at every multiple: with 99 rows it takes the 91st residual in
# place of the 90th.
#
#   95 % of 19: 19; 90 % of 9: inf; 80 % of 4: inf; 90 % of 99: 91 (with confidence 0.9 - 1e-12: 90)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check crepes==0.9.1 scikit-learn==1.9.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import warnings
from importlib.metadata import version

import numpy as np
from crepes import ConformalRegressor

warnings.simplefilter("ignore")


def half_width(rows, confidence):
    regressor = ConformalRegressor().fit(np.arange(1.0, rows + 1))
    return float(regressor.predict_int(np.zeros(1), confidence=confidence)[0, 1])


found = {
    "95 % of 19": half_width(19, 0.95),
    "90 % of 9": half_width(9, 0.9),
    "80 % of 4": half_width(4, 0.8),
    "90 % of 99": half_width(99, 0.9),
    "just below 90 % of 99": half_width(99, 0.9 - 1e-12),
}
print(version("crepes"), found)
assert list(found.values()) == [19.0, np.inf, np.inf, 91.0, 90.0], found
PYTHON
