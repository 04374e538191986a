"""Locks between processes that report their holder, for long operations: a command, a search, a registration.

The operating system releases a lock when its process ends, for whatever reason. A file beside the lock
describes the holder; a killed process leaves this file behind, and it is ignored while the lock is free.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from mlops_assets.stores.system.disk_errors import translated_disk_errors, write_atomically

_POLL_SECONDS = 0.1


@contextmanager
def process_lock(path: Path, *, subject: str, holder: str, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Acquire a lock, however long another process holds it, and release it on exit.

    Parameters
    ----------
    path
        The lock's file; its folder is created.
    subject
        What is locked, for the message: `the search of lending`.
    holder
        The name of this process for others that wait: a Dagster run or a command.
    on_wait
        Called once with a sentence that names the current holder, if the lock is not free.
    """
    with translated_disk_errors(subject, path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        holder_file = path.with_name(f"{path.name}.holder")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_wait(f"{subject} is locked by {_describe_holder(holder_file)}; waiting until it is released")
            lock.acquire(poll_interval=_POLL_SECONDS)
    try:
        with translated_disk_errors(subject, path.parent):
            record = {"by": holder, "pid": os.getpid(), "since": _now()}
            write_atomically(holder_file, json.dumps(record))
        yield
    finally:
        lock.release()


def _describe_holder(file: Path) -> str:
    try:
        found = json.loads(file.read_text("utf-8"))
        return f"{found['by']} (process {found['pid']}, since {found['since']})"
    except (OSError, ValueError, KeyError):
        return "another process"  # which has not written its name yet


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
