"""Checks of a training set: both sides of the split, informative features, and features with the target."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.project.column_checks import (
    model_input_columns,
    reject_unknown_columns,
)
from mlops_assets.components.model_project.project.metadata import markdown_table
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names
from mlops_assets.core.sql_quoting import literal, quoted, quoted_list

if TYPE_CHECKING:
    import duckdb

BOTH_SIDES, INFORMATIVE, NO_LEAKAGE = "both_sides", "informative_features", "no_leakage_suspects"
_ABOUT_THE_ROW = (
    names.ROW_ID,
    names.SPLIT,
    names.GROUP,
    names.TIME,
    names.WEIGHT,
    names.PROTECTED,
    names.PERIOD,
    names.PARTITION,
)


def training_checks(
    key: dg.AssetKey, partitions: dg.PartitionsDefinition | None = None
) -> list[dg.AssetCheckSpec]:
    """Specifications of the checks: `both_sides` is blocking, the others warn."""
    return [
        dg.AssetCheckSpec(
            BOTH_SIDES,
            asset=key,
            blocking=True,
            description="Training and holdout rows exist, with more than one value of the target; in a "
            "classification each class is on both sides.",
            partitions_def=partitions,
        ),
        dg.AssetCheckSpec(
            INFORMATIVE,
            asset=key,
            description="No feature is constant in the training rows, and no text is unique in most of them.",
            partitions_def=partitions,
        ),
        dg.AssetCheckSpec(
            NO_LEAKAGE,
            asset=key,
            description="No feature predicts the target alone, and no combination of few features is the "
            "target: such features are often recorded after the target, or derived from it.",
            partitions_def=partitions,
        ),
    ]


def count_sides(written: "duckdb.DuckDBPyRelation", target: str) -> dict[str, tuple[int, int]]:
    """Number of rows and of distinct target values, by side."""
    counted = written.aggregate(f"{names.SPLIT}, count(*), count(distinct {quoted(target)})")
    return {side: (rows, values) for side, rows, values in sorted(counted.fetchall())}


def split_table(counts: Mapping[str, tuple[int, int]]) -> dg.MarkdownMetadataValue:
    """The same as a Markdown table."""
    lines = [(side, f"{rows:,}", f"{values:,}") for side, (rows, values) in counts.items()]
    return markdown_table(["side", "rows", "distinct targets"], lines)


def both_sides(project: Project, counts: dict[str, tuple[int, int]]) -> dg.AssetCheckResult:
    """The result of the check `both_sides`."""
    rows = {side: counts.get(side, (0, 0)) for side in (names.TRAIN, names.HOLDOUT)}
    counted = ", ".join(
        f"{side}: {n:,} rows, {values:,} distinct targets" for side, (n, values) in rows.items()
    )
    error = _split_error(project, rows[names.TRAIN], rows[names.HOLDOUT])
    return dg.AssetCheckResult(
        check_name=BOTH_SIDES,
        passed=error is None,
        description=counted if error is None else f"{error} ({counted})",
    )


def _split_error(project: Project, train: tuple[int, int], holdout: tuple[int, int]) -> str | None:
    target, static = project.settings.target.column, project.timeline is None
    split = project.settings.split
    if not holdout[0]:
        if split.holdout_from is not None:
            return f"no row has a {split.column} from {split.holdout_from} on; set an earlier holdout_from"
        return "the holdout has no rows; provide more data" + (
            ", or increase split.holdout" if static else ""
        )
    if not train[0] and split.column:
        groups = f" of a {' and '.join(split.group)} that is not in the holdout" if split.group else ""
        return (
            f"no row before the holdout{groups} is left for training; reduce split.holdout, or set a later "
            "split.holdout_from"
        )
    if train[1] < 2:
        return f"{target} has the same value in all training rows; provide rows with other values"
    if project.settings.task != "regression" and train[1] != holdout[1]:
        random = static and split.method in ("random", "group")
        stratify = ", or set split.method to stratified" if random else ""
        stratify = ", or change split.holdout" if split.method == "time" else stratify
        return (
            f"a class of {target} is missing in the training rows or the holdout; provide more rows of the "
            f"rarest class{stratify}"
        )
    return None


def informative_features(project: Project, written: "duckdb.DuckDBPyRelation") -> dg.AssetCheckResult:
    """The result of the check `informative_features`, a warning: such a model can be trained."""
    from mlops_assets.ml.features.uninformative import find_uninformative

    features = feature_names(project, written)
    rows = written.filter(f"{names.SPLIT} = {literal(names.TRAIN)}")
    found = find_uninformative(rows, features, hidden=project.sensitive)
    reasons = "; ".join(f"feature {name} {reason}" for name, reason in found.items())
    advice = ": remove it from features.sql, or derive a feature with values that rows share"
    return dg.AssetCheckResult(
        check_name=INFORMATIVE,
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        description=reasons + advice if found else f"{len(features)} features are informative",
        metadata={"uninformative": dg.MetadataValue.json(found)},
    )


def no_leakage_suspects(project: Project, written: "duckdb.DuckDBPyRelation") -> dg.AssetCheckResult:
    """The result of the check `no_leakage_suspects`, a warning: an honest feature can be as good."""
    import pandas as pd

    from mlops_assets.ml.features.leakage import find_suspects, sample_rows

    features, target = feature_names(project, written), project.settings.target.column
    columns = quoted_list([*features, target])
    rows = written.filter(f"{names.SPLIT} = {literal(names.TRAIN)}").project(columns)
    sample = rows.order(f"hash({columns})").limit(sample_rows(len(features))).df()
    task, found = project.settings.task, []
    if task != "regression" or pd.api.types.is_numeric_dtype(sample[target]):  # the search reports others
        found = find_suspects(sample[features], sample[target], task)
    advice = ": check that they are known at the time of a prediction"
    return dg.AssetCheckResult(
        check_name=NO_LEAKAGE,
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"possible target leakage: {'; '.join(map(str, found))}{advice}"
        if found
        else f"none of {len(features)} features alone predicts {target}, examined on {len(sample):,} rows",
        metadata={"suspects": dg.MetadataValue.json({" and ".join(s.columns): s.reason for s in found})},
    )


def feature_names(project: Project, written: "duckdb.DuckDBPyRelation") -> list[str]:
    """The features of a training set, without columns about the row."""
    aside = {*_ABOUT_THE_ROW, project.settings.target.column, *project.settings.entity}
    return [name for name in written.columns if name not in aside]


def reject_unknown_settings(project: Project, written: "duckdb.DuckDBPyRelation") -> None:
    """Reject unknown columns and classes of `evaluation` and `behaviour` before the search starts."""
    target, aside = project.settings.target.column, {*project.settings.entity, *names.RESERVED}
    kinds = dict(zip(written.columns, map(str, written.types), strict=True))
    features = {name: kind for name, kind in kinds.items() if name != target and name not in aside}
    values = []
    if project.settings.task != "regression":
        values = [row[0] for row in written.project(quoted(target)).distinct().limit(1000).fetchall()]
    reject_unknown_columns(project, model_input_columns(project, features), features, values)
