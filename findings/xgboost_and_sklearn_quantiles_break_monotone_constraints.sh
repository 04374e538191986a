#!/usr/bin/env bash
# XGBoost 3.2.0 and scikit-learn 1.9.1, Python 3.11 (November 2026)
#
# What one expects: a model with a monotone constraint is monotone with every objective that accepts the constraint.
# What happens: with the pinball loss or the absolute error, both libraries replace the values of the leaves after a tree has grown (by
# quantiles of residuals) without the constraint. Neither warns, and the prediction falls where it must rise. With the squared error both are monotone.
#
#   xgboost reg:squarederror: largest fall 0.000
#   xgboost reg:quantileerror: largest fall 0.264
#   xgboost reg:absoluteerror: largest fall 0.203
#   sklearn squared_error: largest fall 0.000
#   sklearn quantile: largest fall 0.102
#   sklearn absolute_error: largest fall 0.054
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check xgboost==3.2.0 scikit-learn==1.9.1 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
import xgboost as xgb
from sklearn.ensemble import HistGradientBoostingRegressor

random = np.random.default_rng(0)
rows = random.normal(size=(2000, 3))
target = rows[:, 0] + np.sin(3 * rows[:, 0]) + rows[:, 1] + 0.3 * random.normal(size=2000)


def largest_fall(predict) -> float:
    grid = np.tile(np.linspace(-3, 3, 60), 100)
    curves = np.repeat(rows[:100], 60, axis=0)
    curves[:, 0] = grid
    return float(max(0.0, -np.diff(predict(curves).reshape(100, 60), axis=1).min()))


with warnings.catch_warnings():
    warnings.simplefilter("error")
    falls = {}
    for objective in ("reg:squarederror", "reg:quantileerror", "reg:absoluteerror"):
        params = {"objective": objective, "monotone_constraints": "(1,0,0)"}
        if "quantile" in objective:
            params["quantile_alpha"] = 0.9
        booster = xgb.train(params, xgb.QuantileDMatrix(rows, target), 100)
        falls[f"xgboost {objective}"] = largest_fall(booster.inplace_predict)
    for loss in ("squared_error", "quantile", "absolute_error"):
        model = HistGradientBoostingRegressor(
            loss=loss, quantile=0.9 if loss == "quantile" else None, monotonic_cst=[1, 0, 0], random_state=0
        ).fit(rows, target)
        falls[f"sklearn {loss}"] = largest_fall(model.predict)
for name, fall in falls.items():
    print(f"{name}: largest fall {fall:.3f}")
    assert (fall < 1e-6) == ("squared" in name), (name, fall)
PYTHON
