"""Backtests: means, beaten baselines, the worst cut-off, and strict JSON."""

import json
import math

import pytest

from mlops_assets.core.errors import DataError
from mlops_assets_tests.support.backtests import NAN, THREE, backtest, scored


def test_a_backtest_has_means_shares_and_the_worst_cutoff():
    found = backtest(*THREE)
    assert found.mean == pytest.approx((0.8 + 0.69 + 0.84) / 3)
    assert found.mean_baseline == pytest.approx((0.7 + 0.7 + 0.76) / 3)
    assert found.beaten == 2
    assert found.share_beaten == pytest.approx(2 / 3)
    assert found.worst.cutoff == "2025-02"


def test_the_worst_cutoff_of_an_error_has_the_largest_error():
    assert backtest(*THREE, metric="rmse").worst.cutoff == "2025-03"
    assert backtest(*THREE, metric="rmse").beaten == 1


def test_undefined_cutoffs_do_not_beat_the_baseline_and_are_left_out_of_the_means():
    gone = scored("2025-04", NAN, 0.1), scored("2025-05", 0.99, NAN)
    found = backtest(gone[0], *THREE, gone[1])
    assert found.mean == pytest.approx(backtest(*THREE).mean)
    assert found.mean_baseline == pytest.approx(backtest(*THREE).mean_baseline)
    assert found.beaten == 2
    assert found.worst.cutoff == "2025-02"


def test_the_mean_without_a_defined_score_is_undefined():
    found = backtest(scored("2025-01", NAN, NAN), scored("2025-02", NAN, NAN))
    assert math.isnan(found.mean)
    assert found.worst.cutoff == "2025-01"


def test_a_backtest_without_a_cutoff_is_an_error():
    with pytest.raises(DataError, match="shop: the backtest has no cut-off\n  hint: choose cut-offs"):
        backtest()


def test_json_is_strict_and_has_the_scores_and_their_summary():
    found = backtest(*THREE, scored("2025-04", NAN, 0.7)).to_json()
    found = json.loads(json.dumps(found, allow_nan=False))
    assert found["project"] == "shop"
    assert found["share_beaten"] == 0.5
    assert found["worst"] == "2025-02"
    assert found["mean"] == pytest.approx(0.77667, abs=1e-5)
    assert [each["score"] for each in found["scores"]] == [0.8, 0.69, 0.84, None]
    assert found["scores"][0]["trained_on"] == "2024-01 to 2024-07"
