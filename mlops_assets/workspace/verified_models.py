"""Registered models for other programs, loaded after their files were verified against the ledger."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from mlops_assets.core.errors import TrackingError
from mlops_assets.stores.system.state_directory import find_project_root
from mlops_assets.workspace.workspace import Workspace

if TYPE_CHECKING:
    from mlops_assets.ml.model.tabular_model import TabularModel
    from mlops_assets.stores.governance.champion_ledger import ChampionLedger
    from mlops_assets.stores.tracking.registry import RecordedVersion

_HOLDER = "a program that loads a model"


def load_champion(project: str) -> "TabularModel":
    """Load the champion, if alias, tags and files are those that the ledger records.

    No file of the model is opened before its digest was compared. `mlflow.pyfunc.load_model` cannot compare
    with the ledger: it loads whatever the alias and the registry name.

    Parameters
    ----------
    project
        Name of the project, which the working directory or a folder above it contains.

    Returns
    -------
    TabularModel
        Its `predict` returns the predictions of a frame with the columns that clients send.

    Raises
    ------
    TrackingError
        If there is no champion, or its files are missing or were replaced.
    StoreError
        If the ledger and MLflow disagree, or a key of the ledger is missing.
    """
    return _load(project, lambda ledger: ledger.verified_champion(_HOLDER, _ignore))


def load_version(project: str, version: int) -> "TabularModel":
    """Load a version, if its tags and files are those that the ledger records; see `load_champion`.

    Parameters
    ----------
    version
        Its number.
    """
    return _load(project, lambda ledger: ledger.verified_version(version, _HOLDER, _ignore))


def _load(project: str, find: "Callable[[ChampionLedger], RecordedVersion | None]") -> "TabularModel":
    from mlops_assets.stores.governance.champion_ledger import ChampionLedger
    from mlops_assets.stores.governance.ledger.ledger import Ledger
    from mlops_assets.stores.warehouse.warehouse import Warehouse

    workspace = Workspace(find_project_root())
    workspace.project(project)
    tracking = workspace.tracking
    found = None
    if tracking.registry.versions(project):
        found = find(ChampionLedger(Ledger(Warehouse(workspace.state.warehouse), project), tracking.registry))
    if found is None:
        raise TrackingError(
            f"{project} has no champion",
            hint=f"see `mlops history {project}`, or train one: mlops run {project}",
        )
    return tracking.load(found)


def _ignore(reason: str) -> None:
    """Wait for the lock without a message."""
