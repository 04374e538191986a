"""The interface of a lock of Optuna's journal file."""

from optuna.storages.journal._file import BaseJournalFileLock

__all__ = ["BaseJournalFileLock"]
