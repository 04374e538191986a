"""Holdout rows that the champion was not trained on, and the features that it requires for them."""

import json
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.project.training_rows import training_set
from mlops_assets.core import names
from mlops_assets.core.sql_quoting import quoted

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from mlops_assets.stores.tracking.registry import RecordedVersion, Version
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.tracking.trained_model import TrainedModel
    from mlops_assets.stores.warehouse.warehouse import Warehouse


def rows_unseen_by(
    project: Project, warehouse: "Warehouse", challenger: "Version | TrainedModel", before: "Version"
) -> "pd.DataFrame":
    """Holdout rows of the challenger that the champion was not trained on.

    They have the columns that clients send, and the target.
    """
    find = _rows_unseen_by if project.timeline is None else _period_unseen_by
    return find(project, warehouse, challenger, before)


def _rows_unseen_by(
    project: Project, warehouse: "Warehouse", challenger: "Version | TrainedModel", before: "Version"
) -> "pd.DataFrame":
    """Of a static project: valid rows of the holdout without those that the champion was trained on.

    Rows are matched by the key of the table, so that a corrected row stays known. Without a key, or if one of
    the tables lacks a column of it, they are matched by the values of the columns that both models know. They
    are not matched by `row_id`: the contract, and with it the row IDs, may have changed since.
    """
    with warehouse.connect() as connection:
        sides = [
            _valid_rows(project, warehouse, connection, version, side)
            for version, side in ((challenger, names.HOLDOUT), (before, names.TRAIN))
        ]
        target = project.settings.target.column
        hidden = {names.ROW_ID, target, *names.PROVENANCE}
        shared = [name for name in sides[0].columns if name in sides[1].columns and name not in hidden]
        key = project.settings.tables[project.table].key
        matched = key if key and set(key) <= set(shared) else shared
        if not matched:
            return sides[0].limit(0).df()
        same = " and ".join(_same_value(name, *sides) for name in matched)
        return sides[0].set_alias("ours").join(sides[1].set_alias("theirs"), same, how="anti").df()


def _same_value(name: str, ours: "duckdb.DuckDBPyRelation", theirs: "duckdb.DuckDBPyRelation") -> str:
    """A condition for equal or two missing values; a text is compared as the type of the other column."""
    types = [str(side.types[side.columns.index(name)]) for side in (ours, theirs)]
    terms = [f"{side}.{quoted(name)}" for side in ("ours", "theirs")]
    if types.count("VARCHAR") == 1:
        text = types.index("VARCHAR")
        terms[text] = f"try_cast({terms[text]} as {types[1 - text]})"
    return f"{terms[0]} is not distinct from {terms[1]}"


def _period_unseen_by(
    project: Project, warehouse: "Warehouse", challenger: "Version | TrainedModel", before: "Version"
) -> "pd.DataFrame":
    """Of an event project: the holdout; no rows if the champion was trained on its partition or a later one.

    A champion of the same or an earlier cut-off was trained on earlier partitions only.
    """
    frame = training_set(project, warehouse, challenger.facts)
    rows = frame[frame[names.SPLIT] == names.HOLDOUT]
    holdout = project.time.holdout_period(challenger.facts["cutoff"])
    seen = project.time.training_periods(before.facts["cutoff"])
    return rows.iloc[:0] if seen and seen[-1] >= holdout else rows


def missing_features(
    project: Project, tracking: "TrackingStore", before: "RecordedVersion", rows: "pd.DataFrame"
) -> list[str]:
    """Features that the champion of an event project requires and features.sql no longer returns."""
    if project.timeline is None:
        return []
    return [name for name in tracking.load(before).spec.features if name not in rows.columns]


def _valid_rows(
    project: Project,
    warehouse: "Warehouse",
    connection: "duckdb.DuckDBPyConnection",
    version: "Version | TrainedModel",
    side: str,
) -> "duckdb.DuckDBPyRelation":
    """The valid rows of one side of the training set of a version, with the target."""
    frame, target = training_set(project, warehouse, version.facts), project.settings.target.column
    key = project.table_key(names.VALIDATED).path
    inputs = json.loads(version.facts["inputs"])
    valid = warehouse.relation(connection, key, version=inputs["/".join(key)])
    rows = frame[frame[names.SPLIT] == side]
    if target in valid.columns or target not in frame:
        return valid.join(connection.from_df(rows[[names.ROW_ID]]), names.ROW_ID, how="semi")
    return valid.join(connection.from_df(rows[[names.ROW_ID, target]]), names.ROW_ID)
