"""The Dagster instance of a workspace, opened without creating a file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagster import DagsterInstance

from mlops_assets.compat.dagster import InstanceRef
from mlops_assets.workspace.instance_storage import usable_instance
from mlops_assets.workspace.workspace import Workspace


@contextmanager
def read_only_instance(workspace: Workspace) -> Iterator[DagsterInstance | None]:
    """Open the instance that the UI shows; None if nothing has run yet.

    `Workspace.instance` creates the state directory, the settings of the instance and its databases. This
    one reads the settings of the project, and opens databases that exist.

    Raises
    ------
    StoreError
        When the instance can't be opened.
    """
    home = _home(workspace)
    if home is None:
        yield None
        return
    with usable_instance(lambda: _open(workspace, home), home) as instance:
        yield instance


def _home(workspace: Workspace) -> Path | None:
    """The folder of the instance, if there is one: `DAGSTER_HOME`, or that of the state directory."""
    own, chosen = workspace.state.dagster, os.environ.get("DAGSTER_HOME")
    if chosen and Path(chosen).absolute() not in (workspace.root, own):
        return Path(chosen) if Path(chosen).is_dir() else None
    return own if own.is_dir() and any(own.iterdir()) else None


def _open(workspace: Workspace, home: Path) -> DagsterInstance:
    settings = workspace.instance_settings() if home == workspace.state.dagster else None
    return DagsterInstance.from_ref(InstanceRef.from_dir(str(home), overrides=settings))
