#!/usr/bin/env bash
# LightGBM 4.7.0, Python 3.11 (November 2026)
#
# What one expects: a missing value in a row to predict has a direction of its own at each split, as in XGBoost and scikit-learn,
# or the prediction is at least near the average: `use_missing` is on by default.
# What happens: in a column that had no missing value in training, NaN is read as the number 0. With incomes from 1,000 to 5,000,
# a customer whose income is unknown is predicted as the poorest one, without a warning. One missing value among the training
# rows changes the meaning of all later ones.
#
#   training rows without NaN: NaN 1000.0, zero 1000.0, average 3000.0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check lightgbm==4.7.0 numpy==2.2.6 scipy==1.15.3
"$folder/venv/bin/python" - <<'PYTHON'
import lightgbm as lgb
import numpy as np

income = np.linspace(1_000, 5_000, 401)[:, None]
target = np.round(income[:, 0], -3)
params = {"objective": "regression", "learning_rate": 1.0, "min_data_in_leaf": 1, "verbosity": -1}
for missing in (0, 1):
    rows = np.vstack([income, np.full((missing, 1), np.nan)])
    values = np.append(target, np.full(missing, 3_000.0))
    booster = lgb.train(params, lgb.Dataset(rows, values), 20)
    unknown, zero = booster.predict(np.array([[np.nan], [0.0]])).round(1)
    print(f"training rows with {missing} NaN: NaN {unknown}, zero {zero}, average {values.mean():.1f}")
    assert zero == 1_000.0
    assert unknown == (1_000.0 if missing == 0 else 3_000.0)
PYTHON
