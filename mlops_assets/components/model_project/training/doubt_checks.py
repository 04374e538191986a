"""Checks of a training set that warn of doubts about its rows, its target and its split."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.training.training_checks import feature_names
from mlops_assets.core import names
from mlops_assets.core.sql_quoting import literal, quoted, quoted_list

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from mlops_assets.ml.doubts.doubt import Doubt

NO_DUPLICATES, STABLE, SUITABLE_SPLIT = "no_duplicate_rows", "stable_over_time", "suitable_split"
TARGET_DISTRIBUTION, ENOUGH_ROWS = "target_distribution", "enough_rows"
_DESCRIPTIONS = {
    ENOUGH_ROWS: "At least 50 holdout rows, and 5 training rows for each feature.",
    TARGET_DISTRIBUTION: "No class has less than a tenth of an equal share of the rows, and no numeric "
    "target is capped or has a long tail, unless a setting allows for it.",
    NO_DUPLICATES: "Less than 1 % of the holdout rows equal a training row, and less than 1 % of the rows "
    "have the features of another row and another class.",
    STABLE: "Early and late rows have the same distribution of features and target, by the first column with "
    "times.",
    SUITABLE_SPLIT: "Rows with times or repeated entities are not split at random, and are no event log.",
}
_OF_STATIC_PROJECTS = (NO_DUPLICATES, STABLE, SUITABLE_SPLIT)


def doubt_checks(
    key: dg.AssetKey, partitions: dg.PartitionsDefinition | None = None
) -> list[dg.AssetCheckSpec]:
    """Specifications of the checks, all of which warn; some are for projects without partitions only."""
    return [
        dg.AssetCheckSpec(name, asset=key, description=description, partitions_def=partitions)
        for name, description in _DESCRIPTIONS.items()
        if partitions is None or name not in _OF_STATIC_PROJECTS
    ]


def raise_doubts(
    project: Project,
    written: "duckdb.DuckDBPyRelation",
    counts: dict[str, tuple[int, int]],
    valid: "duckdb.DuckDBPyRelation | None" = None,
) -> Iterator[dg.AssetCheckResult]:
    """The results of the checks.

    Parameters
    ----------
    counts
        Number of rows and of distinct targets, by side.
    valid
        The validated rows of a project without partitions, whose times and identifiers need not be features.
    """
    from mlops_assets.ml.doubts.target import too_few_rows

    features = feature_names(project, written)
    train, holdout = (counts.get(side, (0, 0))[0] for side in (names.TRAIN, names.HOLDOUT))
    yield _result(ENOUGH_ROWS, [too_few_rows(train, holdout, len(features))], "of rows")
    rows = _sample(written, features, valid)
    examined = f"on {len(rows):,} rows"
    yield _result(TARGET_DISTRIBUTION, _target_doubts(project, rows), examined)
    if valid is not None:
        yield _result(NO_DUPLICATES, _duplicates(project, rows, features), examined)
        times, entities = _roles(project, rows)
        yield _result(STABLE, _drift(project, rows, times, features), examined)
        yield _result(SUITABLE_SPLIT, _split_doubts(project, rows, times, entities), examined)


def _result(check: str, doubts: "Sequence[Doubt | None]", examined: str) -> dg.AssetCheckResult:
    found = [doubt for doubt in doubts if doubt]
    columns = sorted({name for doubt in found for name in doubt.columns})
    return dg.AssetCheckResult(
        check_name=check,
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(map(str, found)) or f"no doubt, {examined}",
        metadata={"columns": dg.MetadataValue.json(columns)},
    )


def _sample(
    written: "duckdb.DuckDBPyRelation",
    features: Sequence[str],
    valid: "duckdb.DuckDBPyRelation | None",
) -> "pd.DataFrame":
    """Rows chosen by the hash of their features, so that equal rows are chosen together.

    Columns of the table that are not features are added.
    """
    from mlops_assets.ml.features.leakage import sample_rows

    joined = written.set_alias("written")
    if valid is not None:
        taken = {name.lower() for name in (*written.columns, *names.PROVENANCE)}
        others = [name for name in valid.columns if name.lower() not in taken]
        beside = valid.project(quoted_list([names.ROW_ID, *others])).set_alias("valid")
        joined = joined.join(beside, names.ROW_ID) if others else joined
    used = joined.filter(f"{names.SPLIT} <> {literal(names.EMBARGO)}")
    order = f"hash({quoted_list(features)}), {quoted(names.ROW_ID)}" if valid is not None else ""
    order = order or f"hash({quoted_list(features)})"
    return used.order(order).limit(sample_rows(len(joined.columns))).df()


def _target_doubts(project: Project, rows: "pd.DataFrame") -> "list[Doubt | None]":
    import pandas as pd

    from mlops_assets.ml.doubts.target import capped_target, class_imbalance, long_tail

    settings, name = project.settings, project.settings.target.column
    tuning, target = settings.tuning, rows[name]
    if settings.task != "regression":
        is_answered = tuning.decision or tuning.class_weight
        return [None if is_answered else class_imbalance(target, name)]
    if not pd.api.types.is_numeric_dtype(target):  # the search reports it
        return []
    ends = (settings.target.minimum, settings.target.maximum)
    capped = capped_target(target, name, [end for end in ends if end is not None])
    robust = tuning.metric in ("mae", "mape") or settings.target.quantile
    return [capped, None if robust else long_tail(target, name)]


def _duplicates(project: Project, rows: "pd.DataFrame", features: Sequence[str]) -> "list[Doubt | None]":
    from mlops_assets.ml.doubts.duplicates import contradictory_rows, duplicate_rows

    name = project.settings.target.column
    inputs, target, holdout = rows[[*features]], rows[name], (rows[names.SPLIT] == names.HOLDOUT).to_numpy()
    found = [duplicate_rows(inputs, target, name, holdout)]
    return (
        found if project.settings.task == "regression" else [*found, contradictory_rows(inputs, target, name)]
    )


def _roles(project: Project, rows: "pd.DataFrame") -> tuple[list[str], list[str]]:
    """The columns with times, that of the split first, and those that identify an entity."""
    from mlops_assets.ml.doubts.splits import entity_column, time_column

    aside = {*names.RESERVED, project.settings.target.column}
    aside |= project.sensitive  # doubts quote first and last times

    def select(fits: "Callable[[pd.Series, str], bool]") -> list[str]:
        return [str(name) for name in rows if name not in aside and fits(rows[name], str(name))]

    by_time = project.settings.split.column
    times = sorted(select(time_column), key=lambda name: name != by_time)
    return times, select(entity_column)


def _drift(
    project: Project, rows: "pd.DataFrame", times: Sequence[str], features: Sequence[str]
) -> "list[Doubt | None]":
    """Drift, unless the rows are split over time: then the holdout measures it."""
    from mlops_assets.ml.doubts.drift import drift_over_time

    if not times or project.settings.split.method == "time":
        return []
    quotable = [name for name in features if name not in project.sensitive]  # doubts quote means
    return [drift_over_time(rows, times[0], [*quotable, project.settings.target.column])]


def _split_doubts(
    project: Project, rows: "pd.DataFrame", times: Sequence[str], entities: Sequence[str]
) -> "list[Doubt | None]":
    from mlops_assets.ml.doubts.splits import event_log, random_over_time, repeated_entity

    split = project.settings.split
    apart = [name for name in entities if name not in split.group]
    over_time = split.method == "time"
    return [
        None if over_time or len(apart) < len(entities) else event_log(rows, times, entities),
        repeated_entity(rows, apart) if not split.group else None,
        None if over_time else random_over_time(rows, times),
    ]
