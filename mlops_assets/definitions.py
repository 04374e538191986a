"""The code location: every project in `defs/`, with the resources that they share."""

import warnings
from pathlib import Path

import dagster as dg

import mlops_assets.defs
from mlops_assets.components.model_project.serving.external_assets import ignore_copy_warning
from mlops_assets.components.redacted_process import redact_process
from mlops_assets.components.resources import resources
from mlops_assets.core.garbage import without_garbage_collection
from mlops_assets.stores.system.state_directory import StateDirectory

DEFS_FOLDER = Path(__file__).parent / "defs"
CHECKOUT = Path(__file__).parent.parent


@dg.definitions
def defs() -> dg.Definitions:
    """All projects of `defs/`, with their state in `MLOPS_STATE_DIR`."""
    redact_process()
    # Installed from a wheel, as in an image, data and state are in the working directory, not at the package.
    root = CHECKOUT if (CHECKOUT / "pyproject.toml").is_file() else Path.cwd()
    tree = dg.ComponentTree.from_module(mlops_assets.defs, root)
    with warnings.catch_warnings(), without_garbage_collection():
        warnings.simplefilter("ignore", dg.BetaWarning)
        warnings.simplefilter("ignore", dg.PreviewWarning)
        # `load_from_defs_folder` would also render the documentation of every installed component, which
        # takes 0.2 s in each process that Dagster starts.
        projects = tree.build_defs(DEFS_FOLDER)
    ignore_copy_warning()
    # One process for each run: with a process for each step, every step would import the libraries again.
    # Runs execute in parallel.
    shared = dg.Definitions(resources=resources(StateDirectory.of(root)), executor=dg.in_process_executor)
    return dg.Definitions.merge(projects, shared)
