#!/usr/bin/env bash
# evidently 0.7.23, pandas 2.3.3, scipy 1.17.1, numpy 2.4.6, Python 3.11 (November 2026)
#
# What one expects: Evidently's `chisquare` drift test compares two samples, so that on unchanged data about 5 % of
# the tests have p < 0.05, whatever the sizes of the two samples.
# What happens: the reference's frequencies are used as if they were exact (a goodness-of-fit test, not a two-sample
# test). With a reference as large as the current data, a third of the tests on unchanged data report drift; the rate
# falls to about 5 % only when the reference is much larger. A column of five equally likely categories, 500 rows:
#
#   reference of    500 rows: 33.5 % of 200 tests on unchanged data have p < 0.05
#   reference of 50,000 rows:  6.5 %
#   two-sample chi-square (scipy.stats.chi2_contingency) of the same equal samples: 3.5 %
#
# So a monitor that compares a month with the month before alarms every third month per categorical column.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check evidently==0.7.23 pandas==2.3.3 scipy==1.17.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import warnings

warnings.filterwarnings("ignore")
import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.metrics import ValueDrift
from scipy.stats import chi2_contingency

LEVEL, TESTS, ROWS = 0.05, 200, 500
random = np.random.default_rng(0)
definition = DataDefinition(categorical_columns=["c"])


def sample(rows):
    return pd.DataFrame({"c": random.choice(list("abcde"), rows)})


def p_values(reference_rows):
    for _ in range(TESTS):
        current, reference = sample(ROWS), sample(reference_rows)
        report = Report([ValueDrift(column="c", method="chisquare")])
        result = report.run(*(Dataset.from_pandas(each, definition) for each in (current, reference)))
        counts = [each["c"].value_counts().reindex(list("abcde")) for each in (current, reference)]
        yield float(result.dict()["metrics"][0]["value"]), chi2_contingency(np.array(counts)).pvalue


def alarms(reference_rows):
    return np.mean(np.array(list(p_values(reference_rows))) < LEVEL, axis=0)


equal, two_sample = alarms(500)
large, _ = alarms(50_000)
print(f"reference of 500 rows: {equal:.1%}; of 50,000 rows: {large:.1%}; two-sample test: {two_sample:.1%}")
assert equal > 0.25, "equal sizes no longer give false alarms in a third of the tests"
assert large < 0.12
assert two_sample < 0.12
PYTHON
