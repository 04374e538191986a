"""A dg project of its own in a folder, for benchmarks that declare one."""

from pathlib import Path

_PYPROJECT = """
[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "{package}"
"""
_DEFINITIONS = """
from pathlib import Path

import dagster as dg

from mlops_assets.resources import resources
from mlops_assets.stores.system.state_directory import StateDirectory

ROOT = Path(__file__).parents[1]


@dg.definitions
def defs():
    stores = resources(StateDirectory.of(ROOT))
    shared = dg.Definitions(resources=stores, executor=dg.in_process_executor)
    return dg.Definitions.merge(dg.load_from_defs_folder(path_within_project=ROOT / "{package}"), shared)
"""


def make_package(root: Path, package: str) -> Path:
    """Write the package of a dg project without model projects, and return the folder for them."""
    declared = root / package / "defs"
    declared.mkdir(parents=True)
    (root / "pyproject.toml").write_text(_PYPROJECT.format(package=package), "utf-8")
    for folder in (declared.parent, declared):
        (folder / "__init__.py").touch()
    (declared.parent / "definitions.py").write_text(_DEFINITIONS.format(package=package), "utf-8")
    return declared
