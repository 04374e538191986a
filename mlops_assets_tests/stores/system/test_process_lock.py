"""Locks that report their holder, between real processes."""

import os
import signal
from multiprocessing.context import BaseContext
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from mlops_assets.stores.system.process_lock import process_lock


def hold(path: Path, holding: Any) -> None:
    with process_lock(path, subject="the search of garage", holder="Dagster run one", on_wait=print):
        holding.set()
        signal.pause()


def test_a_waiting_process_reports_the_holder_and_goes_on_when_the_holder_is_killed(
    tmp_path: Path, processes: BaseContext, record_property: Any
):
    path, messages, acquired = tmp_path / "locks" / "search.lock", [], Event()

    def wait() -> None:
        waiting = {"holder": "Dagster run two", "on_wait": messages.append}
        with process_lock(path, subject="the search of garage", **waiting):
            acquired.set()

    holding = processes.Event()
    holder = processes.Process(target=hold, args=(path, holding))
    holder.start()
    assert holding.wait(60)
    waiter = Thread(target=wait, daemon=True)
    waiter.start()
    assert not acquired.wait(0.5)
    os.kill(holder.pid, signal.SIGKILL)
    assert acquired.wait(10)
    waiter.join()
    holder.join()
    record_property("message", messages[0])
    start = f"the search of garage is locked by Dagster run one (process {holder.pid}, since 20"
    assert messages[0].startswith(start)
    assert messages[0].endswith("UTC); waiting until it is released")
    assert len(messages) == 1


def test_a_free_lock_is_acquired_without_a_message_whatever_a_killed_process_left(tmp_path: Path):
    (tmp_path / "a.lock.holder").write_text("{half")
    with process_lock(
        tmp_path / "a.lock", subject="a", holder="me", on_wait=lambda message: pytest.fail(message)
    ):
        pass
