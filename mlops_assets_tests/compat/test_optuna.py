"""If this fails, Optuna changed the interface of its journal's locks."""

import optuna
from optuna.storages.journal import JournalFileBackend, JournalStorage

from mlops_assets.compat.optuna import BaseJournalFileLock


def test_a_journal_uses_the_lock_that_it_is_given(tmp_path):
    calls = []

    class Recorded(BaseJournalFileLock):
        def acquire(self) -> bool:
            calls.append("acquire")
            return True

        def release(self) -> None:
            calls.append("release")

    storage = JournalStorage(JournalFileBackend(str(tmp_path / "journal.log"), lock_obj=Recorded()))
    optuna.create_study(storage=storage)
    assert calls[:2] == ["acquire", "release"]
    assert BaseJournalFileLock.__abstractmethods__ == {"acquire", "release"}
