"""Locks that tell who holds them, for what takes long: a whole `mlops run`, a search, a registration.

The lock is one of the operating system, which releases it when its process ends, however it ends. Who holds
it is told by a file beside it, which a killed process leaves, and which says nothing while the lock is free.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from mlops_assets.stores.system.disk_errors import disk_faults_told, write_whole

_POLL_SECONDS = 0.1


@contextmanager
def held(path: Path, *, what: str, by: str, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock, after waiting for whoever holds it, for as long as it takes.

    Parameters
    ----------
    path
        The lock's file; its folder is made.
    what
        What is locked, for the message: `the search of lending`.
    by
        Who we are: a Dagster run, or a command.
    on_wait
        Called once with a sentence that says who holds it, if it is held.
    """
    with disk_faults_told(what, path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        told = path.with_name(f"{path.name}.holder")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_wait(f"{what} is in the hands of {_holder(told)}; waiting for it to end")
            lock.acquire(poll_interval=_POLL_SECONDS)
    try:
        with disk_faults_told(what, path.parent):
            write_whole(told, json.dumps({"by": by, "pid": os.getpid(), "since": _now()}))
        yield
    finally:
        lock.release()


def _holder(told: Path) -> str:
    try:
        found = json.loads(told.read_text("utf-8"))
        return f"{found['by']} (process {found['pid']}, since {found['since']})"
    except (OSError, ValueError, KeyError):
        return "another process"  # which has not written who it is yet


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
