"""Opening the online store that a project declares."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.online.base import OnlineStore

FILE_SUFFIX = ".db"


def sqlite_file(folder: Path, project: str) -> Path:
    """Return the file of a project in the folder of online stores."""
    return folder / f"{project}{FILE_SUFFIX}"


def open_store(project: str, settings: Mapping[str, Any], folder: Path) -> OnlineStore:
    """Return the online store of a project. It is not connected to before it is used.

    Parameters
    ----------
    settings
        The settings `serving.online`.
    folder
        The folder of the SQLite files.

    Raises
    ------
    StoreError
        When the environment variable with the address of Redis is not set.
    """
    if settings["store"] == "sqlite":
        from mlops_assets.stores.online.sqlite import SqliteOnlineStore

        return SqliteOnlineStore(project, sqlite_file(folder, project))
    from mlops_assets.stores.online.redis import RedisOnlineStore

    variable = settings["url_env"]
    url = os.environ.get(variable, "").strip()
    if not url:
        raise StoreError(
            f"{project}: the environment variable {variable} with the address of Redis is not set",
            hint=f"export {variable}=redis://user:password@host:6379/0",
        )
    return RedisOnlineStore(project, url, f"the Redis server in ${variable}", settings["key_prefix"])
