"""The report of a backtest as one HTML page."""

from typing import Any

import numpy as np

from mlops_assets.ml.evaluation.backtest import Backtest
from mlops_assets.ml.metrics.tasks import HIGHER_IS_BETTER, IN_TARGET_UNITS, is_better
from mlops_assets.ml.number_format import difference, distinct_numbers, interval_text, metric_title
from mlops_assets.ml.reports.html import data_uri, render_page
from mlops_assets.ml.reports.plots import predictions as prediction_plots


def render_backtest(backtest: Backtest) -> str:
    """Render the page, which has no scripts and loads no other resources."""
    mean, mean_baseline, worst = _summary_texts(backtest)
    return render_page(
        "backtest.html.j2",
        backtest=backtest,
        summary=backtest_summary(backtest),
        metric=metric_title(backtest.metric),
        direction="Higher" if backtest.metric in HIGHER_IS_BETTER else "Lower",
        unit=_unit(backtest),
        mean=mean,
        mean_baseline=mean_baseline,
        mean_gap=_gap(backtest, backtest.mean, backtest.mean_baseline),
        worst=worst,
        rows=_rows(backtest),
        figure=_figure(backtest),
    )


def backtest_summary(backtest: Backtest) -> str:
    """The mean over the cut-offs, the number of cut-offs that beat their baseline, and the worst cut-off."""
    count, first, last = len(backtest.scores), backtest.scores[0].cutoff, backtest.scores[-1].cutoff
    mean, baseline, worst = _summary_texts(backtest)
    unit = f" ({unit})" if (unit := _unit(backtest)) else ""
    start = f"{metric_title(backtest.metric)} {mean}{unit}"
    if count == 1:
        verb = "beats" if backtest.beaten else "does not beat"
        return f"{start} at the only cut-off, {first}: the model {verb} its best baseline ({baseline})."
    beaten = {count: f"all {count:,}", 0: f"none of {count:,}"}.get(
        backtest.beaten, f"{backtest.beaten:,} of {count:,}"
    )
    return (
        f"{start} on average over {count:,} cut-offs, {first} to {last}; mean of the best baselines "
        f"{baseline}. The model beats its baseline at {beaten} cut-offs; the worst cut-off is "
        f"{backtest.worst.cutoff} ({worst})."
    )


def _summary_texts(backtest: Backtest) -> list[str]:
    """The mean, the mean of the best baselines and the worst score as texts."""
    return distinct_numbers([backtest.mean, backtest.mean_baseline, backtest.worst.score], backtest.metric)


def _rows(backtest: Backtest) -> list[dict[str, Any]]:
    """A row for each cut-off, with its numbers as texts."""
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
    """The difference from the baseline, relative for errors and absolute for scores, with its direction."""
    gap = difference(backtest.metric, ours, theirs)
    if not gap or ours == theirs:
        return "equal" if ours == theirs else ""
    return f"{gap} {'better' if is_better(backtest.metric, ours, theirs) else 'worse'}"


def _unit(backtest: Backtest) -> str:
    return backtest.unit if backtest.metric in IN_TARGET_UNITS else ""


def _figure(backtest: Backtest) -> str:
    """The plot of the metric by cut-off as a data URI."""
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
