"""The checks of a training set: is there something to learn, and to judge a model by?"""

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
from mlops_assets.core.sql_quoting import literal, quoted

if TYPE_CHECKING:
    import duckdb

BOTH_SIDES, INFORMATIVE = "both_sides", "informative_features"
_ABOUT_THE_ROW = (names.ROW_ID, names.SPLIT, names.GROUP, names.PERIOD, names.PARTITION)


def training_checks(
    key: dg.AssetKey, partitions: dg.PartitionsDefinition | None = None
) -> list[dg.AssetCheckSpec]:
    """The checks of a training set, blocking and warning."""
    return [
        dg.AssetCheckSpec(
            BOTH_SIDES,
            asset=key,
            blocking=True,
            description="Both sides have rows, and more than one value of the target (each class, for "
            "classes).",
            partitions_def=partitions,
        ),
        dg.AssetCheckSpec(
            INFORMATIVE,
            asset=key,
            description="No feature has the same value in all rows that train, or a text of its own in most.",
            partitions_def=partitions,
        ),
    ]


def count_sides(written: "duckdb.DuckDBPyRelation", target: str) -> dict[str, tuple[int, int]]:
    """Rows and different targets of each side."""
    counted = written.aggregate(f"{names.SPLIT}, count(*), count(distinct {quoted(target)})")
    return {side: (rows, values) for side, rows, values in sorted(counted.fetchall())}


def split_table(counts: Mapping[str, tuple[int, int]]) -> dg.MarkdownMetadataValue:
    """The same to look at."""
    lines = [(side, f"{rows:,}", f"{values:,}") for side, (rows, values) in counts.items()]
    return markdown_table(["side", "rows", "different targets"], lines)


def both_sides(project: Project, counts: dict[str, tuple[int, int]]) -> dg.AssetCheckResult:
    """Whether there is something to learn on one side, and something to judge it by on the other."""
    rows = {side: counts.get(side, (0, 0)) for side in (names.TRAIN, names.HOLDOUT)}
    told = ", ".join(
        f"{side}: {n:,} rows, {values:,} different targets" for side, (n, values) in rows.items()
    )
    fault = _side_fault(project, rows[names.TRAIN], rows[names.HOLDOUT])
    return dg.AssetCheckResult(
        check_name=BOTH_SIDES,
        passed=fault is None,
        description=told if fault is None else f"{fault} ({told})",
    )


def _side_fault(project: Project, train: tuple[int, int], holdout: tuple[int, int]) -> str | None:
    target, static = project.settings.target.column, project.timeline is None
    if not holdout[0]:
        return "no row is left to judge a model; bring more" + (", or raise split.holdout" if static else "")
    if train[1] < 2:
        return f"{target} has the same value in all rows that train, so there is nothing to learn"
    if project.settings.task != "regression" and train[1] != holdout[1]:
        stratify = ", or set split.method to stratified" if static else ""
        return f"a class of {target} is missing on one side; bring more rows of the rarest{stratify}"
    return None


def informative_features(project: Project, written: "duckdb.DuckDBPyRelation") -> dg.AssetCheckResult:
    """Warn of features that tell nothing; the model can be trained all the same."""
    from mlops_assets.ml.features.uninformative import find_uninformative

    aside = {*_ABOUT_THE_ROW, project.settings.target.column, *project.settings.entity}
    features = [name for name in written.columns if name not in aside]
    found = find_uninformative(written.filter(f"{names.SPLIT} = {literal(names.TRAIN)}"), features)
    told = "; ".join(f"feature {name} {reason}" for name, reason in found.items())
    advice = ": leave it out of features.sql, or make of it something that rows share"
    return dg.AssetCheckResult(
        check_name=INFORMATIVE,
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        description=told + advice if found else f"{len(features)} features tell rows apart",
        metadata={"uninformative": dg.MetadataValue.json(found)},
    )


def refuse_unknown_settings(project: Project, written: "duckdb.DuckDBPyRelation") -> None:
    """Find a misspelt column or class of `evaluation` and `behaviour` before the search, not after it."""
    target, aside = project.settings.target.column, {*project.settings.entity, *names.RESERVED}
    kinds = dict(zip(written.columns, map(str, written.types), strict=True))
    features = {name: kind for name, kind in kinds.items() if name != target and name not in aside}
    values = []
    if project.settings.task != "regression":
        values = [row[0] for row in written.project(quoted(target)).distinct().limit(1000).fetchall()]
    reject_unknown_columns(project, model_input_columns(project, features), features, values)
