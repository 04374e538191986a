"""File locks that serialise the writers of a table, across processes and threads.

The operating system holds the locks, on empty files below `.locks`, and releases them when a process ends for
any reason. The files are not removed.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from mlops_assets.core.digests import text_digest
from mlops_assets.core.names import view_name
from mlops_assets.stores.system.disk_errors import translated_disk_errors

_POLL_SECONDS = 0.01


@contextmanager
def commit_lock(root: Path, table: Sequence[str]) -> Iterator[None]:
    """The lock for a commit to a table."""
    with _held(root, table, "commit"):
        yield


@contextmanager
def turn_lock(root: Path, table: Sequence[str], partition: str | None) -> Iterator[None]:
    """The lock for the computation of a partition, or of a table without partitions."""
    parts = [] if partition is None else [partition]
    with _held(root, table, "turn", *parts):
        yield


@contextmanager
def _held(root: Path, table: Sequence[str], purpose: str, *parts: str) -> Iterator[None]:
    locks, digest = root / ".locks", text_digest(*table, purpose, *parts)[:16]
    with translated_disk_errors(f"the lock of table {view_name(tuple(table))}", locks):
        locks.mkdir(parents=True, exist_ok=True)
        lock = FileLock(locks / f"{view_name(tuple(table))}-{digest}.{purpose}")
        lock.acquire(poll_interval=_POLL_SECONDS)
    try:
        yield
    finally:
        lock.release()
