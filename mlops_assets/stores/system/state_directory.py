"""The state directory: paths of all state on disk, and the project root that it belongs to."""

import json
import os
import tomllib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mlops_assets.core.errors import StoreError
from mlops_assets.core.redaction.addresses import is_ambiguous, without_credentials
from mlops_assets.stores.system.disk_errors import translated_disk_errors, write_atomically
from mlops_assets.stores.system.permissions import create_directory

STATE_DIR_VARIABLE = "MLOPS_STATE_DIR"
TRACKING_URI_VARIABLE = "MLOPS_TRACKING_URI"
HTTP = ("http://", "https://")

LAYOUT = 2
"""Version of the directory's layout, raised with each incompatible change."""


@dataclass(frozen=True)
class StateDirectory:
    """The directory that holds all state; all of it can be rebuilt except MLflow's registry."""

    root: Path

    @classmethod
    def of(cls, project_root: Path) -> "StateDirectory":
        """Return the directory that `MLOPS_STATE_DIR` names, else `data/state/` below the project root.

        Raises
        ------
        StoreError
            When its path is invalid in the URL of a SQLite database.
        """
        named = os.environ.get(STATE_DIR_VARIABLE)
        root = Path(named).expanduser().absolute() if named else project_root / "data" / "state"
        if unusable := sorted(set("?#%") & set(str(root))):
            raise StoreError(
                f"the state directory {root} has {' '.join(unusable)} in its path, which is invalid in "
                "database URLs",
                hint=f"set {STATE_DIR_VARIABLE} to another directory",
            )
        return cls(root)

    def create(self) -> None:
        """Create the directory if it does not exist, for its owner alone unless `MLOPS_STATE_MODE` is set.

        Raises
        ------
        StoreError
            When it can't be created.
        """
        with translated_disk_errors("the state directory", self.root):
            create_directory(self.root)

    def open(self) -> None:
        """Check the layout of the directory; a new directory is created with the current one.

        Raises
        ------
        StoreError
            When the directory has another layout, or can't be read or written.
        """
        self.create()
        file = self.root / "layout.json"
        with translated_disk_errors("the state directory", self.root):
            if not file.exists():
                written = {"layout": LAYOUT, "written_by": version("mlops-assets")}
                write_atomically(file, json.dumps(written))
        self.require_layout()

    def require_layout(self) -> "StateDirectory":
        """Check the layout of a directory that exists, without creating anything, and return the directory.

        Raises
        ------
        StoreError
            When the directory has another layout, or can't be read.
        """
        file, ours = self.root / "layout.json", version("mlops-assets")
        with translated_disk_errors("the state directory", self.root):
            if not file.exists():
                return self
            content = file.read_bytes() if file.is_file() else b""
        try:
            found = json.loads(content.decode())
            layout, theirs = int(found["layout"]), str(found["written_by"])
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise StoreError(
                f"{file} is damaged: it contains no version of the state directory",
                hint=f"delete it if mlops_assets {ours} wrote this directory, and run again",
            ) from error
        if layout == LAYOUT:
            return self
        raise StoreError(
            f"the state directory {self.root} has layout {layout}, written by mlops_assets {theirs}; "
            f"mlops_assets {ours} requires layout {LAYOUT}",
            hint=f"move {self.root} away and run again to rebuild every table and model; or set "
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
    def serving(self) -> Path:
        return self.root / "serving"

    @property
    def sensors(self) -> Path:
        return self.root / "sensors"

    @property
    def metrics(self) -> Path:
        return self.root / "metrics"

    @property
    def online(self) -> Path:
        return self.root / "online"

    @property
    def locks(self) -> Path:
        return self.root / "locks"

    @property
    def tracking_uri(self) -> str:
        """The tracking URI of `MLOPS_TRACKING_URI`, else of the SQLite store in this directory.

        It has no user and password, because Dagster shows, logs and stores it. `tracking.client` passes
        them to MLflow only.

        Raises
        ------
        StoreError
            When a part of the path may also be a password.
        """
        named = os.environ.get(TRACKING_URI_VARIABLE)
        if not named:
            return f"sqlite:///{self.mlflow / 'mlflow.db'}"
        address = without_credentials(named)
        if is_ambiguous(address):
            raise StoreError(
                f"the address in {TRACKING_URI_VARIABLE} has a colon before and @ behind a slash",
                hint="write / in a password as %2F, and @ in a path as %40",
            )
        return address

    @property
    def artifacts(self) -> Path | None:
        """The folder of artifacts; None with a tracking server, which has its own."""
        named = os.environ.get(TRACKING_URI_VARIABLE, "")
        return None if named.startswith((*HTTP, "databricks")) else self.mlflow / "artifacts"


def find_project_root(start: Path | None = None) -> Path:
    """Return the nearest folder at or above `start` whose `pyproject.toml` has a `[tool.dg]` table.

    Raises
    ------
    StoreError
        When there is none.
    """
    start = (start or Path.cwd()).absolute()
    for folder in (start, *start.parents):
        if dg_settings(folder):
            return folder
    raise StoreError(
        f"no project at or above {start}: no pyproject.toml there has a [tool.dg] table",
        hint="change into a clone of mlops_assets or into your own dg project; see docs/your_own_project.md "
        "to create one",
    )


def dg_settings(folder: Path) -> dict[str, Any]:
    """Return the `[tool.dg]` table of the folder's `pyproject.toml`, empty if there is none."""
    pyproject = folder / "pyproject.toml"
    if not pyproject.is_file():
        return {}
    try:
        settings = tomllib.loads(pyproject.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise StoreError(f"{pyproject} is not valid TOML: {error}", hint="correct the syntax") from error
    found: dict[str, Any] = settings.get("tool", {}).get("dg", {})
    return found
