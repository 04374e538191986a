"""`in_training`: whether a model was fitted on the row that it predicts."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from mlops_assets.components.model_project.project.declared_tables import declared_contract
from mlops_assets.components.model_project.project.metadata_names import SERVING_PERIODS
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.project.target_columns import identity_columns
from mlops_assets.core import names
from mlops_assets.core.sql_quoting import literal, quoted, quoted_list
from mlops_assets.stores.tracking.trained_model import is_refitted

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.stores.tracking.registry import Version
    from mlops_assets.stores.warehouse.warehouse import Warehouse


def with_in_training(
    project: Project,
    store: "Warehouse",
    connection: "duckdb.DuckDBPyConnection",
    scored: "duckdb.DuckDBPyRelation",
    champion: "Version",
    partition: str,
) -> "duckdb.DuckDBPyRelation":
    """Add `in_training` to the predictions of a partition.

    It is true for an entity that the training set of the champion contains with a target for this partition,
    on a side that the deployed model was fitted on: all labelled partitions if the winner was refitted, else
    the training rows. It is false for all other entities, such as those of a later partition, of the holdout
    without a refit, or without a target. It is null if the champion's training rows of the partition are not
    known.
    """
    rows = _training_rows(project, store, connection, champion.facts, partition)
    if isinstance(rows, bool) or rows is None:
        value = "null" if rows is None else "false"
        return scored.project(f"*, {value}::boolean as {names.IN_TRAINING}")
    entity = project.settings.entity
    fitted = rows.project(quoted_list(entity)).distinct().project("*, true as _fitted").set_alias("fitted")
    same = " and ".join(  # as text, because the contract may have changed the type
        f"scored.{quoted(name)}::varchar is not distinct from fitted.{quoted(name)}::varchar"
        for name in entity
    )
    joined = scored.set_alias("scored").join(fitted, same, "left")
    return joined.project(f"scored.*, coalesce(fitted._fitted, false) as {names.IN_TRAINING}")


def with_static_in_training(
    project: Project,
    store: "Warehouse",
    connection: "duckdb.DuckDBPyConnection",
    scored: "duckdb.DuckDBPyRelation",
    champion: "Version",
) -> "duckdb.DuckDBPyRelation":
    """Add `in_training` to predictions of rows of a static project.

    It is true for a row whose key, or without a key all columns, is that of a row that the champion was
    fitted on: such rows share the upper bits of `row_id`. It is null if the training rows are not known any
    more, or if their identity has columns that rows to predict lack.
    """
    from mlops_assets.ml.contracts.row_ids import key_bits_sql

    rows = _static_training_rows(project, store, connection, champion.facts)
    if rows is None:
        return scored.project(f"*, null::boolean as {names.IN_TRAINING}")
    fitted = rows.project(f"{key_bits_sql()} as _bits").distinct().set_alias("fitted")
    joined = scored.set_alias("scored").join(fitted, f"scored.{key_bits_sql()} = fitted._bits", "left")
    return joined.project(f"scored.*, fitted._bits is not null as {names.IN_TRAINING}")


def _static_training_rows(
    project: Project,
    store: "Warehouse",
    connection: "duckdb.DuckDBPyConnection",
    facts: Mapping[str, str],
) -> "duckdb.DuckDBPyRelation | None":
    """The rows that a deployed model was fitted on; None if they are not known."""
    if "training_set_version" not in facts:  # registered outside of mlops_assets
        return None
    if not project.settings.tables[project.table].key:
        known = declared_contract(project, project.table).names
        trained = identity_columns(project, project.table, known)
        to_predict = declared_contract(project, names.SCORING).names
        if trained != identity_columns(project, names.SCORING, to_predict):
            return None
    table, version = project.key(names.TRAINING_SET).path, int(facts["training_set_version"])
    if not store.exists(table) or version > store.version(table):
        return None
    if not store.has_content(table, facts["training_set_digest"], version=version):
        return None
    rows = store.relation(connection, table, version=version)
    return rows if is_refitted(facts) else rows.filter(f"{names.SPLIT} = {literal(names.TRAIN)}")


def _training_rows(
    project: Project,
    store: "Warehouse",
    connection: "duckdb.DuckDBPyConnection",
    facts: Mapping[str, str],
    partition: str,
) -> "duckdb.DuckDBPyRelation | Literal[False] | None":
    """The rows of a partition that a deployed model was fitted on; False without any, None if unknown."""
    if "cutoff" not in facts:  # registered outside of mlops_assets
        return None
    refitted, cutoff = SERVING_PERIODS in facts, facts["cutoff"]
    periods = json.loads(facts[SERVING_PERIODS]) if refitted else project.time.training_periods(cutoff)
    if partition not in periods:
        return False
    table, version = project.key(names.TRAINING_SET).path, int(facts["training_set_version"])
    if not store.exists(table) or version > store.version(table):
        return None
    if not store.has_content(table, facts["training_set_digest"], version=version, partition=cutoff):
        return None
    rows = store.relation(connection, table, partition=cutoff, version=version)
    if not set(project.settings.entity) <= set(rows.columns):
        return None
    side = "" if refitted else f" and {names.SPLIT} = {literal(names.TRAIN)}"
    return rows.filter(f"{names.PERIOD} = {literal(partition)}{side}")
