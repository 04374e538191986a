"""A drift report as rows, checks and metadata of Dagster's UI."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import dagster as dg

from mlops_assets.components.model_project.monitoring.report import CheckOutcome
from mlops_assets.components.model_project.project.metadata import markdown_table
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names

if TYPE_CHECKING:
    from mlops_assets.components.model_project.monitoring.drift.compare_partition import PartitionComparer
    from mlops_assets.ml.monitoring.drift.evaluation import ColumnDrift

NO_DRIFT, NO_PREDICTION_DRIFT, NO_TARGET_DRIFT = "no_drift", "no_prediction_drift", "no_target_drift"
CHECKS = {
    NO_DRIFT: "No feature, and not all features together, are distributed differently than in the training "
    "rows of the model or in the partition before: significant for the number of columns, large enough to "
    "matter, and more than usual between periods.",
    NO_PREDICTION_DRIFT: "The predictions are distributed as those of the holdout, and of the partition "
    "before.",
    NO_TARGET_DRIFT: "The target, once it is known, is distributed as in the training rows and in the "
    "partition before.",
}
_KINDS = {
    NO_DRIFT: ("feature", "multivariate"),
    NO_PREDICTION_DRIFT: ("prediction",),
    NO_TARGET_DRIFT: ("target",),
}
_AGAINST = {
    "training": "against the training rows",
    "previous": "against the partition before",
    "live": "live requests against the training rows",
}
_ORDER = list(_AGAINST)
_SHOWN = 20
_NAMED = 5


def report_rows(compared: "Sequence[ColumnDrift]", version: int) -> list[dict[str, object]]:
    """The rows of the table, the largest weighted effects first."""
    ordered = sorted(
        compared,
        key=lambda each: (_ORDER.index(each.reference), not each.drifted, -(each.weighted_effect or 0.0)),
    )
    rows = []
    for each in ordered:
        found = asdict(each)
        del found["usual"]
        found["column_name"] = found.pop("column")
        rows.append({**found, names.MODEL_VERSION: version})
    return rows


def check_outcomes(compared: "Sequence[ColumnDrift]") -> dict[str, CheckOutcome]:
    """The outcome of each check."""
    return {
        name: _outcome([each for each in compared if each.kind in kinds]) for name, kinds in _KINDS.items()
    }


def report_metadata(
    project: Project,
    comparer: "PartitionComparer",
    compared: "Sequence[ColumnDrift]",
    partition: str | None,
) -> dict[str, Any]:
    """Numbers that Dagster's UI plots over the partitions, tables and a plot.

    Parameters
    ----------
    comparer
        What the partition was compared by, for the distribution of the most shifted column.
    """
    training = [each for each in compared if each.reference == "training"]
    columns = [each for each in training if each.column is not None and each.weighted_effect is not None]
    metadata: dict[str, Any] = {
        "rows": max((each.rows for each in compared), default=0),
        names.MODEL_VERSION: comparer.scoring.version.version,
        "drifted_columns": len({each.column for each in compared if each.drifted and each.column}),
        **_largest("largest_weighted_effect", [each for each in columns if each.kind == "feature"]),
        **_largest("prediction_effect", [each for each in columns if each.kind == "prediction"]),
        **_largest("target_effect", [each for each in columns if each.kind == "target"]),
    }
    for each in compared:
        if each.kind == "multivariate" and each.effect_size is not None:
            metadata[f"auc_{each.reference}"] = each.effect_size
    metadata["columns"] = _table(compared)
    shown = [each for each in columns if each.kind == "feature" and each.column not in project.sensitive]
    top = max(shown, key=lambda each: (each.drifted, each.weighted_effect or 0.0), default=None)
    if top is not None and top.column is not None:
        found = comparer.distribution(partition, top.column)
        if found is not None:
            from mlops_assets.ml.reports.plots.drift import distribution_plot

            metadata["most_shifted_column"] = dg.MetadataValue.md(distribution_plot(*found))
    return metadata


def live_metadata(days: Sequence[str], compared: "Sequence[ColumnDrift]") -> dict[str, Any]:
    """What is known of logged requests, of which there may be none."""
    return {
        "live_days": f"{days[0]} to {days[-1]}" if days else "no request yet",
        "live_rows": max((each.rows for each in compared), default=0),
        "live_drifted_columns": len({each.column for each in compared if each.drifted and each.column}),
        **({"live_columns": _table(compared)} if compared else {}),
    }


def _outcome(compared: "Sequence[ColumnDrift]") -> CheckOutcome:
    drifted = [each for each in compared if each.drifted]
    tested = [each for each in compared if each.p_value is not None]
    notes = list(dict.fromkeys(each.note for each in compared if each.p_value is None and each.note))
    aside = f"; {'; '.join(notes)}" if notes else ""
    if not tested:
        return CheckOutcome(True, "; ".join(notes) or "not compared: not known yet")
    if not drifted:
        return CheckOutcome(True, f"no drift in {len(tested)} comparisons{aside}")
    parts = []
    for reference, words in _AGAINST.items():
        found = sorted(
            (each for each in drifted if each.reference == reference),
            key=lambda each: -(each.weighted_effect or 0.0),
        )
        if found:
            more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
            parts.append(f"{words}: {', '.join(map(_described, found[:_NAMED]))}{more}")
    return CheckOutcome(False, "; ".join(parts) + aside, {"drifted": len(drifted)})


def _described(each: "ColumnDrift") -> str:
    if each.kind == "multivariate":
        return f"all features together ({each.note})"
    measure = {"wasserstein": " sd", "root_psi": "", "missing": ", missing values"}[each.effect or ""]
    return f"{each.column} ({each.effect_size:.2f}{measure})"


def _largest(name: str, compared: "Sequence[ColumnDrift]") -> dict[str, float]:
    sizes = [each.weighted_effect for each in compared if each.weighted_effect is not None]
    return {name: max(sizes)} if sizes else {}


def _table(compared: "Sequence[ColumnDrift]") -> dg.MarkdownMetadataValue:
    """The drifted columns, and those with the largest effects."""
    known = [each for each in compared if each.p_value is not None]
    ranked = sorted(known, key=lambda each: (not each.drifted, -(each.weighted_effect or 0.0)))
    return markdown_table(
        ["column", "compared", "drifted", "effect", "size", "importance", "adjusted p-value", "note"],
        [
            (
                each.column or "all features together",
                _AGAINST[each.reference],
                "yes" if each.drifted else "no",
                each.effect,
                f"{each.effect_size:.3f}",
                "" if each.importance is None else f"{each.importance:.1%}",
                f"{each.p_adjusted if each.p_adjusted is not None else math.nan:.2g}",
                each.note,
            )
            for each in ranked[:_SHOWN]
        ],
    )
