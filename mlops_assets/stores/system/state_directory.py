"""Where things lie on disk."""

import json
import os
import tomllib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mlops_assets.core.credentials import without_credentials
from mlops_assets.core.errors import StoreError
from mlops_assets.stores.system.disk_errors import disk_faults_told, write_whole

STATE_DIR_VARIABLE = "MLOPS_STATE_DIR"
TRACKING_URI_VARIABLE = "MLOPS_TRACKING_URI"
HTTP = ("http://", "https://")

LAYOUT = 2
"""Raised when a state directory of an older version is no longer understood, or would not understand ours."""


@dataclass(frozen=True)
class StateDirectory:
    """The one directory that holds all state; everything in it can be rebuilt but MLflow's registry."""

    root: Path

    @classmethod
    def of(cls, project_root: Path) -> "StateDirectory":
        """The directory named by `MLOPS_STATE_DIR`, else `data/state/` below the project root.

        Raises
        ------
        StoreError
            When its path can't stand in the address of a SQLite database.
        """
        named = os.environ.get(STATE_DIR_VARIABLE)
        root = Path(named).expanduser().absolute() if named else project_root / "data" / "state"
        if unusable := sorted(set("?#%") & set(str(root))):
            raise StoreError(
                f"the state directory {root} has {' '.join(unusable)} in its path, which addresses of "
                "databases can't hold",
                hint=f"name another one with {STATE_DIR_VARIABLE}",
            )
        return cls(root)

    def open(self) -> None:
        """Refuse a directory of another layout; a new one is told ours.

        Raises
        ------
        StoreError
            When a newer version of mlops_assets wrote it, or when it can't be used.
        """
        file, ours = self.root / "layout.json", version("mlops-assets")
        with disk_faults_told("the state directory", self.root):
            if not file.exists():
                write_whole(file, json.dumps({"layout": LAYOUT, "written_by": ours}))
                return
            text = file.read_text("utf-8")
        try:
            found = json.loads(text)
            layout, theirs = int(found["layout"]), str(found["written_by"])
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{file} is damaged: it should tell the version of the state directory",
                hint=f"delete it if mlops_assets {ours} wrote this directory, and run again",
            ) from error
        if layout == LAYOUT:
            return
        raise StoreError(
            f"the state directory {self.root} has layout {layout}, written by mlops_assets {theirs}; "
            f"mlops_assets {ours} requires layout {LAYOUT}",
            hint=f"move {self.root} away and run again, which builds every table and model anew; or set "
            f"{STATE_DIR_VARIABLE} to another directory"
            if layout < LAYOUT
            else f"install mlops_assets {theirs} or newer, or set {STATE_DIR_VARIABLE} to another directory",
        )

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse"

    @property
    def mlflow(self) -> Path:
        return self.root / "mlflow"

    @property
    def dagster(self) -> Path:
        return self.root / "dagster"

    @property
    def studies(self) -> Path:
        return self.root / "studies"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def sensors(self) -> Path:
        return self.root / "sensors"

    @property
    def locks(self) -> Path:
        return self.root / "locks"

    @property
    def tracking_uri(self) -> str:
        """The address that `MLOPS_TRACKING_URI` names, else that of the MLflow store that needs no server.

        It is told without user and password: addresses are shown, logged and kept by Dagster.
        `mlflow_client` tells them to MLflow alone.
        """
        named = os.environ.get(TRACKING_URI_VARIABLE)
        return without_credentials(named) if named else f"sqlite:///{self.mlflow / 'mlflow.db'}"

    @property
    def artifacts(self) -> Path | None:
        """Where artifacts go; None with a server, which knows."""
        named = os.environ.get(TRACKING_URI_VARIABLE, "")
        return None if named.startswith((*HTTP, "databricks")) else self.mlflow / "artifacts"


def find_project_root(start: Path | None = None) -> Path:
    """The nearest folder at or above `start` whose `pyproject.toml` has a `[tool.dg]` table.

    Raises
    ------
    StoreError
        When there is none: commands need a project to work on.
    """
    start = (start or Path.cwd()).absolute()
    for folder in (start, *start.parents):
        if dg_settings(folder):
            return folder
    raise StoreError(
        f"no project at or above {start}: no pyproject.toml there has a [tool.dg] table",
        hint="change into the folder of a clone of mlops_assets, or of your own dg project; "
        "docs/your_own_project.md starts one",
    )


def dg_settings(folder: Path) -> dict[str, Any]:
    """The `[tool.dg]` table of the folder's `pyproject.toml`, empty when there is none."""
    pyproject = folder / "pyproject.toml"
    if not pyproject.is_file():
        return {}
    try:
        settings = tomllib.loads(pyproject.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise StoreError(f"{pyproject} is no valid TOML: {error}") from error
    found: dict[str, Any] = settings.get("tool", {}).get("dg", {})
    return found
