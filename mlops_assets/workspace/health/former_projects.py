"""Histories in the state directory that no project declares, as after a folder was renamed."""

from dataclasses import dataclass

from mlops_assets.components.model_project.project.metadata_names import FOLDER
from mlops_assets.core import names
from mlops_assets.core.errors import ProjectError
from mlops_assets.workspace.workspace import Workspace


@dataclass(frozen=True)
class FormerProject:
    """A project that has tables in the warehouse, and is not declared.

    Attributes
    ----------
    tables
        The names of the tables that it read.
    """

    name: str
    tables: frozenset[str]


def former_projects(workspace: Workspace) -> list[FormerProject]:
    """Return the projects with raw tables in the warehouse that are not declared."""
    from mlops_assets.stores.warehouse.warehouse import Warehouse

    found: dict[str, set[str]] = {}
    for table in Warehouse(workspace.state.warehouse).tables():
        if table[0] not in workspace.groups and names.layer_of(table) == names.RAW:
            found.setdefault(table[0], set()).add(names.table_of(table))
    return [FormerProject(name, frozenset(tables)) for name, tables in sorted(found.items())]


def require_known_history(workspace: Workspace, project: str) -> None:
    """Check that a project without a history is not a former one under another name.

    Asset keys, tables, versions and the ledger have the project's name. A renamed project would silently
    start again from nothing, without champion, approvals and audit trail.

    Raises
    ------
    ProjectError
        If a former project read tables of the same names.
    """
    from mlops_assets.stores.warehouse.warehouse import Warehouse

    if any(table[0] == project for table in Warehouse(workspace.state.warehouse).tables()):
        return
    keys = workspace.project(project)
    tables = {names.table_of(key.path) for key in keys if names.layer_of(key.path) == names.RAW}
    for former in former_projects(workspace):
        if former.tables == tables:
            file = f"{workspace.metadata(project, FOLDER)[FOLDER]}/defs.yaml"
            raise ProjectError(
                f"{project} has no history yet, and the state directory has that of {former.name}, which is "
                f"not declared and has the same tables: {', '.join(sorted(tables))}",
                hint=f"if the folder of {former.name} was renamed, add `name: {former.name}` to the "
                f"attributes in {file}, and continue with: mlops run {former.name}. If {project} is another "
                f"project, start a history of its own: mlops run {project} --new-history",
            )
