"""The status of a workspace, collected without changing anything in it."""

import shutil
from contextlib import ExitStack
from datetime import UTC, datetime

from mlops_assets.components.model_project.status.automation import daemon_status
from mlops_assets.components.model_project.status.collect import StateFolders, collect_projects
from mlops_assets.components.model_project.status.incidents import shared_incidents
from mlops_assets.core.errors import MlopsError, ProjectError
from mlops_assets.core.status.project import ProjectStatus
from mlops_assets.core.status.workspace import DaemonStatus, DiskStatus, WorkspaceStatus
from mlops_assets.core.text.suggestions import suggest_name
from mlops_assets.stores.system.state_directory import StateDirectory
from mlops_assets.workspace.status.read_only_instance import read_only_instance
from mlops_assets.workspace.status.valid_projects import LoadedProjects, load_projects
from mlops_assets.workspace.workspace import Workspace

NEWEST = 12
"""Partitions with figures in an overview of all projects."""


def collect_status(
    workspace: Workspace,
    project: str | None = None,
    now: datetime | None = None,
    *,
    loaded: LoadedProjects | None = None,
) -> WorkspaceStatus:
    """Collect the status of a project with all partitions, or of all projects with their newest partitions.

    An invalid declaration, a damaged table or an instance that can't be opened are in the result, not errors.

    Parameters
    ----------
    loaded
        The projects, if they were loaded before.

    Raises
    ------
    ProjectError
        When there is no project of this name.
    StoreError
        When the state directory has another layout.
    """
    now = now or datetime.now(UTC)
    state = workspace.state.require_layout()
    loaded = loaded or load_projects(workspace)
    declared, invalid = loaded.declared, loaded.invalid
    if project is not None:
        if project not in declared and project not in invalid:
            known = [*declared, *invalid]
            hint = suggest_name(project, known) if known else "create it: mlops new NAME"
            raise ProjectError(f"there is no project {project}", hint=hint)
        declared = {name: found for name, found in declared.items() if name == project}
        invalid = {name: found for name, found in invalid.items() if name == project}
    errors = [*loaded.errors]
    with ExitStack() as opened:
        instance = None
        try:
            instance = opened.enter_context(read_only_instance(workspace))
        except MlopsError as error:
            errors.append(error.message)
        daemon = daemon_status(instance, now) if instance else DaemonStatus(False)
        newest = NEWEST if project is None else None
        found = collect_projects(instance, [*declared.values()], _folders(state), now, newest=newest)
    broken = [ProjectStatus(name, "unknown", reason, errors=(reason,)) for name, reason in invalid.items()]
    projects = sorted((*found, *broken), key=lambda each: each.name)
    return WorkspaceStatus(
        now, tuple(projects), daemon, _disk(state), shared_incidents(state.root, errors), tuple(errors)
    )


def _folders(state: StateDirectory) -> StateFolders:
    return StateFolders(state.root, state.warehouse, state.reports, state.studies)


def _disk(state: StateDirectory) -> DiskStatus | None:
    existing = next(folder for folder in (state.root, *state.root.parents) if folder.exists())
    usage = shutil.disk_usage(existing)
    return DiskStatus(str(state.root), usage.free, usage.total)
