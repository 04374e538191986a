"""The journal of a search: a file of Optuna with one operation on each line."""

import json
from pathlib import Path

from optuna.storages.journal import JournalFileBackend, JournalStorage

from mlops_assets.compat.optuna import BaseJournalFileLock
from mlops_assets.core.errors import ModelError


class _HeldAlready(BaseJournalFileLock):
    """No lock: the caller locks the journal for the whole search.

    Optuna locks with files, and a lock file left by a killed process delays the next search by half a minute.
    """

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


def open_journal(path: Path) -> JournalStorage:
    """Open a journal as storage; create it if it does not exist.

    Raises
    ------
    ModelError
        When a line before the last one is damaged: later operations depend on it.
    """
    if path.exists():
        _truncate_incomplete_line(path)
    return JournalStorage(JournalFileBackend(str(path), lock_obj=_HeldAlready()))


def _truncate_incomplete_line(path: Path) -> None:
    """Remove an incomplete last line: Optuna would append to it and then fail to read it."""
    with path.open("rb+") as file:
        good = 0
        for number, line in enumerate(file, 1):
            whole = line.endswith(b"\n") and _is_json(line)
            if not whole and file.read(1):
                raise ModelError(
                    f"{path}: line {number} is damaged, so the search can't resume",
                    hint="delete the file to start a new search, or restore it; no model depends on it",
                )
            good += len(line) * whole
        file.truncate(good)


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
