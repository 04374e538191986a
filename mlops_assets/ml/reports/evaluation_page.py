"""The evaluation report of a model as one HTML page."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mlops_assets.core.byte_size import format_bytes
from mlops_assets.ml.evaluation.comparison_gates import is_significant_improvement
from mlops_assets.ml.evaluation.evaluation import Evaluation, TableQuality
from mlops_assets.ml.evaluation.groups.fairness import Fairness
from mlops_assets.ml.evaluation.groups.slices import SliceScore
from mlops_assets.ml.evaluation.importances import PERMUTATION_ROWS, shuffle_count
from mlops_assets.ml.metrics.clusters import FEW_CLUSTERS
from mlops_assets.ml.metrics.tasks import HIGHER_IS_BETTER, IN_TARGET_UNITS, is_better
from mlops_assets.ml.number_format import (
    difference,
    distinct_numbers,
    interval_text,
    metric_title,
    number,
    share_text,
)
from mlops_assets.ml.reports.coverage_captions import coverage_caption, coverage_rows, coverage_warning
from mlops_assets.ml.reports.figures import report_figures
from mlops_assets.ml.reports.holdout_captions import confusion_caption
from mlops_assets.ml.reports.html import render_page
from mlops_assets.ml.reports.model_captions import (
    costs_caption,
    fairness_caption,
    shap_note,
    weakest_slices_caption,
)
from mlops_assets.ml.reports.plots.explanations import SHOWN_IMPORTANCES
from mlops_assets.ml.reports.plots.fairness import constraint_headline
from mlops_assets.ml.search.baselines import MODEL
from mlops_assets.ml.search.trials import TrialSummary

TOP_TRIALS, TOP_ERRORS = 10, 8
MAX_CLASSES_IN_FULL = 8
"""A confusion matrix of more classes has numbered columns and no counts."""
MAX_CLASSES_SHOWN = 40
"""For more classes, only the most frequent errors are shown."""
_MEANINGS = {
    "rmse": "root mean squared error",
    "mae": "mean absolute error",
    "r2": "share of the variance that is explained",
    "pinball": "mean loss of a quantile: errors below and above it have different costs",
    "mape": "mean absolute error relative to the true value",
    "roc_auc": "probability to rank a positive above a negative",
    "average_precision": "mean precision over all recall levels",
    "log_loss": "negative log-likelihood of the true class",
    "brier": "mean squared error of the probabilities",
    "f1": "harmonic mean of precision and recall",
    "accuracy": "share of correct predictions",
    "precision": "share of predicted positives that are correct",
    "recall": "share of positives that are predicted positive",
}


def render_report(evaluation: Evaluation) -> str:
    """Render the page, which has no scripts and loads no other resources."""
    regression = evaluation.task == "regression"
    return render_page(
        "report.html.j2",
        evaluation=evaluation,
        summary=evaluation_summary(evaluation),
        headline=baseline_headline(evaluation),
        metrics=metric_rows(evaluation),
        metric=metric_title(evaluation.metric),
        shown_importances=SHOWN_IMPORTANCES,
        shap_note=shap_note(evaluation),
        shuffled_rows=(shuffled_rows := min(PERMUTATION_ROWS, evaluation.holdout_rows)),
        shuffles=shuffle_count(len(evaluation.importances), shuffled_rows),
        figures=report_figures(evaluation),
        confusion=None if regression else _confusion(evaluation),
        trials=_best_trials(evaluation),
        coverage=coverage_rows(evaluation.coverage),
        coverage_caption=coverage_caption(evaluation.coverage, evaluation.unit)
        if evaluation.coverage
        else "",
        coverage_warning=coverage_warning(evaluation.coverage) if evaluation.coverage else "",
        slices=_slice_rows(evaluation, evaluation.slices),
        weakest=_slice_rows(evaluation, evaluation.weakest.slices) if evaluation.weakest else [],
        weakest_slices_caption=weakest_slices_caption(evaluation.weakest),
        fairness=_fairness(evaluation),
        constraint_headline=constraint_headline(evaluation.mitigation) if evaluation.mitigation else "",
        leaderboard=_leaderboard_rows(evaluation),
        searched=any(not math.isnan(each.score) for each in evaluation.leaderboard),
        costs=costs_caption(evaluation.leaderboard, evaluation.served) if evaluation.leaderboard else "",
        quality=[_quality_row(table) for table in evaluation.quality],
    )


def evaluation_summary(evaluation: Evaluation) -> str:
    """The score with its confidence interval and rows, the best baseline, and the message of the gate."""
    metric, best = evaluation.metric, evaluation.best_baseline
    ours, theirs = evaluation.scores[MODEL][metric], evaluation.scores[best][metric]
    texts = distinct_numbers([ours, theirs], metric)
    interval = interval_text(*evaluation.intervals.get(MODEL, (math.nan, math.nan)), metric)
    unit = evaluation.unit if metric in IN_TARGET_UNITS else ""
    interval = f"95 % CI {interval}" if interval else ""
    weighted = f"weighted by {evaluation.weight}" if evaluation.weight else ""
    details = "; ".join(filter(None, [unit, interval, clusters_text(evaluation), weighted]))
    start = f"{metric_title(metric)} {texts[0]}{f' ({details})' if details else ''}"
    start = f"{start} on {evaluation.holdout_rows:,} holdout rows"
    gap, baseline = difference(metric, ours, theirs), f"the best baseline ({best}, {texts[1]})"
    side = "better" if is_better(metric, ours, theirs) else "worse"
    difference_text = f", {gap} {side} than {baseline}" if gap and ours != theirs else f"; {baseline}"
    gate = evaluation.baseline_gate
    comparison = f" Comparison with the baselines: {gate.message}." if gate else ""
    warning = f" {evaluation.leakage_warning}" if evaluation.leakage_warning else ""
    if evaluation.quantile:
        warning = f" {evaluation.quantile.message}.{warning}"
    return f"{start}{difference_text}.{comparison}{warning}"


def baseline_headline(evaluation: Evaluation) -> str:
    """The result of the gate `better_than_baseline` in a few words, or that the score is too good."""
    gate = evaluation.baseline_gate
    if evaluation.leakage_warning:
        return "⚠ Possible target leakage"
    if gate is None:
        return "Not compared with the baselines"
    if not gate.passed:
        return "✗ Fails the comparison with the baselines"
    better = is_significant_improvement(evaluation.metric, gate)
    return "✓ Significantly better than the baselines" if better else "✓ Non-inferior to the best baseline"


def clusters_text(evaluation: Evaluation) -> str:
    """The number of clusters that intervals and tests resample; empty if rows are independent."""
    count = evaluation.cluster_count
    if not evaluation.cluster_columns or count == evaluation.holdout_rows:
        return ""
    text = f"by {count:,} clusters of {', '.join(evaluation.cluster_columns)}"
    return f"{text}, too few for a reliable interval" if count < FEW_CLUSTERS else text


def metric_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """A row for each metric, with a text for the model and each baseline, and whether it is the best.

    The primary metric also has the confidence intervals that are known.
    """
    rows = []
    undefined = (math.nan, math.nan)
    intervals = [
        interval_text(*evaluation.intervals.get(name, undefined), evaluation.metric)
        for name in evaluation.scores
    ]
    for metric in evaluation.scores[MODEL]:
        values = [scores[metric] for scores in evaluation.scores.values()]
        known = [value for value in values if not math.isnan(value)]
        best = (max if metric in HIGHER_IS_BETTER else min)(known, default=None)
        texts = distinct_numbers(values, metric)
        rows.append(
            {
                "label": metric_title(metric),
                "unit": evaluation.unit if metric in IN_TARGET_UNITS else "",
                "meaning": _MEANINGS[metric],
                "better": "higher" if metric in HIGHER_IS_BETTER else "lower",
                "is_primary": metric == evaluation.metric,
                "intervals": intervals if metric == evaluation.metric else ["" for _ in intervals],
                "cells": [(text, value == best) for text, value in zip(texts, values, strict=True)],
            }
        )
    return rows


def _confusion(evaluation: Evaluation) -> dict[str, Any]:
    """Rows of the confusion matrix as counts and shares of the true class, and the most frequent errors."""
    counts, classes = evaluation.confusion(), evaluation.classes
    totals = counts.sum(axis=1)
    shares = counts / np.maximum(totals, 1)[:, None]
    wrong = counts * (1 - np.eye(len(classes), dtype=int))
    largest = np.argsort(-wrong, axis=None, kind="stable")[:TOP_ERRORS]
    return {
        "rows": [
            (name, int(total), list(zip(row.tolist(), parts.tolist(), strict=True)))
            for name, total, row, parts in zip(classes, totals, counts, shares, strict=True)
        ],
        "errors": [
            (classes[row], classes[column], int(wrong[row, column]), float(shares[row, column]))
            for row, column in zip(*np.unravel_index(largest, wrong.shape), strict=True)
            if wrong[row, column]
        ],
        "caption": confusion_caption(counts, classes),
        "matrix": len(classes) <= MAX_CLASSES_SHOWN,
        "compact": len(classes) > MAX_CLASSES_IN_FULL,
    }


def _best_trials(evaluation: Evaluation) -> list[tuple[TrialSummary, str]]:
    """The best complete trials with their scores; undefined scores are last."""
    sign = -1 if evaluation.metric in HIGHER_IS_BETTER else 1
    complete = [trial for trial in evaluation.trials if trial.state != "pruned"]
    complete.sort(key=lambda trial: (math.isnan(trial.score), sign * trial.score))
    scores = distinct_numbers([trial.score for trial in complete[:TOP_TRIALS]], evaluation.metric)
    return list(zip(complete, scores, strict=False))


def _slice_rows(evaluation: Evaluation, slices: Sequence[SliceScore]) -> list[dict[str, Any]]:
    """Texts of slices, with a dash for those with too few rows."""
    metric = evaluation.metric
    rows = []
    for each in slices:
        has_score = not math.isnan(each.score)
        rows.append(
            {
                "column": each.column,
                "value": each.value,
                "rows": each.rows,
                "score": distinct_numbers([each.score], metric)[0] if has_score else "–",
                "interval": interval_text(each.low, each.high, metric),
                "ratio": number(each.ratio, 2) if has_score and math.isfinite(each.ratio) else "–",
                "p_value": _p_value_text(each.chance),
                "is_worse": each.is_worse,
            }
        )
    return rows


def _p_value_text(p_value: float) -> str:
    if math.isnan(p_value):
        return "–"
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def _fairness(evaluation: Evaluation) -> list[dict[str, Any]]:
    """A table for each protected column: its groups with their measures, and the largest differences."""
    share = evaluation.task != "regression"
    return [
        {
            "column": each.column,
            "measures": list(each.groups[0].measures) if each.groups else [],
            "groups": [_group_row(each, index, share) for index in range(len(each.groups))],
            "differences": [
                "–" if gap is None else number(100 * gap.size, 2) if share else number(gap.size)
                for gap in _gaps(each)
            ],
            "in_points": share,
            "criteria": [(name, number(value)) for name, value in each.criteria.items()],
            "caption": fairness_caption(each, evaluation.unit),
        }
        for each in evaluation.fairness
    ]


def _gaps(found: Fairness) -> list[Any]:
    """The largest difference of each measure, in the order of the measures."""
    gaps = {gap.measure: gap for gap in found.differences}
    return [gaps.get(name) for name in found.groups[0].measures] if found.groups else []


def _group_row(found: Fairness, index: int, share: bool) -> dict[str, Any]:
    group = found.groups[index]
    text = share_text if share else number
    cells = []
    for name, value in group.measures.items():
        low, high = group.intervals.get(name, (math.nan, math.nan))
        interval = "" if math.isnan(low) else f"{text(low).removesuffix(' %')} to {text(high)}"
        cells.append(("–" if math.isnan(value) else text(value), interval))
    return {"value": group.value, "rows": group.rows, "cells": cells, "is_compared": group.is_compared}


def _leaderboard_rows(evaluation: Evaluation) -> list[dict[str, str]]:
    """A row for each model, with a dash for unknown numbers."""

    def text(value: float, formatted: str) -> str:
        return "–" if math.isnan(value) else formatted

    entries = evaluation.leaderboard
    scores = distinct_numbers([each.score for each in entries], evaluation.metric)
    holdouts = distinct_numbers([each.holdout for each in entries], evaluation.metric)
    return [
        {
            "name": each.name,
            "family": each.family,
            "note": each.note,
            "score": text(each.score, score),
            "holdout": text(each.holdout, holdout),
            "fit": text(each.fit_seconds, f"{number(each.fit_seconds)} s"),
            "single": text(each.single_row_milliseconds, f"{number(each.single_row_milliseconds)} ms"),
            "batch": text(each.batch_rows_per_second, number(each.batch_rows_per_second)),
            "size": "–" if math.isnan(each.size_bytes) else format_bytes(each.size_bytes),
        }
        for each, score, holdout in zip(entries, scores, holdouts, strict=True)
    ]


def _quality_row(table: TableQuality) -> dict[str, Any]:
    total = table.validated + table.quarantined
    return {
        "table": table.table,
        "validated": table.validated,
        "quarantined": table.quarantined,
        "share": share_text(table.quarantined / total) if total else "–",
        "rules": table.rules,
    }
