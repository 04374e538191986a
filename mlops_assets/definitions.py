"""The code location: every project in `defs/`, with the resources that they share."""

import warnings
from pathlib import Path

import dagster as dg

import mlops_assets.defs
from mlops_assets.components.resources import resources
from mlops_assets.stores.system.state_directory import StateDirectory

DEFS_FOLDER = Path(__file__).parent / "defs"
CHECKOUT = Path(__file__).parent.parent


@dg.definitions
def defs() -> dg.Definitions:
    """All projects; `MLOPS_STATE_DIR` says where their state is."""
    # Installed from a wheel, as in an image, data and state lie where it is started: not beside the package.
    root = CHECKOUT if (CHECKOUT / "pyproject.toml").is_file() else Path.cwd()
    tree = dg.ComponentTree.from_module(mlops_assets.defs, root)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        warnings.simplefilter("ignore", dg.PreviewWarning)
        # The folder by name: `load_from_defs_folder` also renders the documentation of every component that
        # is installed, which is 0.2 s in each process that Dagster starts.
        projects = tree.build_defs(DEFS_FOLDER)
    # One process a run: a process for each step would import the same libraries again and again. Runs are
    # what goes in parallel.
    shared = dg.Definitions(resources=resources(StateDirectory.of(root)), executor=dg.in_process_executor)
    return dg.Definitions.merge(projects, shared)
