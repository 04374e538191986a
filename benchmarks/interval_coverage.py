"""How often 95 % intervals contain the true metric, and how often models pass the gate of the baselines.

Both are simulated. Intervals: of samples of correlated clusters of rows, such as patients with several
visits, for resampled rows, as if all were independent, and for resampled clusters. Gate: of a model beside a
linear baseline, by the rule of `better_than_baseline` and by one that rejects significantly worse models.
Run: .venv/bin/python benchmarks/interval_coverage.py [samples]
"""

import math
import sys

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm

from mlops_assets.ml.evaluation.comparison_gates import better_than_baseline
from mlops_assets.ml.metrics.bootstrap import bootstrap_interval, paired_difference_interval
from mlops_assets.ml.metrics.metrics import compute_metric
from mlops_assets.ml.metrics.tasks import Measure, Task

METRICS: tuple[tuple[Task, str], ...] = (
    ("regression", "mae"),
    ("regression", "rmse"),
    ("binary", "roc_auc"),
    ("binary", "log_loss"),
    ("binary", "f1"),
)
SHAPES = ((5, 50), (10, 25), (20, 25), (40, 25))
"""Number of clusters, and rows of each."""
CORRELATIONS = (0.0, 0.1, 0.3, 0.9)
ROWS, DEFICITS = (150, 500, 2_000), (-0.03, 0.0, 0.024, 0.05)
BASELINE_AUC = 0.80
RESAMPLES = 300


def main(samples: int) -> None:
    """Print both tables."""
    print("coverage of 95 % intervals, in %: resampled rows / resampled clusters")
    print("| metric | clusters x rows | " + " | ".join(f"ICC {each}" for each in CORRELATIONS) + " |")
    for task, metric in METRICS:
        true = {each: true_value(task, metric, each) for each in CORRELATIONS}
        for clusters, size in SHAPES:
            cells = [
                coverage(task, metric, clusters, size, each, true[each], samples) for each in CORRELATIONS
            ]
            print(f"| {metric} | {clusters} x {size} | " + " | ".join(cells) + " |", flush=True)
    print(f"\nmodels that pass beside a linear baseline of ROC AUC {BASELINE_AUC}, in %: before / now")
    print("| holdout rows | " + " | ".join(f"{-each:+.3f}" for each in DEFICITS) + " |")
    for rows in ROWS:
        print(
            f"| {rows} | " + " | ".join(passes(rows, each, samples) for each in DEFICITS) + " |", flush=True
        )


def sample(
    random: np.random.Generator, task: Task, clusters: int, size: int, correlation: float
) -> tuple[NDArray, NDArray, NDArray]:
    """Truth, predictions and clusters; features and errors have the given correlation within clusters."""
    codes = np.repeat(np.arange(clusters), size)

    def drawn() -> NDArray:
        shared, own = random.normal(size=clusters)[codes], random.normal(size=len(codes))
        return math.sqrt(correlation) * shared + math.sqrt(1 - correlation) * own

    if task == "regression":
        return np.zeros(len(codes)), drawn(), codes
    score, error = 1.2 * drawn(), 1.8 * drawn()  # 1.8 is the standard deviation of the logistic distribution
    return (score + error > 0.5).astype(int), expit(score - 0.5), codes


def true_value(task: Task, metric: str, correlation: float) -> float:
    """The metric of the population, from a large sample."""
    truth, predictions, _ = sample(np.random.default_rng(99), task, 100_000, 5, correlation)
    return compute_metric(Measure(task, metric), truth, predictions)


def coverage(
    task: Task, metric: str, clusters: int, size: int, correlation: float, true: float, samples: int
) -> str:
    """The share of samples whose interval contains the true value."""
    held = np.zeros(2, dtype=int)
    for seed in range(samples):
        truth, predictions, codes = sample(np.random.default_rng(seed), task, clusters, size, correlation)
        for place, groups in enumerate((None, codes)):
            interval = bootstrap_interval(
                Measure(task, metric), truth, predictions, clusters=groups, resamples=RESAMPLES
            )
            held[place] += true in interval
    return " / ".join(f"{100 * each / samples:.0f}" for each in held)


def passes(rows: int, deficit: float, samples: int) -> str:
    """The share of models that pass, with a ROC AUC that is lower than the baseline's by a deficit."""
    found = np.zeros(2, dtype=int)
    for seed in range(samples):
        random = np.random.default_rng(seed)
        truth = random.integers(0, 2, rows)
        shared = random.normal(size=rows)
        baseline, model = (
            expit(
                separation(auc) * truth + math.sqrt(0.9) * shared + math.sqrt(0.1) * random.normal(size=rows)
            )
            for auc in (BASELINE_AUC, BASELINE_AUC - deficit)
        )
        compared = model, baseline, np.full(rows, 0.5)
        scores = [compute_metric(Measure("binary", "roc_auc"), truth, each) for each in compared]
        over_baseline, over_constant = (
            paired_difference_interval(Measure("binary", "roc_auc"), truth, model, each, resamples=RESAMPLES)
            for each in compared[1:]
        )
        before = scores[0] > scores[1] or (over_constant.low > 0 and 0 in over_baseline)
        now = better_than_baseline(
            "roc_auc", *scores, over_constant=over_constant, over_baseline=over_baseline
        )
        found += before, now.passed
    return " / ".join(f"{100 * each / samples:.0f}" for each in found)


def separation(auc: float) -> float:
    """The distance of two normal distributions of variance one with this ROC AUC."""
    return math.sqrt(2) * float(norm.ppf(auc))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
