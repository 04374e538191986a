"""The file locks by which processes and threads take turns at a table.

They are locks of the operating system on files below `.locks`: it releases them when a process ends,
however it ends. The files themselves stay, empty.
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
    """Held while a table is committed to."""
    with _held(root, table, "commit"):
        yield


@contextmanager
def turn_lock(root: Path, table: Sequence[str], partition: str | None) -> Iterator[None]:
    """Held while a partition is computed, or a table without partitions."""
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
