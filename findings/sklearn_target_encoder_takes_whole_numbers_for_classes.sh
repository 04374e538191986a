#!/usr/bin/env bash
# scikit-learn 1.9.1, Python 3.11 (November 2026)
#
# What one expects: TargetEncoder() replaces each column by one column with the mean of the target, as for any regression.
# What happens: a regression target whose values are all whole numbers (counts, prices in whole units, ratings) is taken for
# classes, although it is of type float: the encoder returns one column for each distinct value, the share of the value, and
# no mean. One fractional value in the target changes the number of columns.
#
#   whole numbers: (200, 9) multiclass; one value 0.5: (200, 1) continuous; target_type="continuous": (200, 1)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.9.1
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from sklearn.preprocessing import TargetEncoder

rng = np.random.default_rng(0)
towns = rng.choice(["Ely", "Rye", "Ham"], 200)[:, None]
visits = np.resize(np.arange(9.0), 200)
found = {}
for name, target, settings in [
    ("whole", visits, {}),
    ("one fraction", np.concatenate([[0.5], visits[1:]]), {}),
    ("declared", visits, {"target_type": "continuous"}),
]:
    encoder = TargetEncoder(**settings)
    found[name] = encoder.fit_transform(towns, target).shape, encoder.target_type_
print(found)
assert found["whole"] == ((200, 9), "multiclass"), found
assert found["one fraction"] == ((200, 1), "continuous"), found
assert found["declared"] == ((200, 1), "continuous"), found
PYTHON
