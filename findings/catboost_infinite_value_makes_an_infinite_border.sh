#!/usr/bin/env bash
# CatBoost 1.2.10, Python 3.11 (November 2026)
#
# What one expects: an infinite value is either refused, as XGBoost does, or above all other numbers. Both signs are treated alike.
# What happens: fit accepts it. With both signs in a column, the border that should separate +inf from the other numbers is lost
# and becomes a second one at -inf, so that the model predicts the same for +inf and for 1; and the model cannot be saved as JSON
# afterwards, which is an error of the JSON writer and names no column. With the largest finite numbers in their place all is well.
#
#   inf: borders [-inf, 0.5], predictions of 1 and inf equal: True, saved as JSON: False
#   largest: three finite borders, predictions of 1 and the largest number equal: False, saved as JSON: True
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check catboost==1.2.10 numpy==2.2.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import catboost as cb
import numpy as np

options = {"iterations": 30, "learning_rate": 0.5, "thread_count": 1, "logging_level": "Silent"}
for name, largest in (("inf", np.inf), ("largest", float(np.finfo(np.float32).max))):
    rows = np.tile([-largest, 0.0, 1.0, largest], 25)[:, None].astype(np.float32)
    model = cb.CatBoost(options | {"allow_writing_files": False}).fit(rows, np.tile([0.0, 1.0, 2.0, 9.0], 25))
    borders = model.get_borders()[0]
    one, most = model.predict(np.array([[1.0], [largest]]))
    try:
        model.save_model("model.json", format="json")
        saved = True
    except cb.CatBoostError as error:
        assert "invalid float value: -inf" in str(error), error
        saved = False
    print(f"{name}: borders {borders}, predictions of 1 and {name} equal: {one == most}, saved as JSON: {saved}")
    assert (one == most) == (name == "inf")
    assert saved == (name == "largest")
    assert (-np.inf in borders) == (name == "inf")
PYTHON
