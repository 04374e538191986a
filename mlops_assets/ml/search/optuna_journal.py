"""A search's journal: Optuna's file of operations, one a line."""

import json
from pathlib import Path

from optuna.storages.journal import JournalFileBackend, JournalStorage

from mlops_assets.compat.optuna import BaseJournalFileLock
from mlops_assets.core.errors import ModelError


class _HeldAlready(BaseJournalFileLock):
    """The journal is locked by the search as a whole.

    Optuna's own locks are files: one that a killed process leaves makes the next wait for half a minute.
    """

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


def open_journal(path: Path) -> JournalStorage:
    """The storage of a journal, which is made when there is none.

    Raises
    ------
    ModelError
        When a line that is not the last one is damaged: nothing would be known of what follows it.
    """
    if path.exists():
        _mend(path)
    return JournalStorage(JournalFileBackend(str(path), lock_obj=_HeldAlready()))


def _mend(path: Path) -> None:
    """Cut off a last line that was not written to its end: Optuna would append to it, and then fail."""
    with path.open("rb+") as file:
        good = 0
        for number, line in enumerate(file, 1):
            whole = line.endswith(b"\n") and _is_json(line)
            if not whole and file.read(1):
                raise ModelError(
                    f"{path}, line {number}, is damaged, so the search can't go on from there",
                    hint="delete the file to search anew, or bring it back; nothing else depends on it",
                )
            good += len(line) * whole
        file.truncate(good)


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
