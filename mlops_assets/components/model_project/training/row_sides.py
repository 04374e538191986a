"""The side of the split of each labelled row of a static project."""

from typing import TYPE_CHECKING

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.project.target_columns import target_expression
from mlops_assets.components.model_project.settings.protected_columns import protected_column
from mlops_assets.components.model_project.training.row_weights import weight_sql
from mlops_assets.core import names
from mlops_assets.core.errors import DataError, ProjectError
from mlops_assets.core.sql_quoting import literal, quoted, quoted_list

if TYPE_CHECKING:
    import duckdb


def row_sides(project: Project, valid: "duckdb.DuckDBPyRelation") -> "duckdb.DuckDBPyRelation":
    """Row ID, target and side of each valid row with a target; weight, group and time where declared.

    Raises
    ------
    ProjectError
        When the contract lacks a column of the target or of the split, or a time can't be compared.
    DataError
        When all rows have the same time.
    """
    target, split = project.settings.target.column, project.settings.split
    expression = target_expression(project)
    if expression and target in valid.columns:
        raise ProjectError(
            f"{project.name}: target.column is {target}, which is also a column of {project.table}",
            hint="choose another name for the result of target.expression",
        )
    if expression:
        key, task = names.ROW_ID, project.settings.task
        valid = expression.with_target(valid, name=target, task=task, key=key)
    declared = {"target.column": target, "split.column": split.column, "weight": project.settings.weight}
    for setting, name in [*declared.items(), *(("split.group", name) for name in split.group)]:
        if name and name not in valid.columns:
            raise ProjectError(
                f"{project.name}: the contract of {project.table} has no column {name}",
                hint=f"correct {setting} in defs.yaml",
            )
    labelled = valid.filter(f"{quoted(target)} is not null")
    group = f"concat_ws(chr(31), {quoted_list(split.group)})" if split.group else ""
    shown = [names.ROW_ID, quoted(target), *([f"{group} as {names.GROUP}"] if group else [])]
    if split.column:
        shown.append(f"{quoted(split.column)} as {names.TIME}")
    protected = protected_column(project.settings)
    if protected in valid.columns:
        shown.append(f"{quoted(protected)} as {names.PROTECTED}")
    return labelled.project(
        f"{', '.join(shown)}, {weight_sql(project)}{_side_sql(project, labelled, group)} as {names.SPLIT}"
    )


def _side_sql(project: Project, labelled: "duckdb.DuckDBPyRelation", group: str) -> str:
    from mlops_assets.ml.search.splits import holdout_sql
    from mlops_assets.ml.search.time_split import time_side_sql

    target, split = project.settings.target.column, project.settings.split
    if split.method == "time":
        assert split.column is not None
        return time_side_sql(split.column, _start_of_holdout(project, labelled, split.column), group=group)
    inside = holdout_sql(split.method, split.holdout, split.seed, target=target, groups=split.group)
    return f"case when {inside} then {literal(names.HOLDOUT)} else {literal(names.TRAIN)} end"


def _start_of_holdout(project: Project, labelled: "duckdb.DuckDBPyRelation", column: str) -> str:
    """The first time of the holdout as SQL."""
    from mlops_assets.ml.search.time_split import TIME_TYPES, latest_start

    kind, split = str(labelled.types[labelled.columns.index(column)]), project.settings.split
    if kind not in TIME_TYPES:
        raise ProjectError(
            f"{project.name}: split.column, {column}, is {kind.lower()}, which does not order rows by time",
            hint="declare it as pa.DateTime or pa.Date in schema.py, or name a column with a time or a year",
        )
    start = str(split.holdout_from or "") or latest_start(labelled, column, split.holdout)
    value = f"try_cast(max({literal(start or '')}) as {kind})::varchar"
    [(rows, known)] = labelled.aggregate(f"count(*), {value}").fetchall()
    if rows and start is None:
        raise DataError(
            f"{project.name}: all rows have the same {column}, so none are later than others",
            hint="choose another split.column, or set split.method to random",
        )
    if rows and known is None:
        example = "2025-03-31 or 2025-03-31 12:30:00" if kind in ("TIMESTAMP", "DATE") else "2025"
        raise ProjectError(
            f"{project.name}: split.holdout_from is {start!r}, which is not a {kind.lower()} as {column} has",
            hint=f"write a value such as {example}",
        )
    return f"cast({literal(known)} as {kind})" if known else "null"
