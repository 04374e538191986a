"""The online stores that the projects of a workspace declare."""

from collections.abc import Iterator, Mapping
from typing import Any

from mlops_assets.components.model_project.project.metadata_names import ONLINE
from mlops_assets.core import names
from mlops_assets.core.errors import StoreError
from mlops_assets.stores.online.base import OnlineStore
from mlops_assets.stores.online.open import open_store, sqlite_file
from mlops_assets.stores.online.sqlite import SqliteOnlineStore
from mlops_assets.workspace.workspace import Workspace


def online_settings(workspace: Workspace, project: str) -> Mapping[str, Any] | None:
    """Return the settings `serving.online` of a project; None if it does not declare them."""
    found = workspace.declared(names.project_asset(project, names.FEATURES_ONLINE), ONLINE, default=None)
    return None if found is None else dict(found)


def online_store(workspace: Workspace, project: str) -> OnlineStore | None:
    """Return the online store of a project; None if it declares none.

    Raises
    ------
    StoreError
        When the address of Redis is not set.
    """
    settings = online_settings(workspace, project)
    return None if settings is None else open_store(project, settings, workspace.state.online)


def existing_stores(workspace: Workspace, project: str) -> Iterator[OnlineStore]:
    """Yield the declared online store, and the file of a former declaration.

    Raises
    ------
    StoreError
        When the address of a declared Redis is not set.
    """
    store = online_store(workspace, project)
    if store is not None:
        yield store
    file = sqlite_file(workspace.state.online, project)
    if file.is_file() and (store is None or not store.is_local):
        yield SqliteOnlineStore(project, file)


def stored_content(workspace: Workspace, project: str) -> str | None:
    """Return the digest of what the online store of a project holds; None if it can't be used or is empty.

    Its content may be lost or replaced without a run: a deleted file, or a server that was restarted.
    """
    try:
        store = online_store(workspace, project)
        snapshot = None if store is None else store.snapshot()
    except StoreError:  # which the step reports that writes it
        return None
    return None if snapshot is None else snapshot.content
