"""Which columns have drifted: significant for the number of columns, and large enough to matter."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mlops_assets.ml.monitoring.drift.classifier import Distinguished
from mlops_assets.ml.monitoring.drift.column_tests import compare_distributions, holm, measure_effect
from mlops_assets.ml.monitoring.drift.histograms import Bins, Counts, Histograms

LEAST_ROWS = 30
"""With fewer rows a column is not tested."""
LEAST_WEIGHT = 1 / 3
"""The weight of a feature without importance: only three times as large an effect counts."""
UNUSUAL, ALWAYS_UNUSUAL = 3.0, 2.0
"""A drift is more than three times the usual variation between periods, or more than two standard deviations:
distances are limited to the range of the reference, and three times a large variation may lie beyond it."""

Reference = Literal["training", "previous", "live"]
"""`training` and `previous`: the rows of a partition against the training rows, and against the partition
before. `live`: logged requests against the training rows."""
DriftKind = Literal["feature", "prediction", "target", "multivariate"]
_SPENT: dict[Reference, float] = {"training": 0.75, "previous": 0.25, "live": 0.75}


@dataclass(frozen=True)
class Thresholds:
    """When a column has drifted: both of its thresholds are passed.

    Attributes
    ----------
    significance
        Maximum probability that one or more columns drift in a partition without a change. Comparisons with
        the training rows spend three quarters of it, those with the previous partition the rest; those of
        logged requests spend three quarters of it again.
    effect
        Minimum weighted effect, in standard deviations.
    auc
        Minimum area under the ROC curve of the classifier.
    """

    significance: float = 0.02
    effect: float = 0.07
    auc: float = 0.55


@dataclass(frozen=True)
class ColumnDrift:
    """The comparison of a column, or of all columns together, with a reference.

    Attributes
    ----------
    p_adjusted
        The p-value, adjusted by Holm's method for all comparisons with the reference.
    importance
        The share of a feature in the permutation importances of the model; None if unknown.
    weighted_effect
        The effect size times the weight of the importance.
    usual
        The usual effect size between periods of the training rows; 0 if unknown.
    """

    reference: Reference
    kind: DriftKind
    column: str | None
    rows: int
    reference_rows: int
    test: str | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    effect: str | None = None
    effect_size: float | None = None
    importance: float | None = None
    weighted_effect: float | None = None
    usual: float = 0.0
    drifted: bool = False
    note: str = ""


def compare_column(
    reference: Reference,
    kind: DriftKind,
    bins: Bins,
    before: tuple[Counts, float],
    after: Counts,
    *,
    importance: float | None = None,
    weight: float = 1.0,
    usual: float = 0.0,
) -> ColumnDrift:
    """Compare the counts of a column; whether it has drifted depends on the other columns, see `decide`.

    Parameters
    ----------
    before
        Counts of the reference, and the factor that makes them those of independent rows.
    weight
        The weight of the effect, see `importance_weights`.
    usual
        The usual effect size between periods.
    """
    counts, scale = before
    found = ColumnDrift(
        reference, kind, bins.column, after.rows, counts.rows, importance=importance, usual=usual
    )
    if min(after.rows, counts.rows * scale) < LEAST_ROWS:
        return replace(found, note=f"not tested: fewer than {LEAST_ROWS} independent rows")
    tested = compare_distributions(bins, counts, after, scale=scale)
    effect = measure_effect(bins, counts, after, scale=scale)
    return replace(
        found,
        test=tested.name,
        p_value=tested.p_value,
        effect=effect.name,
        effect_size=effect.size,
        weighted_effect=effect.size * weight,
    )


def compare_columns(
    reference: Reference,
    kind: DriftKind,
    before: Histograms,
    after: Mapping[str, Counts],
    importances: Mapping[str, float] | None = None,
) -> list[ColumnDrift]:
    """Compare the columns of a partition with a reference.

    Parameters
    ----------
    importances
        Permutation importance by feature; by default all columns are equally important.
    """
    shares, weights = importance_weights(list(before.bins), importances)
    scale = min(1.0, before.size / before.rows) if before.rows else 1.0
    return [
        compare_column(
            reference,
            kind,
            bins,
            (before.counts[name], scale),
            after[name],
            importance=shares.get(name),
            weight=weights[name],
            usual=getattr(before.variation[name], training_or_previous(reference))
            if name in before.variation
            else 0.0,
        )
        for name, bins in before.bins.items()
        if name in after
    ]


def training_or_previous(reference: Reference) -> Literal["training", "previous"]:
    """The rows of a comparison's reference."""
    return "previous" if reference == "previous" else "training"


def compare_rows(reference: Reference, found: Distinguished, usual: float = 0.0) -> ColumnDrift:
    """The result of the classifier as a comparison; `usual` is its usual shift between periods."""
    return ColumnDrift(
        reference,
        "multivariate",
        None,
        found.rows,
        found.reference_rows,
        test="classifier",
        p_value=found.p_value,
        effect="auc",
        effect_size=found.auc,
        weighted_effect=found.shift,
        usual=usual,
        note=f"AUC {found.auc:.3f} (95 % interval {found.low:.3f} to {found.high:.3f})",
    )


def decide(compared: Sequence[ColumnDrift], thresholds: Thresholds) -> list[ColumnDrift]:
    """Adjust the p-values of all comparisons with one reference, and decide which of them are a drift."""
    tested = [place for place, each in enumerate(compared) if each.p_value is not None]
    adjusted = holm([compared[place].p_value or 0.0 for place in tested])
    decided = list(compared)
    for place, p_value in zip(tested, adjusted, strict=True):
        each = replace(compared[place], p_adjusted=p_value)
        is_significant = p_value <= thresholds.significance * _SPENT[each.reference]
        is_large = _is_large(each, thresholds)
        is_unusual = _unweighted(each) > min(UNUSUAL * each.usual, ALWAYS_UNUSUAL)
        if is_large and is_significant and not is_unusual:
            note = f"no more than {UNUSUAL:g} times the usual variation between periods, {each.usual:.2g}"
            each = replace(each, note="; ".join(filter(None, [each.note, note])))
        drifted = is_significant and is_large and is_unusual
        decided[place] = replace(each, drifted=drifted)
    return decided


def _is_large(compared: ColumnDrift, thresholds: Thresholds) -> bool:
    if compared.kind == "multivariate":
        return (compared.effect_size or 0.0) >= thresholds.auc
    return (compared.weighted_effect or 0.0) >= thresholds.effect


def _unweighted(compared: ColumnDrift) -> float:
    """The size of the effect in standard deviations."""
    size = compared.weighted_effect if compared.kind == "multivariate" else compared.effect_size
    return size or 0.0


def importance_weights(
    columns: Sequence[str], importances: Mapping[str, float] | None
) -> tuple[dict[str, float], dict[str, float]]:
    """Shares of features in the importances, and the weights of their effects.

    A feature with at least the mean importance has the weight 1. A less important one has less, in proportion
    and at least `LEAST_WEIGHT`: importances have noise, and features with the same information share theirs.
    """
    known = {
        name: max(0.0, importances[name])
        for name in columns
        if importances and math.isfinite(importances.get(name, math.nan))
    }
    total = sum(known.values())
    if not total:
        return {}, dict.fromkeys(columns, 1.0)
    shares = {name: value / total for name, value in known.items()}
    weights = {
        name: min(1.0, max(LEAST_WEIGHT, shares[name] * len(known))) if name in shares else 1.0
        for name in columns
    }
    return shares, weights
