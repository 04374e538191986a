"""The job that restores an earlier version of a table."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.metadata import table_metadata
from mlops_assets.components.model_project.project.metadata_names import FINGERPRINT, INPUTS, SOURCE
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.resources import WarehouseResource
from mlops_assets.core import job_names, names

if TYPE_CHECKING:
    from mlops_assets.stores.delta.commit_metadata import TableVersion
    from mlops_assets.stores.warehouse.warehouse import Warehouse, WriteResult

RESTORED_FROM = "restored_from"
"""Metadata key: the version whose content was restored."""

_FOLLOWED = (INPUTS, SOURCE, FINGERPRINT)
"""Metadata keys that describe the inputs of a materialization."""
_TOGETHER = {names.VALIDATED: names.QUARANTINE, names.QUARANTINE: names.VALIDATED}
_DATA_VERSION = "dagster/data_version"
_TABLE_VERSION = "table_version"
_LOOKED_BACK = 1_000


class RestoreConfig(dg.Config):
    """The version to restore."""

    table: str = Field(description="The table, such as `features` or `validated_districts`.")
    version: int = Field(
        ge=0, description="The version whose content is restored, see `mlops data versions`."
    )
    partition: str | None = Field(
        default=None, description="The partition to restore; required for tables with partitions."
    )


def restore_job(project: Project) -> dg.JobDefinition:
    """The job `<project>_restore`.

    The restored content replaces the result of the current inputs. The materialization therefore records the
    inputs of the previous one: the table is not computed again until they change, and downstream tables are.
    """

    @dg.op(name=names.op_name(project.name, job_names.RESTORE))
    def restore(context: dg.OpExecutionContext, config: RestoreConfig, warehouse: WarehouseResource) -> None:
        store, partition = warehouse.store, config.partition
        with as_dagster_failures(project.name, project.sensitive):
            key = dg.AssetKey(store.find(project.name, config.table))
            with store.turn(_lock_key(key).path, partition):
                for one, version in _restored_together(store, key, config.version, partition):
                    source = store.restored_source(one.path, version, partition=partition)
                    result = store.restore(
                        one.path, version, partition=partition, dagster_run_id=context.run_id
                    )
                    context.log_event(_materialization(context.instance, one, partition, source, result))
                    context.log.info(_message(one, partition, source, result))

    @dg.job(
        name=job_names.job_name(project.name, job_names.RESTORE),
        description="Restore an earlier version of a table. Downstream tables are computed again.",
        tags={"project": project.name},
    )
    def job() -> None:
        restore()

    return job


def _lock_key(key: dg.AssetKey) -> dg.AssetKey:
    """Valid and quarantined rows are written under the lock of the valid rows."""
    if names.layer_of(key.path) != names.QUARANTINE:
        return key
    return dg.AssetKey(names.table_asset(key.path[0], names.VALIDATED, names.table_of(key.path)))


def _restored_together(
    store: "Warehouse", key: dg.AssetKey, version: int, partition: str | None
) -> Iterator[tuple[dg.AssetKey, int]]:
    """The table and the one written with it: each raw row is either valid or quarantined."""
    yield key, version
    layer = names.layer_of(key.path)
    if layer not in _TOGETHER:
        return
    other = dg.AssetKey(names.table_asset(key.path[0], _TOGETHER[layer], names.table_of(key.path)))
    if not store.exists(other.path):
        return
    written = store.restored_source(key.path, version, partition=partition)
    theirs = [found for found in store.versions(other.path) if found.partition == partition]
    run_id = written.dagster_run_id
    same_run = [found for found in theirs if run_id and found.dagster_run_id == run_id]
    before = [found for found in theirs if found.written_at <= written.written_at]
    if chosen := (same_run or before or theirs[-1:]):
        yield other, chosen[0].version


def _materialization(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    partition: str | None,
    source: "TableVersion",
    result: "WriteResult",
) -> dg.AssetMaterialization:
    """The metadata of the restored content, with the inputs of the latest materialization."""
    then, last = None, None
    wanted = dg.AssetRecordsFilter(key, asset_partitions=[partition] if partition else None)
    for record in instance.fetch_materializations(wanted, limit=_LOOKED_BACK).records:
        made = record.asset_materialization
        if made is None:
            continue
        last = last or made
        if then is None and _value(made, _TABLE_VERSION) == source.version:
            then = made
    content = {name: value for name, value in _metadata(then).items() if name not in _FOLLOWED}
    followed = {name: value for name, value in _metadata(last).items() if name in _FOLLOWED}
    return dg.AssetMaterialization(
        key,
        partition=partition,
        description=f"restored from version {source.version}",
        metadata={**content, **followed, **table_metadata(result), RESTORED_FROM: source.version},
        tags={**((last.tags if last else None) or {}), _DATA_VERSION: result.digest},
    )


def _metadata(made: dg.AssetMaterialization | None) -> Mapping[str, Any]:
    return made.metadata if made else {}


def _value(made: dg.AssetMaterialization, name: str) -> object:
    found = made.metadata.get(name)
    return found.value if found is not None else None


def _message(key: dg.AssetKey, partition: str | None, source: "TableVersion", result: "WriteResult") -> str:
    of = f" of {partition}" if partition else ""
    what = f"{names.view_name(tuple(key.path))}{of}: {result.rows:,} rows"
    if not result.changed:
        return f"{what} of version {source.version} are already current"
    return f"{what} of version {source.version} restored as version {result.version}"
