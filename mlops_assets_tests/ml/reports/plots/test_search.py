"""Plots of the hyperparameters of a search."""

import numpy as np
import pytest

from mlops_assets.ml.reports.plots.search import MIN_TRIALS, search_figures
from mlops_assets.ml.search.trials import TrialSummary

RANDOM = np.random.default_rng(0)


def trial(number: int, family: str = "xgboost") -> TrialSummary:
    """A trial whose score depends on `eta` alone."""
    params = {"eta": 10 ** RANDOM.uniform(-3, 0), "max_depth": int(RANDOM.integers(3, 11)), "fixed": 1.0}
    return TrialSummary(number, family, params, abs(np.log10(params["eta"]) + 1.5), "complete", 1.0)


def test_the_best_trials_are_dark_and_the_important_hyperparameter_has_the_longest_bar():
    trials = [trial(number) for number in range(25)] + [trial(99, "linear")]
    figures = search_figures(trials, "rmse")
    parallel, importances = (figure.axes[0] for figure in figures.values())
    widths = [line.get_linewidth() for line in parallel.get_lines()]
    assert (len(widths), sum(width > 2 for width in widths)) == (25, 5)
    assert [text.get_text().split("\n")[0] for text in parallel.get_xticklabels()] == [
        "eta",
        "fixed",
        "max_depth",
    ]
    assert importances.get_yticklabels()[-1].get_text() == "eta"
    bars = [bar.get_width() for bar in importances.patches]
    assert bars[-1] > 0.6
    assert sum(bars) == pytest.approx(1)


def test_a_pruned_trial_is_not_among_the_best():
    pruned = TrialSummary(99, "xgboost", {"eta": 0.1, "max_depth": 5, "fixed": 1.0}, -9.0, "pruned", 1.0)
    figures = search_figures([*(trial(number) for number in range(10)), pruned], "rmse")
    parallel = next(iter(figures.values())).axes[0]
    assert len(parallel.get_lines()) == 10
    assert parallel.get_title() == "xgboost: 10 complete trials; dark: the best 2 by RMSE"


def test_too_few_trials_of_one_family_have_no_plots():
    few = [trial(number) for number in range(MIN_TRIALS - 1)] + [trial(9, "linear")]
    assert search_figures(few, "rmse") == {}
    assert search_figures([], "rmse") == {}
