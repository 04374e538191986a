"""status_page: the status of the project as a page, made after its reports."""

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import dagster as dg

from mlops_assets.components.model_project.project.failures import as_dagster_failures
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.resources import WarehouseResource, WorkFolders
from mlops_assets.core import names

STATUS_PAGE_FILE = "status.html"


def status_page_asset(
    project: Project, definitions: dg.Definitions, after: Sequence[dg.AssetKey]
) -> dg.AssetsDefinition:
    """The asset that writes the page.

    Parameters
    ----------
    definitions
        Everything that the page is about: all other assets of the project, its schedules and sensors.
    after
        The assets after which the page is made again.
    """
    spec = project.spec(
        project.key(names.STATUS_PAGE),
        description="Health of all assets, checks, freshness, champion, drift and performance over time, "
        "schedules and disk, as one page: `mlops status` shows the same.",
        kinds=["html"],
        deps=after,
        code=["status_page 1"],
        automation=_after_updates(project),
    )

    @dg.multi_asset(specs=[spec], name=names.op_name(*spec.key.path))
    def status_page(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource, folders: WorkFolders
    ) -> dg.MaterializeResult:
        from mlops_assets.components.model_project.lineage.collect import column_lineage_of
        from mlops_assets.components.model_project.lineage.lineage_table import lineage_table
        from mlops_assets.components.model_project.status.automation import daemon_status
        from mlops_assets.components.model_project.status.collect import StateFolders, collect_projects
        from mlops_assets.components.model_project.status.declared import declared_projects
        from mlops_assets.components.model_project.status.incidents import shared_incidents
        from mlops_assets.core.status.workspace import DiskStatus, WorkspaceStatus
        from mlops_assets.ml.reports.status_page import render_status, status_summary
        from mlops_assets.stores.system.disk_errors import translated_disk_errors, write_atomically

        with as_dagster_failures(project.name, project.sensitive):
            now, state = datetime.now(UTC), Path(folders.sensors).parent
            places = StateFolders(state, warehouse.store.root, Path(folders.reports), Path(folders.studies))
            declared = declared_projects(definitions)[project.name]
            [found] = collect_projects(context.instance, [declared], places, now)
            usage = shutil.disk_usage(warehouse.store.root)
            disk = DiskStatus(str(state), usage.free, usage.total)
            errors: list[str] = []
            daemon, shared = daemon_status(context.instance, now), shared_incidents(state, errors)
            status = WorkspaceStatus(now, (found,), daemon, disk, shared, tuple(errors))
            assets = [one for one in definitions.assets or () if isinstance(one, dg.AssetsDefinition)]
            specs = chain.from_iterable(one.specs for one in assets)
            columns = column_lineage_of(specs, context.instance, project.name)
            file = places.reports / project.name / STATUS_PAGE_FILE
            with translated_disk_errors("the status page", file.parent):
                write_atomically(file, render_status(status, lineage=lineage_table(columns)))
        return dg.MaterializeResult(
            metadata={
                "page": dg.MetadataValue.path(file),
                "summary": dg.MetadataValue.md(status_summary(found)),
                "health": found.health,
                "healthy_assets": sum(asset.health == "healthy" for asset in found.assets),
                "assets": len(found.assets),
                "checks_not_passed": sum(check.state in ("warned", "failed") for check in found.checks),
            }
        )

    return status_page


def _after_updates(project: Project) -> dg.AutomationCondition:
    """Make the page once after all updates of a run, and not while more are in progress."""
    condition = dg.AutomationCondition
    updated = condition.any_deps_updated().since(condition.newly_requested() | condition.newly_updated())
    return (updated & ~condition.any_deps_in_progress() & ~condition.in_progress()).with_label(
        f"{project.name}: after updates"
    )
