"""Which tables are up to date before rows are removed, and the records in Dagster that they still are after
it.

Without new records, the next run would compute every table again whose input has other rows now, and past
predictions with the present champion.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster import AssetKey, DagsterInstance

from mlops_assets.components.model_project.project.materializations import (
    DATA_VERSION,
    TABLE_VERSION,
    declared_materializations,
)
from mlops_assets.components.model_project.project.metadata_names import INPUTS
from mlops_assets.components.model_project.project.staleness import Staleness
from mlops_assets.core.errors import StoreError
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.workspace import Workspace

Part = tuple[str, str | None]
"""The key of an asset, and a partition."""


def up_to_date_tables(
    workspace: Workspace, instance: DagsterInstance, warehouse: Warehouse, project: str
) -> tuple[Part, ...]:
    """The tables and partitions of a project that were computed from the present content of their inputs."""
    graph = workspace.definitions.resolve_asset_graph()
    staleness = Staleness(graph, instance, warehouse)
    found: list[Part] = []
    for key, partition, made in _materialized_tables(workspace, instance, project):
        recorded = _value(made, INPUTS)
        if recorded is None or recorded == staleness.inputs(key, partition):
            found.append((key.to_user_string(), partition))
    return tuple(found)


def record_up_to_date(
    workspace: Workspace,
    instance: DagsterInstance,
    warehouse: Warehouse,
    project: str,
    parts: Sequence[Part],
) -> int:
    """Record that tables are up to date with the remaining rows; return how many records were written.

    A record has the metadata of the one before, with the present digests and number of rows.
    """
    graph = workspace.definitions.resolve_asset_graph()
    staleness, written = Staleness(graph, instance, warehouse), 0
    wanted = set(parts)
    for key, partition, made in _materialized_tables(workspace, instance, project):
        if (key.to_user_string(), partition) not in wanted or not warehouse.exists(key.path):
            continue
        try:
            digest = warehouse.digest(key.path, partition=partition)
        except StoreError:  # a table that is not the warehouse's own
            continue
        changed: dict[str, Any] = {}
        if _value(made, INPUTS) is not None:
            changed[INPUTS] = staleness.inputs(key, partition)
        if (made.tags or {}).get(DATA_VERSION) == digest and changed.get(INPUTS) == _value(made, INPUTS):
            continue
        changed["dagster/row_count"] = warehouse.row_counts(key.path).get(partition, 0)
        instance.report_runless_asset_event(
            dg.AssetMaterialization(
                key,
                partition=partition,
                description="rows of a forgotten entity were removed",
                metadata={**made.metadata, **changed},
                tags={**_kept_tags(made.tags or {}), DATA_VERSION: digest},
            )
        )
        written += 1
    return written


def _materialized_tables(
    workspace: Workspace, instance: DagsterInstance, project: str
) -> list[tuple[AssetKey, str | None, dg.AssetMaterialization]]:
    """The latest materialization of each partition of each table of a project."""
    graph = workspace.definitions.resolve_asset_graph()
    found = []
    for level in graph.toposorted_asset_keys_by_level:
        for key in level:
            if key not in workspace.project(project):
                continue
            for partition, record in declared_materializations(graph, instance, key).items():
                made = record.asset_materialization
                if made is not None and TABLE_VERSION in made.metadata:
                    found.append((key, partition, made))
    return found


def _value(made: dg.AssetMaterialization, name: str) -> object:
    found = made.metadata.get(name)
    return None if found is None else found.value


def _kept_tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in tags.items() if not name.startswith("dagster/input_")}
