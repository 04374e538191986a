"""The results of an evaluation as tables in Dagster's UI."""

from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.project.metadata import markdown_table

if TYPE_CHECKING:
    from mlops_assets.ml.evaluation.evaluation import Evaluation
    from mlops_assets.ml.evaluation.groups.slices import SliceScore


def score_table(evaluation: "Evaluation") -> dg.MarkdownMetadataValue:
    """Every metric of the model and its baselines."""
    columns = list(evaluation.scores)
    return markdown_table(
        ["metric", *columns],
        [
            (metric, *(f"{evaluation.scores[name][metric]:.4g}" for name in columns))
            for metric in evaluation.scores[columns[0]]
        ],
    )


def analysis_tables(evaluation: "Evaluation") -> dict[str, dg.MarkdownMetadataValue]:
    """The non-empty tables of the report, for Dagster's UI."""
    tables: dict[str, dg.MarkdownMetadataValue] = {}
    if evaluation.behaviour:
        tables["behaviour"] = markdown_table(
            ["test", "passed", "asked", "found"],
            [
                (each.name, "yes" if each.passed else f"no ({each.severity})", each.asked, each.found)
                for each in evaluation.behaviour
            ],
        )
    if evaluation.monotone:
        tables["monotone_constraints"] = markdown_table(
            ["feature", "direction", "holds", "for all possible rows", "violations", "largest"],
            [
                (
                    each.feature,
                    each.direction,
                    "yes" if each.holds else "no",
                    "yes" if each.in_structure else "not shown",
                    f"{each.violations:,} of {each.rows:,} rows",
                    f"{each.largest:.3g}",
                )
                for each in evaluation.monotone
            ],
        )
    if evaluation.permutation:
        tables["importances"] = markdown_table(
            ["feature", "permutation importance", "sd of the shuffles", "95 % interval", "includes 0"],
            [
                (
                    name,
                    f"{each.mean:.4g}",
                    f"{each.deviation:.2g}",
                    f"{each.low:.4g} to {each.high:.4g}",
                    "yes" if each.includes_zero else "no",
                )
                for name, each in evaluation.permutation.items()
            ],
        )
    if evaluation.slices:
        tables["slices"] = _slice_table(evaluation.metric, evaluation.slices)
    if evaluation.weakest and evaluation.weakest.slices:
        tables["weakest_slices"] = _slice_table(evaluation.metric, evaluation.weakest.slices)
    if evaluation.coverage:
        tables["coverage"] = markdown_table(
            ["column", "value", "rows", "coverage", "95 % interval", "mean size", "p-value"],
            [
                (
                    each.column or "all rows",
                    each.value,
                    f"{each.rows:,}",
                    f"{each.coverage:.4g}",
                    f"{each.low:.4g} to {each.high:.4g}",
                    f"{each.size:.4g}",
                    f"{each.p_value:.2g}",
                )
                for each in evaluation.coverage.scores
            ],
        )
    if any(each.differences for each in evaluation.fairness):
        tables["fairness"] = markdown_table(
            ["column", "measure", "largest difference", "lowest", "highest"],
            [
                (each.column, gap.measure, f"{gap.size:.3g}", gap.lowest, gap.highest)
                for each in evaluation.fairness
                for gap in each.differences
            ],
        )
    if evaluation.leaderboard:
        tables["leaderboard"] = markdown_table(
            ["model", "family", "holdout", "ms a row", "rows a second", "bytes"],
            [
                (
                    each.name,
                    each.family,
                    f"{each.holdout:.4g}",
                    f"{each.single_row_milliseconds:.3g}",
                    f"{each.batch_rows_per_second:,.0f}",
                    f"{each.size_bytes:,.0f}",
                )
                for each in evaluation.leaderboard
            ],
        )
    return tables


def _slice_table(metric: str, slices: "list[SliceScore]") -> dg.MarkdownMetadataValue:
    return markdown_table(
        ["column", "value", "rows", metric, "95 % interval", "worse than the rest"],
        [
            (
                each.column,
                each.value,
                f"{each.rows:,}",
                f"{each.score:.4g}",
                f"{each.low:.4g} to {each.high:.4g}",
                "yes" if each.is_worse else "no",
            )
            for each in slices
        ],
    )
