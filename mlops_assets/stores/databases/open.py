"""Finding the driver of a database by its URL."""

import os
from pathlib import Path

from mlops_assets.core.errors import DataError
from mlops_assets.stores.databases.base import POSTGRES, SQLITE, Database


def resolve_database(declared: str, root: Path, *, subject: str) -> Database:
    """The database at `sqlite:///…`, or at the URL in an environment variable.

    Parameters
    ----------
    root
        The folder that a relative path of SQLite starts from.
    subject
        Project and table for error messages.

    Raises
    ------
    DataError
        If the variable is not set, or its value is not the URL of a supported database.
    """
    url, shown = declared, declared
    if "://" not in declared:
        url, shown = os.environ.get(declared, ""), f"the database in ${declared}"
        if not url:
            raise DataError(
                f"{subject}: the environment variable {declared} with the database URL is not set",
                hint=f"export {declared}=postgresql://user:password@host:5432/database",
            )
    if url.startswith(SQLITE):
        from mlops_assets.stores.databases.sqlite import SqliteDatabase

        return SqliteDatabase(root / Path(url.removeprefix(SQLITE)).expanduser(), shown)
    if url.startswith(POSTGRES):
        from mlops_assets.stores.databases.postgres import PostgresDatabase

        return PostgresDatabase(url, shown)
    raise DataError(
        f"{subject}: {shown} is not supported",
        hint=f"use a URL that starts with {SQLITE} or {POSTGRES[0]}",
    )
