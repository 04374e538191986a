"""The projects of a workspace that can be loaded, although others have errors."""

import importlib
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from mlops_assets.components.model_project.status.declared import DeclaredProject, declared_projects
from mlops_assets.components.resources import resources
from mlops_assets.core.errors import MlopsError
from mlops_assets.workspace.definition_errors import translate_definition_error
from mlops_assets.workspace.workspace import Workspace

_DECLARATION = "defs.yaml"


@dataclass(frozen=True)
class LoadedProjects:
    """The projects of a workspace.

    Attributes
    ----------
    declared
        The projects without errors.
    invalid
        The error of each folder that can't be loaded.
    errors
        What prevents the definitions from being loaded as a whole: the daemon and `mlops run` do not work.
    """

    declared: dict[str, DeclaredProject]
    invalid: dict[str, str]
    errors: tuple[str, ...] = ()


def load_projects(workspace: Workspace) -> LoadedProjects:
    """Load the definitions; if they have errors, each folder by itself."""
    try:
        return LoadedProjects(declared_projects(workspace.definitions), {})
    except MlopsError as error:
        whole = error.message
    declared: dict[str, DeclaredProject] = {}
    invalid: dict[str, str] = {}
    for folder in sorted(path.parent for path in workspace.defs_folder.glob(f"*/{_DECLARATION}")):
        try:
            declared |= declared_projects(_definitions(workspace, folder))
        except Exception as error:  # user code may raise anything
            translated = translate_definition_error(error, f"{folder} can't be loaded", folder)
            invalid[folder.name] = translated.message
    others = () if whole in invalid.values() else (whole,)
    return LoadedProjects(dict(sorted(declared.items())), invalid, others)


def _definitions(workspace: Workspace, folder: Path) -> dg.Definitions:
    """The definitions of one folder, with the resources that its jobs require."""
    package = workspace.defs_folder.relative_to(workspace.import_root)
    if str(workspace.import_root) not in sys.path:
        sys.path.insert(0, str(workspace.import_root))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        warnings.simplefilter("ignore", dg.PreviewWarning)
        tree = dg.ComponentTree.from_module(importlib.import_module(".".join(package.parts)), workspace.root)
        shared = dg.Definitions(resources=resources(workspace.state))
        return dg.Definitions.merge(tree.build_defs(folder), shared)
