"""Locks that tell who holds them, between real processes."""

import os
import signal
from multiprocessing.context import BaseContext
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from mlops_assets.stores.system.process_lock import held


def hold(path: Path, holding: Any) -> None:
    with held(path, what="the search of garage", by="Dagster run one", on_wait=print):
        holding.set()
        signal.pause()


def test_who_waits_is_told_who_holds_and_goes_on_when_that_one_is_killed(
    tmp_path: Path, processes: BaseContext, record_property: Any
):
    path, told, mine = tmp_path / "locks" / "search.lock", [], Event()

    def wait() -> None:
        with held(path, what="the search of garage", by="Dagster run two", on_wait=told.append):
            mine.set()

    holding = processes.Event()
    holder = processes.Process(target=hold, args=(path, holding))
    holder.start()
    assert holding.wait(60)
    waiter = Thread(target=wait, daemon=True)
    waiter.start()
    assert not mine.wait(0.5)
    os.kill(holder.pid, signal.SIGKILL)
    assert mine.wait(10)
    waiter.join()
    holder.join()
    record_property("told", told[0])
    who = f"the search of garage is in the hands of Dagster run one (process {holder.pid}, since 20"
    assert told[0].startswith(who)
    assert told[0].endswith("UTC); waiting for it to end")
    assert len(told) == 1


def test_a_free_lock_is_taken_without_a_word_whatever_a_killed_process_left(tmp_path: Path):
    (tmp_path / "a.lock.holder").write_text("{half")
    with held(tmp_path / "a.lock", what="a", by="me", on_wait=lambda told: pytest.fail(told)):
        pass
