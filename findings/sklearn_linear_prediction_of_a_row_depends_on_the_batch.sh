#!/usr/bin/env bash
# scikit-learn 1.9.1, Python 3.11 (November 2026)
#
# What one expects: the prediction of a row is a function of the row. Served alone, it equals the one of last night's batch.
# What happens: Ridge and LogisticRegression multiply the matrix with BLAS, which adds the products of a row in an order that
# depends on the number of rows: most rows (the share depends on the processor) have other last bits alone than in the batch,
# so that a threshold may decide differently. A single thread of BLAS does not prevent it.
#
#   Ridge: 1486 of 2000 rows differ, by at most 1.1e-14; LogisticRegression: 919 of 2000, by at most 7.2e-16
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.9.1
OPENBLAS_NUM_THREADS=1 "$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge

rng = np.random.default_rng(0)
rows = rng.normal(size=(2_000, 40))
score = rows @ rng.normal(size=40) + rng.normal(size=2_000)
for model, method, target in ((Ridge(), "predict", score), (LogisticRegression(), "predict_proba", score > 0)):
    predict = getattr(model.fit(rows, target), method)
    together = predict(rows)
    alone = np.concatenate([predict(row) for row in rows[:, None]])
    differ = (together != alone).reshape(len(rows), -1).any(axis=1).sum()
    print(f"{type(model).__name__}: {differ} of {len(rows)} rows differ, by at most {np.abs(together - alone).max():.1e}")
    assert differ > 0
scaled = (rows * model.coef_[0]).sum(axis=1)
assert (scaled == np.concatenate([(row * model.coef_[0]).sum(axis=1) for row in rows[:, None]])).all()
print("sums of NumPy over the columns of each row: equal")
PYTHON
