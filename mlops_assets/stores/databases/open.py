"""Find the driver of a database by its URL."""

import os
from pathlib import Path

from mlops_assets.core.errors import DataError
from mlops_assets.stores.databases.base import POSTGRES, SQLITE, Database


def database_of(declared: str, root: Path, *, subject: str) -> Database:
    """The database behind `sqlite:///…`, or behind the URL in an environment variable.

    Parameters
    ----------
    root
        Where a relative path of SQLite starts.

    Raises
    ------
    DataError
        When the variable is not set, or holds no URL of a database that can be read.
    """
    url, shown = declared, declared
    if "://" not in declared:
        url, shown = os.environ.get(declared, ""), f"the database in ${declared}"
        if not url:
            raise DataError(
                f"{subject}: the environment variable {declared} is not set, and names the database",
                hint=f"export {declared}=postgresql://user:password@host:5432/database",
            )
    if url.startswith(SQLITE):
        from mlops_assets.stores.databases.sqlite import SqliteDatabase

        return SqliteDatabase(root / Path(url.removeprefix(SQLITE)).expanduser(), shown)
    if url.startswith(POSTGRES):
        from mlops_assets.stores.databases.postgres import PostgresDatabase

        return PostgresDatabase(url, shown)
    raise DataError(
        f"{subject}: {shown} is of a kind that can't be read",
        hint=f"its URL starts with {SQLITE} or {POSTGRES[0]}",
    )
