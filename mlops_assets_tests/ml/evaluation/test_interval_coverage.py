"""The coverage of the holdout with its confidence interval, and the rows that are covered too rarely."""

import numpy as np
import pandas as pd
import pytest

from mlops_assets.ml.evaluation.groups.column_groups import group_column
from mlops_assets.ml.evaluation.interval_coverage import Coverage, coverage_metrics, measure_coverage


def covered(share_a, share_b, rows=200, **changes):
    """Rows of two groups with exact shares inside; each interval is 2 wide."""
    inside = np.concatenate([np.arange(rows) < share * rows for share in (share_a, share_b)])
    groups = group_column(pd.Series(["a"] * rows + ["b"] * rows), name="region")
    scores = measure_coverage(inside, np.full(2 * rows, 2.0), 0.9, declared=[groups], **changes)
    return Coverage("intervals", 0.9, 500, *scores)


def test_coverage_has_the_share_and_the_wilson_interval():
    found = covered(0.9, 0.95)
    assert [each.coverage for each in found.scores] == pytest.approx([0.925, 0.9, 0.95])
    assert [(each.column, each.value, each.rows, each.size) for each in found.groups] == [
        ("region", "a", 200, 2.0),
        ("region", "b", 200, 2.0),
    ]
    assert (found.groups[0].low, found.groups[0].high) == pytest.approx((0.8506, 0.9343), abs=1e-3)
    assert found.too_low == []
    assert coverage_metrics(found) == {"test_coverage": pytest.approx(0.925), "test_interval_width": 2.0}


@pytest.mark.parametrize(
    ("share_a", "share_b", "low"),
    [(0.9, 0.8, ["", "b"]), (0.95, 0.84, ["b"]), (0.88, 0.88, []), (0.82, 0.95, ["a"]), (0.862, 0.862, [""])],
)
def test_rows_that_are_covered_significantly_too_rarely_are_listed(share_a, share_b, low):
    found = covered(share_a, share_b).too_low
    assert [each.value for each in found if each.column] == [name for name in low if name]
    assert any(not each.column for each in found) == ("" in low)


def test_correlated_rows_prove_less():
    clusters = np.repeat(np.arange(8), 50)
    found = covered(0.9, 0.8, clusters=clusters)
    independent = covered(0.9, 0.8)
    assert found.overall.high - found.overall.low > 2 * (independent.overall.high - independent.overall.low)
    assert found.too_low == []
