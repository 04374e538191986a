"""The code location: every project in `defs/`, with the resources that they share.

Holds: one function.
Add here: a resource that every project needs.
Not here: assets; a project is a folder in `defs/`.
"""

from pathlib import Path

import dagster as dg

from mlops_assets.resources import resources
from mlops_assets.stores.state import StateDirectory

PROJECT_ROOT = Path(__file__).parent.parent


@dg.definitions
def defs() -> dg.Definitions:
    """All projects; `MLOPS_STATE_DIR` says where their state is."""
    projects = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
    state = StateDirectory.of(PROJECT_ROOT)
    return dg.Definitions.merge(projects, dg.Definitions(resources=resources(state)))
