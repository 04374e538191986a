"""Backtests for tests."""

import math
from dataclasses import replace
from typing import Any

from mlops_assets.ml.evaluation.backtest import Backtest, CutoffScore

NAN = math.nan


def scored(cutoff: str, score: float, baseline: float, **changes: Any) -> CutoffScore:
    """The score of a cut-off, with a confidence interval of ±0.02."""
    plain = CutoffScore(
        cutoff=cutoff,
        tested_on="2024-10",
        trained_on="2024-01 to 2024-07",
        train_rows=14_200,
        test_rows=2_345,
        family="xgboost",
        score=score,
        low=score - 0.02,
        high=score + 0.02,
        baseline=baseline,
        baseline_name="linear baseline",
    )
    return replace(plain, **changes)


def backtest(*scores: CutoffScore, metric: Any = "roc_auc", **changes: Any) -> Backtest:
    """A backtest of a binary classification."""
    return replace(Backtest("shop", "Who buys again.", metric, "EUR", scores), **changes)


THREE = (scored("2025-01", 0.8, 0.7), scored("2025-02", 0.69, 0.7), scored("2025-03", 0.84, 0.76))
