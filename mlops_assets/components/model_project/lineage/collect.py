"""Collects the column lineage of a project from the materializations that Dagster has."""

import json
from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg
from dagster import AssetKey, DagsterInstance

from mlops_assets.components.model_project.lineage.column_graph import (
    CONDITION,
    DIRECT,
    ColumnGraph,
    ColumnNode,
)
from mlops_assets.components.model_project.lineage.column_lineage import CONDITIONS, LINEAGE, NOT_RESOLVED
from mlops_assets.components.model_project.project.metadata_names import (
    IDENTITY,
    IMPORTANCES,
    PROTECTED_COLUMNS,
    SENSITIVE,
    SOURCE,
)
from mlops_assets.core import names
from mlops_assets.core.redaction.redact import redact

_EVALUATIONS = 20
"""How many of the latest evaluations are searched for the champion's."""
_SCHEMA = "dagster/column_schema"


def column_lineage_of(specs: Iterable[dg.AssetSpec], instance: DagsterInstance, project: str) -> ColumnGraph:
    """Return the columns of a project with their inputs; without those that no materialization recorded.

    Only metadata of the latest materializations is read: names of columns, no values.

    Parameters
    ----------
    specs
        The assets of the definitions.
    """
    declared = {spec.key: spec for spec in specs if spec.key.path[0] == project}
    parents = {
        key: sorted(dep.asset_key for dep in spec.deps if dep.asset_key in declared)
        for key, spec in sorted(declared.items())
    }
    ordered = list(TopologicalSorter(parents).static_order())
    known = {key: declared[key].metadata for key in ordered}
    records = instance.get_asset_records(ordered)
    latest = {record.asset_entry.asset_key: record.asset_entry for record in records}
    inputs: dict[ColumnNode, dict[ColumnNode, str]] = {}
    not_resolved: dict[str, str] = {}
    for key in ordered:
        entry = latest.get(key)
        materialization = entry.last_materialization if entry else None
        found = materialization.asset_materialization if materialization else None
        if found is None or _SCHEMA not in found.metadata:
            continue
        values = _values(found)
        columns = [column.name for column in values[_SCHEMA].columns]
        inputs |= _inputs(key, columns, values)
        if NOT_RESOLVED in values:
            not_resolved[_name(key)] = str(values[NOT_RESOLVED])
        elif LINEAGE not in values and _has_lineage(key):
            not_resolved[_name(key)] = "it was materialized by a version that did not record it; run it again"
    champion, importances = _champion(instance, project)
    features = AssetKey(names.project_asset(project, names.FEATURES))
    marked = {
        mark: frozenset(name for metadata in known.values() for name in _plain(metadata.get(mark)) or ())
        for mark in (SENSITIVE, PROTECTED_COLUMNS)
    }
    return ColumnGraph(
        project,
        inputs,
        [_name(key) for key in ordered],
        sources={
            _name(key): redact(_text(metadata[SOURCE]))
            for key, metadata in known.items()
            if SOURCE in metadata
        },
        sensitive=marked[SENSITIVE],
        protected=marked[PROTECTED_COLUMNS],
        importances=importances,
        not_resolved=not_resolved,
        identity=frozenset(_plain(known[features].get(IDENTITY)) or ()),
        champion=champion,
    )


def _has_lineage(key: AssetKey) -> bool:
    """Whether an asset records the lineage of its columns: reports and custom assets do not."""
    layer = names.layer_of(key.path)
    recorded = (names.FEATURES, names.TARGET, names.TRAINING_SET, names.PREDICTIONS)
    return layer in (names.VALIDATED, names.QUARANTINE) or key.path[1] in recorded


def _inputs(
    key: AssetKey, columns: list[str], values: Mapping[str, Any]
) -> dict[ColumnNode, dict[ColumnNode, str]]:
    """The inputs of the columns of an asset; conditions first, so that a direct input is one."""
    asset = _name(key)
    conditions = values.get(CONDITIONS) or {}
    lineage = values.get(LINEAGE)
    direct = lineage.deps_by_column if isinstance(lineage, dg.TableColumnLineage) else {}
    found: dict[ColumnNode, dict[ColumnNode, str]] = {}
    for column in columns:
        of = found.setdefault(ColumnNode(asset, column), {})
        if column in direct or column in conditions:
            for text in [*conditions.get("*", ()), *conditions.get(column, ())]:
                other, _, name = text.partition(".")
                of[ColumnNode(_name(AssetKey.from_user_string(other)), name)] = CONDITION
        for dep in direct.get(column, ()):
            of[ColumnNode(_name(dep.asset_key), dep.column_name)] = DIRECT
    return found


def _champion(instance: DagsterInstance, project: str) -> tuple[int | None, dict[str, float]]:
    """The champion's version, and the importances of its evaluation."""
    champion, report = (
        AssetKey(names.project_asset(project, name)) for name in (names.CHAMPION, names.EVALUATION_REPORT)
    )
    records = instance.fetch_materializations(champion, limit=1).records
    found = records[0].asset_materialization if records else None
    if found is None:
        return None, {}
    values = _values(found)
    for record in instance.fetch_materializations(report, limit=_EVALUATIONS).records:
        evaluation = _values(record.asset_materialization) if record.asset_materialization else {}
        if evaluation.get("mlflow_run_id") == values.get("mlflow_run_id") and IMPORTANCES in evaluation:
            return values["version"], dict(evaluation[IMPORTANCES])
    return values["version"], {}


def _values(materialization: dg.AssetMaterialization) -> dict[str, Any]:
    return {name: value.value for name, value in materialization.metadata.items()}


def _name(key: AssetKey) -> str:
    return "/".join(key.path[1:])


def _plain(value: Any) -> Any:
    return getattr(value, "value", value)


def _text(source: Any) -> str:
    plain = _plain(source)
    return plain if isinstance(plain, str) else json.dumps(plain)
