"""Pictures show what they were given."""

import math

import numpy as np
import pytest

from mlops_assets.ml.reports.explanation_plots import importance_bars, trial_history
from mlops_assets.ml.reports.prediction_plots import (
    calibration,
    figure_png,
    metric_by_cutoff,
    metric_by_training,
)
from mlops_assets.ml.search.trials import TrialSummary


def trial(number: int, score: float, *, state: str = "complete") -> TrialSummary:
    return TrialSummary(number, "linear", {"alpha": 0.5}, score, state, 1.0)


def test_history_keeps_a_hopeless_trial_from_flattening_the_rest():
    trials = [trial(index, 1.0 - index / 100) for index in range(20)] + [trial(20, 1_000.0)]
    _, high = trial_history(trials, "rmse").axes[0].get_ylim()
    assert 1.0 < high < 2.0


@pytest.mark.parametrize(("metric", "best"), [("rmse", [0.9, 0.9, 0.4, 0.4]), ("r2", [0.9, 1.5, 1.5, 1.5])])
def test_best_so_far_leaves_out_pruned_trials(metric: str, best: list[float]):
    trials = [
        trial(0, 0.9),
        trial(1, 1.5),
        trial(2, 0.4),
        trial(3, 0.1, state="pruned"),
        trial(4, 9.0, state="pruned"),
    ]
    line = trial_history(trials, metric).axes[0].get_lines()[0]
    assert list(line.get_ydata()) == [*best[:3], best[3]]
    assert list(line.get_xdata()) == [0, 1, 2, 4]


def test_only_the_largest_importances_are_drawn_largest_on_top():
    figure = importance_bars({f"feature {index}": float(index) for index in range(200)}, "rmse")
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == [f"feature {index}" for index in range(199, 179, -1)]


def test_calibration_of_a_constant_probability_is_one_point_at_the_share_of_positives():
    outcome = np.array([True, False, False, False])
    figure = calibration(outcome, np.full(4, 0.6), xlabel="said", ylabel="came")
    points = figure.axes[0].get_lines()[-1].get_xydata()
    assert points.tolist() == [[pytest.approx(0.6), 0.25]]


def test_figures_become_png():
    assert figure_png(trial_history([trial(0, 0.5)], "rmse")).startswith(b"\x89PNG\r\n")


def test_a_metric_by_cutoff_is_drawn_with_its_interval_beside_the_baseline():
    figure = metric_by_cutoff(
        ["2025-01", "2025-02"], [0.8, 0.82], [(0.78, 0.81), (0.8, 0.83)], [0.7, 0.71], label="ROC AUC"
    )
    axes = figure.axes[0]
    lines = {line.get_label(): line.get_ydata().tolist() for line in axes.get_lines()}
    assert lines["best baseline"] == [0.7, 0.71]
    assert lines["model, with its 95 % interval"] == [0.8, 0.82]
    bars = [path[:, 1].tolist() for path in axes.collections[0].get_segments()]
    assert bars == [[0.78, 0.81], [0.8, 0.83]]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["2025-01", "2025-02"]
    low, high = axes.get_ylim()
    assert low < 0.7 < 0.83 < high


def test_of_many_cutoffs_only_so_many_are_named_as_fit():
    days = [f"2025-01-{day:02d}" for day in range(1, 32)]
    figure = metric_by_cutoff(days, np.ones(31), np.ones((31, 2)), np.zeros(31), label="RMSE")
    named = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert named == days[::4]


@pytest.mark.filterwarnings("error")
def test_cutoffs_that_are_all_undefined_say_so():
    figure = metric_by_cutoff(["a"], [math.nan], [(math.nan, math.nan)], [math.nan], label="R²")
    assert figure.axes[0].texts[0].get_text() == "undefined at every cut-off"
    assert figure_png(figure).startswith(b"\x89PNG")


def test_trainings_are_drawn_by_family_with_interval_baseline_and_champion():
    figure = metric_by_training(
        ["v1", "v2", "v3"],
        [0.5, 0.4, math.nan],
        [(0.4, 0.6), (math.nan, math.nan), (math.nan, math.nan)],
        [0.7, 0.8, math.nan],
        ["xgboost", "linear", "xgboost"],
        champion=1,
        label="RMSE",
    )
    axes = figure.axes[0]
    drawn = {found.get_label(): found.get_offsets().tolist() for found in axes.collections[1:]}
    assert drawn["best baseline"][:2] == [[0, 0.7], [1, 0.8]]
    assert drawn["xgboost"][0] == [0, 0.5]
    assert drawn["linear"] == [[1, 0.4]]
    [champion] = axes.get_lines()
    assert (champion.get_label(), list(champion.get_xdata())) == ("champion", [1, 1])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["v1", "v2", "v3"]
    low, high = axes.get_ylim()
    assert low < 0.4 < 0.8 < high
    assert figure_png(figure).startswith(b"\x89PNG")


def test_trainings_that_were_never_judged_say_so():
    nan = math.nan
    figure = metric_by_training(["a"], [nan], [(nan, nan)], [nan], ["linear"], champion=None, label="RMSE")
    assert figure.axes[0].texts[0].get_text() == "no training was judged"
