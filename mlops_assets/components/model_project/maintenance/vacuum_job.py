"""The job that removes unused versions of tables and the files of rejected models."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.metadata_names import BYTES, DRY_RUN, EXPIRED, FILES, KEPT
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.promotion.transitions import open_champion_ledger
from mlops_assets.components.resources import MlflowTracking, WarehouseResource, WorkFolders
from mlops_assets.core import job_names, names
from mlops_assets.core.byte_size import format_bytes

if TYPE_CHECKING:
    from mlops_assets.stores.governance.model_retention import Expired
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.warehouse.vacuum import VacuumResult, VersionedTable
    from mlops_assets.stores.warehouse.warehouse import Warehouse


class VacuumConfig(dg.Config):
    """Options of the vacuum."""

    dry_run: bool = Field(default=False, description="Report what would be removed, without removing it.")


def vacuum_job(project: Project) -> dg.JobDefinition:
    """The job `<project>_vacuum`: removes old table versions and the files of versions rejected long ago."""
    rule = project.settings.retention

    @dg.op(name=names.op_name(project.name, job_names.VACUUM))
    def vacuum(
        context: dg.OpExecutionContext,
        config: VacuumConfig,
        warehouse: WarehouseResource,
        mlflow: MlflowTracking,
        folders: WorkFolders,
    ) -> None:
        from mlops_assets.stores.governance.model_retention import expire
        from mlops_assets.stores.warehouse.vacuum import needed_versions
        from mlops_assets.stores.warehouse.vacuum import vacuum as vacuum_table

        store, tracking, dry_run, now = warehouse.store, mlflow.store, config.dry_run, datetime.now(UTC)
        with as_dagster_failures(project.name, project.sensitive):
            champion_ledger = open_champion_ledger(project, store, tracking)
            with champion_ledger.lock(f"Dagster run {context.run_id}", context.log.info):
                gone = expire(
                    champion_ledger,
                    tracking,
                    Path(folders.studies) / project.name,
                    now - timedelta(days=rule.rejected_days),
                    dry_run=dry_run,
                    dagster_run_id=context.run_id,
                )
                # Under the lock: versions that are registered later were trained on recent table versions.
                needed = needed_versions(store, model_inputs(store, tracking))
            for table in store.tables():
                if table[0] != project.name or table[1:] == (names.LEDGER,):
                    continue
                before = now - timedelta(days=rule.tables_days)
                kept = {*needed.get(table, ()), *_snapshot_versions(project, store, table)}
                freed = vacuum_table(store, table, kept, before, dry_run=dry_run)
                found = {**_freed(freed, dry_run=dry_run), KEPT: freed.kept}
                _report(context, table, found, _table_message(freed, dry_run=dry_run))
            for one in gone:
                message = _version_message(project, one, dry_run=dry_run)
                key = project.key(names.REGISTERED_MODEL).path
                _report(context, key, {**_freed(one, dry_run=dry_run), EXPIRED: one.version}, message)

    @dg.job(
        name=job_names.job_name(project.name, job_names.VACUUM),
        description="Remove old versions of tables that no registered model was trained on, and the files of "
        "versions that were rejected long ago.",
        tags={"project": project.name},
    )
    def job() -> None:
        vacuum()

    return job


def _snapshot_versions(project: Project, warehouse: "Warehouse", table: tuple[str, ...]) -> "Iterator[int]":
    """All versions of a table of which past partitions read the version that had arrived."""
    if table in [tuple(project.table_key(names.RAW, name).path) for name in project.as_of_tables]:
        yield from (one.version for one in warehouse.versions(table))


def model_inputs(warehouse: "Warehouse", tracking: "TrackingStore") -> "Iterator[VersionedTable]":
    """The table versions that all registered versions were trained on, by registry and ledger.

    Those of all projects, because a project may read tables of another one.
    """
    from mlops_assets.stores.governance.ledger.ledger import Ledger

    projects = {table[0] for table in warehouse.tables()} | set(tracking.registry.projects())
    for name in sorted(projects):
        for version in tracking.registry.versions(name):
            yield from _inputs(name, version.facts)
        for entry in Ledger(warehouse, name).entries():
            yield from _inputs(name, entry.event.details)


def _inputs(project: str, facts: Mapping[str, Any]) -> "Iterator[VersionedTable]":
    if "training_set_version" in facts:
        yield tuple(names.project_asset(project, names.TRAINING_SET)), int(facts["training_set_version"])
    for table, version in json.loads(facts.get("inputs", "{}")).items():
        yield tuple(table.split("/")), int(version)


def _report(context: dg.OpExecutionContext, key: Any, metadata: dict[str, Any], message: str) -> None:
    context.log_event(dg.AssetObservation(dg.AssetKey(list(key)), description=message, metadata=metadata))
    context.log.info(message)


def _freed(found: "VacuumResult | Expired", *, dry_run: bool) -> dict[str, Any]:
    return {FILES: found.files, BYTES: found.bytes, DRY_RUN: dry_run}


def _table_message(found: "VacuumResult", *, dry_run: bool) -> str:
    what = names.view_name(found.table)
    kept = f"{found.kept} old version{'' if found.kept == 1 else 's'} kept"
    return f"{what}: {amount(found.files, found.bytes, dry_run=dry_run)}; {kept}{_outside(found)}"


def _version_message(project: Project, found: "Expired", *, dry_run: bool) -> str:
    freed = amount(found.files, found.bytes, dry_run=dry_run)
    return f"{project.name} version {found.version}, rejected: {freed}{_outside(found)}"


def _outside(found: "VacuumResult | Expired") -> str:
    """A clause about files that were kept because they may belong to another project."""
    if not found.outside:
        return ""
    number = len(found.outside)
    what = f"{number} location{'' if number == 1 else 's'} outside the state directory kept"
    return f"; {what}, such as {found.outside[0]}: remove it yourself if no other project uses it"


def amount(files: int, size: int, *, dry_run: bool) -> str:
    """Number and size of removed files, for messages."""
    if not files:
        return "nothing to remove"
    word = "would be freed" if dry_run else "freed"
    return f"{files} file{'' if files == 1 else 's'}, {format_bytes(size)} {word}"
