"""Plots of predictions and scores show the numbers that they are given."""

import math
from io import BytesIO

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from mlops_assets.ml.reports.plots import predictions
from mlops_assets.ml.reports.plots.predictions import (
    calibration,
    figure_png,
    metric_by_cutoff,
    metric_by_training,
    predicted_against_true,
    residual_histogram,
)


def test_calibration_of_a_constant_probability_is_one_point_at_the_share_of_positives():
    outcome = np.array([True, False, False, False])
    figure = calibration(outcome, np.full(4, 0.6), xlabel="predicted", ylabel="observed")
    points = figure.axes[0].get_lines()[-1].get_xydata()
    assert points.tolist() == [[pytest.approx(0.6), 0.25]]


def test_figures_are_saved_as_png():
    figure = predicted_against_true(np.zeros(3), np.ones(3), label="(USD)")
    assert figure_png(figure).startswith(b"\x89PNG\r\n")


def test_a_figure_is_drawn_once_and_looks_as_if_matplotlib_had_laid_it_out(monkeypatch: pytest.MonkeyPatch):
    def figure() -> Figure:
        return residual_histogram(np.arange(200.0), np.arange(200.0) ** 2, label="(USD)")

    figure().savefig(expected := BytesIO(), dpi=predictions.DOTS_PER_INCH)
    drawn: list[Figure] = []
    draw = Figure.draw
    monkeypatch.setattr(Figure, "draw", lambda self, renderer: drawn.append(self) or draw(self, renderer))
    png = figure_png(figure())
    assert len(drawn) == 1
    np.testing.assert_array_equal(imread(BytesIO(png)), imread(BytesIO(expected.getvalue())))


def test_the_metric_by_cutoff_has_its_confidence_interval_and_the_baseline():
    figure = metric_by_cutoff(
        ["2025-01", "2025-02"], [0.8, 0.82], [(0.78, 0.81), (0.8, 0.83)], [0.7, 0.71], label="ROC AUC"
    )
    axes = figure.axes[0]
    lines = {line.get_label(): line.get_ydata().tolist() for line in axes.get_lines()}
    assert lines["best baseline"] == [0.7, 0.71]
    assert lines["model, with 95 % CI"] == [0.8, 0.82]
    bars = [path[:, 1].tolist() for path in axes.collections[0].get_segments()]
    assert bars == [[0.78, 0.81], [0.8, 0.83]]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["2025-01", "2025-02"]
    low, high = axes.get_ylim()
    assert low < 0.7 < 0.83 < high


def test_tick_labels_of_many_cutoffs_are_thinned_out():
    days = [f"2025-01-{day:02d}" for day in range(1, 32)]
    figure = metric_by_cutoff(days, np.ones(31), np.ones((31, 2)), np.zeros(31), label="RMSE")
    named = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert named == days[::4]


@pytest.mark.filterwarnings("error")
def test_undefined_cutoffs_are_reported_in_the_plot():
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


def test_trainings_without_an_evaluation_are_reported_in_the_plot():
    nan = math.nan
    figure = metric_by_training(["a"], [nan], [(nan, nan)], [nan], ["linear"], champion=None, label="RMSE")
    assert figure.axes[0].texts[0].get_text() == "no training was evaluated"
