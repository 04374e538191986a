"""A backtest: how models of past cut-offs would have done, as one HTML page."""

from typing import Any

import numpy as np

from mlops_assets.ml.evaluation.backtest import Backtest
from mlops_assets.ml.metrics.tasks import HIGHER_IS_BETTER, IN_TARGET_UNITS, is_better
from mlops_assets.ml.number_format import difference, distinct_numbers, interval_text, metric_title
from mlops_assets.ml.reports import prediction_plots
from mlops_assets.ml.reports.html import data_uri, render_page


def render_backtest(backtest: Backtest) -> str:
    """The page; it has no scripts, and it loads nothing."""
    mean, mean_baseline, worst = _together(backtest)
    return render_page(
        "backtest.html.j2",
        backtest=backtest,
        verdict=backtest_summary(backtest),
        metric=metric_title(backtest.metric),
        direction="Higher" if backtest.metric in HIGHER_IS_BETTER else "Lower",
        unit=_unit(backtest),
        mean=mean,
        mean_baseline=mean_baseline,
        mean_gap=_gap(backtest, backtest.mean, backtest.mean_baseline),
        worst=worst,
        rows=_rows(backtest),
        picture=_picture(backtest),
    )


def backtest_summary(backtest: Backtest) -> str:
    """One sentence: the mean over the cut-offs, how often the baseline is beaten, and the worst cut-off."""
    count, first, last = len(backtest.scores), backtest.scores[0].cutoff, backtest.scores[-1].cutoff
    mean, baseline, worst = _together(backtest)
    unit = f" ({unit})" if (unit := _unit(backtest)) else ""
    start = f"{metric_title(backtest.metric)} {mean}{unit}"
    if count == 1:
        told = "beats" if backtest.beaten else "does NOT beat"
        return f"{start} at the only cut-off, {first}: the model {told} its best baseline ({baseline})."
    times = {count: f"at all {count:,}", 0: f"at NONE of the {count:,}"}.get(
        backtest.beaten, f"at {backtest.beaten:,} of the {count:,}"
    )
    return (
        f"{start} on average over {count:,} cut-offs, {first} to {last}, against {baseline} of the best "
        f"baselines: the model beats its baseline {times}, and is worst at {backtest.worst.cutoff} ({worst})."
    )


def _together(backtest: Backtest) -> list[str]:
    """Texts of the mean, of the mean of the baselines, and of the worst score."""
    return distinct_numbers([backtest.mean, backtest.mean_baseline, backtest.worst.score], backtest.metric)


def _rows(backtest: Backtest) -> list[dict[str, Any]]:
    """A row a cut-off, with the texts of its numbers."""
    return [
        {
            "cutoff": each,
            "texts": distinct_numbers([each.score, each.baseline], backtest.metric),
            "interval": interval_text(each.low, each.high, backtest.metric),
            "gap": _gap(backtest, each.score, each.baseline),
            "beaten": backtest.beats_baseline(each),
        }
        for each in backtest.scores
    ]


def _gap(backtest: Backtest, ours: float, theirs: float) -> str:
    """How much better or worse; a share of the baseline's error, or the plain difference."""
    gap = difference(backtest.metric, ours, theirs)
    if not gap or ours == theirs:
        return "equal" if ours == theirs else ""
    return f"{gap} {'better' if is_better(backtest.metric, ours, theirs) else 'worse'}"


def _unit(backtest: Backtest) -> str:
    return backtest.unit if backtest.metric in IN_TARGET_UNITS else ""


def _picture(backtest: Backtest) -> str:
    """The metric by cut-off, as a data URI."""
    percent = backtest.metric == "mape"
    unit = "%" if percent else _unit(backtest)
    numbers = np.array([[each.score, each.low, each.high, each.baseline] for each in backtest.scores])
    numbers = numbers * (100 if percent else 1)
    figure = prediction_plots.metric_by_cutoff(
        [each.cutoff for each in backtest.scores],
        numbers[:, 0],
        numbers[:, 1:3],
        numbers[:, 3],
        label=metric_title(backtest.metric) + (f" ({unit})" if unit else ""),
    )
    return data_uri(figure)
