"""Errors of Dagster's databases, translated into messages: damaged, incomplete, locked, no answer."""

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from mlops_assets.core.errors import MlopsError, StoreError
from mlops_assets.core.redaction.redact import redact

_DAMAGED = re.compile(r"file is not a database|disk image is malformed|file is encrypted|malformed database")
_LACKING = re.compile(r"no such (?:table|column): ([\w.]+)|(?:relation|column) \"([\w.]+)\" does not exist")
_SEARCH_SECONDS = 10.0
"""Time for the search of the damaged file, which reads whole databases."""


@contextmanager
def translated_database_errors(subject: str, folder: Path) -> Iterator[None]:
    """Translate errors of SQLAlchemy; other errors pass unchanged.

    Parameters
    ----------
    subject
        What the databases hold, such as `Dagster's instance`.
    folder
        The folder of the databases, if they are files.

    Raises
    ------
    StoreError
        In place of the error of SQLite or Postgres, without the statement and its parameters.
    """
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except MlopsError:
        raise
    except Exception as error:
        found = _cause(error, SQLAlchemyError)
        if found is None:
            raise
        raise _translated(found, subject, folder) from error


def _translated(error: BaseException, subject: str, folder: Path) -> StoreError:
    reason = redact(next(iter(str(getattr(error, "orig", None) or error).splitlines()), ""))
    if _DAMAGED.search(reason):
        file = next(_damaged(folder), folder)
        return StoreError(
            f"{subject}: the database {file} is damaged: {reason}",
            hint=f"restore {file} from a backup; or move it away and run again: tables, models and ledger "
            "stay, Dagster's history of runs and materializations starts anew, and assets are computed again",
        )
    if "database is locked" in reason:
        return StoreError(
            f"{subject}: a database in {folder} is locked by another process",
            hint="end the process that holds it open, such as a database browser or a copy, and run again",
        )
    if lacking := _LACKING.search(reason):
        return StoreError(
            f"{subject}: the database in {folder} lacks {lacking[1] or lacking[2]}: it is incomplete, or of "
            "another version of Dagster",
            hint=f"upgrade it: DAGSTER_HOME={folder} dagster instance migrate; or restore it from a backup",
        )
    return StoreError(
        f"{subject}: the database can't be used: {reason}",
        hint="check the storage in dagster.yaml: address, name of the database, user and password, and "
        "whether the server runs",
    )


def _cause(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    found: BaseException | None = error
    while found is not None and not isinstance(found, kind):
        found = found.__cause__ or found.__context__
    return found


def _damaged(folder: Path) -> Iterator[Path]:
    """The SQLite files in a folder that are damaged, as far as they are found in time."""
    until = time.monotonic() + _SEARCH_SECONDS
    for file in sorted(folder.rglob("*.db"), key=lambda path: len(path.parts)):
        if time.monotonic() > until or not file.is_file():
            return
        try:
            with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
                answer = connection.execute("pragma quick_check(1)").fetchone()
        except sqlite3.DatabaseError:
            yield file
            continue
        if answer != ("ok",):
            yield file
