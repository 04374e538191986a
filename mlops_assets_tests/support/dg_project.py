"""A dg project in a folder of its own, with one model project: what the `mlops` command is run in."""

import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

FIRST_RUN = "first_run.txt"
"""The output of the first run of a kept project."""
DEFINITIONS = """
from pathlib import Path
import dagster as dg
from mlops_assets.resources import resources
from mlops_assets.stores.system.state_directory import StateDirectory

@dg.definitions
def defs():
    here = Path(__file__).parent
    projects = dg.load_from_defs_folder(path_within_project=here)
    return dg.Definitions.merge(projects, dg.Definitions(resources=resources(StateDirectory.of(here.parent))))
"""


def write_dg_project(
    root: Path, project: str, attributes: Mapping[str, Any], files: Mapping[str, str], *, mlflow: Path
) -> None:
    """Write the project, with an empty MLflow database in its default state directory."""
    folder = write_dg_package(root, project, mlflow=mlflow) / project
    folder.mkdir()
    declared = {"type": "mlops_assets.ModelProject", "attributes": dict(attributes)}
    (folder / "defs.yaml").write_text(yaml.safe_dump(declared), "utf-8")
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")


def write_dg_package(root: Path, project: str, *, mlflow: Path) -> Path:
    """Write a dg project without model projects, and return the folder of its declarations.

    The package's name follows from the folder: many such projects are imported by one test process.
    """
    package = _package_name(root, project)
    folder = root / package / "defs"
    folder.mkdir(parents=True)
    (root / package / "__init__.py").touch()
    (folder / "__init__.py").touch()
    (root / package / "definitions.py").write_text(DEFINITIONS, "utf-8")
    toml = f'[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "{package}"\n'
    (root / "pyproject.toml").write_text(toml, "utf-8")
    (root / "data" / "state" / "mlflow").mkdir(parents=True)
    shutil.copy(mlflow, root / "data" / "state" / "mlflow" / "mlflow.db")
    return folder


def enter_dg_project(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the project's folder the working directory of commands, and return it."""
    monkeypatch.chdir(root)
    monkeypatch.syspath_prepend(str(root))
    monkeypatch.setenv("DAGSTER_HOME", str(root))
    return root


def copy_dg_project(source: Path, root: Path, project: str) -> None:
    """Copy a project with all of its state; the copy's package has a name of its own."""
    shutil.copytree(source, root)
    before, after = _package_name(source, project), _package_name(root, project)
    (root / before).rename(root / after)
    toml = root / "pyproject.toml"
    toml.write_text(toml.read_text("utf-8").replace(before, after), "utf-8")


def _package_name(root: Path, project: str) -> str:
    return f"{project}_{zlib.crc32(bytes(root))}"
