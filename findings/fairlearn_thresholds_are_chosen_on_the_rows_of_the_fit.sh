#!/usr/bin/env bash
# fairlearn 0.15.0, scikit-learn 1.9.1, Python 3.11 (November 2026)
#
# What one expects: `ThresholdOptimizer(estimator=…)` with the default `prefit=False` chooses its thresholds on
# cross-validated scores, as scikit-learn's `CalibratedClassifierCV` and `TunedThresholdClassifierCV` do. What happens:
# it fits the estimator on all rows and chooses the thresholds on the scores of the same rows. A forest separates them
# perfectly, so nothing is corrected: on new rows the equalized odds difference is that of the forest without
# fairlearn. With `prefit=True` and other rows for the thresholds it is a third.
#
#   equalized odds difference: 0.000 on the rows of the fit, 0.173 on new rows, 0.180 without fairlearn
#   with thresholds from other rows than the forest's: 0.056
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check fairlearn==0.15.0 scikit-learn==1.9.1 pandas==2.3.3
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from fairlearn.metrics import equalized_odds_difference
from fairlearn.postprocessing import ThresholdOptimizer
from sklearn.ensemble import RandomForestClassifier

random = np.random.default_rng(0)
group = random.integers(0, 2, 8_000)
features = random.normal(0, 1, (8_000, 5))
features[:, 0] += 0.7 * group
truth = (features[:, 0] + random.normal(0, 1, 8_000) > 0.5).astype(int)
old, apart, new = slice(0, 4_000), slice(4_000, 6_000), slice(6_000, None)
shared = {"predict_method": "predict_proba", "constraints": "equalized_odds"}


def difference(predicted, rows):
    return equalized_odds_difference(truth[rows], predicted, sensitive_features=group[rows])


def fitted(model, rows):
    return model.fit(features[rows], truth[rows], sensitive_features=group[rows])


def measured(model, rows):
    chosen = model.predict(features[rows], sensitive_features=group[rows], random_state=0)
    return difference(chosen, rows)


forest = RandomForestClassifier(100, random_state=0).fit(features[old], truth[old])
both = fitted(ThresholdOptimizer(estimator=RandomForestClassifier(100, random_state=0), **shared), old)
others = fitted(ThresholdOptimizer(estimator=forest, prefit=True, **shared), apart)
new_rows = slice(4_000, None)
found = measured(both, old), measured(both, new_rows), difference(forest.predict(features[new_rows]), new_rows)
print("equalized odds difference: {:.3f} on the rows of the fit, {:.3f} on new rows, {:.3f} without fairlearn".format(*found))
print(f"with thresholds from other rows than the forest's: {measured(others, new):.3f}")
assert found[0] < 0.001, found
assert found[1] > 0.8 * found[2], found
assert measured(others, new) < 0.5 * found[1]
PYTHON
