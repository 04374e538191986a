"""Plots of errors by slice, by period and by location."""

import numpy as np

from mlops_assets.ml.evaluation.evaluation import PeriodScore
from mlops_assets.ml.evaluation.groups.error_map import error_map
from mlops_assets.ml.evaluation.groups.slices import SliceScore
from mlops_assets.ml.reports.plots.errors import error_map_plot, metric_by_period, slice_dots
from mlops_assets_tests.support.evaluations import NAN


def legend(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_only_significantly_worse_slices_are_marked_and_small_ones_left_out():
    slices = [
        SliceScore("region", "north", 100, 0.6, 0.5, 0.7, 1.4, 0.01),
        SliceScore("region", "south", 100, 0.4, 0.3, 0.5, 0.9, 1.0),
        SliceScore("region", "isle", 10, NAN, NAN, NAN, 2.0, NAN),
    ]
    figure = slice_dots(slices, 0.5, label="RMSE")
    axes = figure.axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["region: north", "region: south"]
    markers = [line.get_marker() for line in axes.get_lines() if len(line.get_xdata()) == 1]
    assert markers == ["v", "o"]
    assert legend(figure) == ["all rows", "significantly worse", "not significant"]
    assert slice_dots(slices[2:], 0.5, label="RMSE").axes[0].texts[0].get_text() == "no slice has enough rows"


def test_periods_are_marked_by_the_use_of_their_rows():
    roles = ("train", "train", "embargo", "holdout")
    periods = [PeriodScore(f"2024-0{index}", role, 9, 0.4, 0.3, 0.5) for index, role in enumerate(roles, 1)]
    figure = metric_by_period(periods, label="RMSE")
    assert legend(figure) == ["training", "embargo (unused)", "holdout"]
    undefined = [PeriodScore("2024-01", "holdout", 9, NAN, NAN, NAN)]
    text = metric_by_period(undefined, label="RMSE").axes[0].texts[0].get_text()
    assert text == "undefined in every period"


def test_the_most_biased_cells_are_marked_with_the_sign_of_their_mean_error():
    latitude = np.repeat(np.linspace(50, 51, 10), 6)
    found = error_map(latitude, latitude, np.repeat([3.0, *[0.1] * 8, -3.0], 6))
    assert found is not None
    axes = error_map_plot(found, label="(USD)").axes[0]
    assert [text.get_text() for text in axes.texts] == ["+", "−"]
    assert [len(each.get_paths()) for each in axes.collections] == [10]
