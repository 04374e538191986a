"""Plots of importances, partial dependence, the learning curve and the history of trials."""

import pytest

from mlops_assets.ml.evaluation.importances import PermutationImportance
from mlops_assets.ml.evaluation.learning_curve import CurvePoint
from mlops_assets.ml.evaluation.partial_dependence import PartialDependence
from mlops_assets.ml.reports.plots.explanations import (
    dependence_curve,
    importance_bars,
    learning_curve_plot,
    trial_history,
)
from mlops_assets_tests.support.evaluations import NAN, trial


def test_an_outlier_does_not_flatten_the_history_of_trials():
    trials = [trial(index, 1.0 - index / 100) for index in range(20)] + [trial(20, 1_000.0)]
    _, high = trial_history(trials, "rmse").axes[0].get_ylim()
    assert 1.0 < high < 2.0


@pytest.mark.parametrize(("metric", "scores"), [("rmse", [2.811, 2.7616, 2.7617]), ("r2", [0.5, 0.6, 0.601])])
def test_all_of_a_few_trials_are_within_the_axis(metric: str, scores: list[float]):
    low, high = trial_history([trial(n, score) for n, score in enumerate(scores)], metric).axes[0].get_ylim()
    assert low < min(scores)
    assert max(scores) < high


@pytest.mark.parametrize(("metric", "best"), [("rmse", [0.9, 0.9, 0.4, 0.4]), ("r2", [0.9, 1.5, 1.5, 1.5])])
def test_the_best_score_so_far_ignores_pruned_trials(metric: str, best: list[float]):
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


def test_only_the_largest_importances_are_drawn_with_the_largest_on_top():
    figure = importance_bars({f"feature {index}": float(index) for index in range(200)}, "rmse", {})
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == [f"feature {index}" for index in range(199, 179, -1)]


@pytest.mark.parametrize(
    ("metric", "label"),
    [
        ("rmse", "increase in RMSE when the feature is shuffled"),
        ("r2", "decrease in R² when the feature is shuffled"),
    ],
)
def test_the_axis_of_importances_has_the_direction_of_the_metric(metric: str, label: str):
    assert importance_bars({"size": 1.0}, metric, {}).axes[0].get_xlabel() == label


def test_a_feature_whose_interval_includes_0_has_a_hollow_bar():
    spreads = {
        "size": PermutationImportance(0.4, 0.02, 0.3, 0.5),
        "noise": PermutationImportance(0.1, 0.09, -0.1, 0.3),
    }
    axes = importance_bars({"size": 0.4, "noise": 0.1}, "rmse", spreads).axes[0]
    assert [bar.get_facecolor()[3] for bar in axes.patches] == [1.0, 0.0]
    assert [list(line.get_xdata()) for line in axes.lines] == [[0.3, 0.5], [-0.1, 0.3]]


def test_partial_dependence_is_a_line_for_numbers_and_points_for_texts():
    numbers = PartialDependence("size", [1.0, 2.0], [3.0, 4.0], [2.0, 3.0], [4.0, 5.0], 10)
    line = dependence_curve(numbers, label="price", limits=(0.0, 6.0)).axes[0]
    assert line.get_lines()[0].get_xydata().tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert line.get_ylim() == (0.0, 6.0)
    texts = PartialDependence("kind", ["car", "van"], [3.0, 4.0], [2.0, 3.0], [4.0, 5.0], 10)
    points = dependence_curve(texts, label="price", limits=(0.0, 6.0)).axes[0]
    assert [tick.get_text() for tick in points.get_xticklabels()] == ["car", "van"]


def test_the_learning_curve_leaves_out_undefined_points():
    points = [CurvePoint(50, NAN, NAN, NAN), CurvePoint(100, 0.5, 0.4, 0.6), CurvePoint(200, 0.4, 0.3, 0.5)]
    axes = learning_curve_plot(points, "rmse", label="RMSE").axes[0]
    assert axes.get_lines()[0].get_xydata().tolist() == [[100.0, 0.5], [200.0, 0.4]]
    undefined = learning_curve_plot(points[:1], "rmse", label="RMSE").axes[0]
    assert undefined.texts[0].get_text() == "RMSE is undefined for every sample"
