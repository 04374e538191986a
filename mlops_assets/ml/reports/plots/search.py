"""Plots of a search: the tried hyperparameters and their importance."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
from matplotlib.figure import Figure
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.importance import get_param_importances

from mlops_assets.ml.metrics.tasks import HIGHER_IS_BETTER
from mlops_assets.ml.number_format import metric_title
from mlops_assets.ml.reports.plots.style import INK, PALE, WIDE, empty_axes, printable
from mlops_assets.ml.search.trials import TrialSummary

MIN_TRIALS = 4
"""Minimum number of trials of one family for a plot."""


def search_figures(trials: Sequence[TrialSummary], metric: str) -> dict[str, Figure]:
    """Plots of complete trials by file name; empty if one family has too few, or all have the same score."""
    tried = _of_one_family([trial for trial in trials if trial.state == "complete"])
    if len(tried) < MIN_TRIALS or len({trial.score for trial in tried}) < 2:
        return {}
    return {
        "search_parallel_coordinates.png": parallel_coordinates(tried, metric),
        "search_parameter_importances.png": parameter_importances(tried, metric),
    }


def parallel_coordinates(trials: Sequence[TrialSummary], metric: str) -> Figure:
    """Each trial of one family as a line over its hyperparameters, the best fifth dark."""
    figure, axes = empty_axes(WIDE, "", "position in the tried range")
    names, values = _values(trials)
    low, high = values.min(axis=0), values.max(axis=0)
    share = (values - low) / np.where(high > low, high - low, 1)
    order = np.argsort([_loss(trial, metric) for trial in trials])
    best = max(len(trials) // 5, 1)
    for place in order[::-1]:
        leading = place in order[:best]
        style: dict[str, Any] = (
            {"color": INK, "linewidth": 2.2, "zorder": 3} if leading else {"color": PALE, "linewidth": 1}
        )
        axes.plot(range(len(names)), share[place], **style)
    raw = np.array([[float(trial.params[name]) for name in names] for trial in trials])
    labels = [
        f"{printable(name, 18)}\n{bottom:.3g} to {top:.3g}"
        for name, bottom, top in zip(names, raw.min(axis=0), raw.max(axis=0), strict=True)
    ]
    axes.set_xticks(range(len(names)), labels, fontsize=7.5)
    axes.set(ylim=(-0.05, 1.05), xlim=(-0.3, len(names) - 0.7))
    axes.set_title(
        f"{trials[0].family}: {len(trials)} complete trials; dark: the best {best} by {metric_title(metric)}",
        fontsize=9,
    )
    return figure


def parameter_importances(trials: Sequence[TrialSummary], metric: str) -> Figure:
    """The share of the variance of the score that each hyperparameter explains (Hutter et al. 2014)."""
    figure, axes = empty_axes(WIDE, "share of the variance of the score (fANOVA)", "")
    found = sorted(_importances(trials, metric).items(), key=lambda item: item[1])
    axes.barh(range(len(found)), [value for _, value in found], color=INK)
    axes.set_yticks(range(len(found)), [printable(name, 24) for name, _ in found], fontsize=8)
    axes.set_title(f"{trials[0].family}, over {len(trials)} complete trials", fontsize=9)
    return figure


def _of_one_family(trials: Sequence[TrialSummary]) -> list[TrialSummary]:
    """The trials of the family with the most trials."""
    counts = Counter(trial.family for trial in trials)
    chosen = max(counts, key=lambda family: (counts[family], family)) if counts else None
    return [trial for trial in trials if trial.family == chosen]


def _values(trials: Sequence[TrialSummary]) -> tuple[list[str], NDArray]:
    """Names and values of hyperparameters, `(trials, parameters)`; logarithms where they span decades."""
    names = sorted(trials[0].params)
    values = np.array([[float(trial.params[name]) for name in names] for trial in trials])
    logarithmic = (values.min(axis=0) > 0) & (values.max(axis=0) > 20 * np.maximum(values.min(axis=0), 1e-12))
    return names, np.where(logarithmic, np.log10(np.maximum(values, 1e-12)), values)


def _importances(trials: Sequence[TrialSummary], metric: str) -> dict[str, float]:
    names, values = _values(trials)
    study = optuna.create_study(direction="minimize")
    spaces: dict[str, BaseDistribution] = {
        name: FloatDistribution(float(column.min()), float(column.max()) or 1.0)
        for name, column in zip(names, values.T, strict=True)
        if column.max() > column.min()
    }
    for trial, row in zip(trials, values, strict=True):
        params = {name: float(value) for name, value in zip(names, row, strict=True) if name in spaces}
        study.add_trial(
            optuna.trial.create_trial(params=params, distributions=spaces, value=_loss(trial, metric))
        )
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return dict(get_param_importances(study, evaluator=evaluator))


def _loss(trial: TrialSummary, metric: str) -> float:
    return -trial.score if metric in HIGHER_IS_BETTER else trial.score
