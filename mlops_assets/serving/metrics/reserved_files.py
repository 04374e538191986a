"""Files of metrics whose room on the disk is reserved.

prometheus_client maps sparse files into memory. A process that writes to a page for which a full disk has no
room is ended by the system (SIGBUS), without an error that could be handled.
"""

import os
from contextlib import suppress
from pathlib import Path

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

_BYTES = 1 << 18
_KINDS = ("counter", "histogram", "gauge_mostrecent")
_VALUE_BYTES = 64
"""More than a value has beside its key."""


class ReservedFile(MmapedDict):
    """A file of values. What finds no room is missing until there is some; its value is then complete."""

    def _init_value(self, key: str) -> None:
        capacity = self._capacity
        while self._used + len(key.encode()) + _VALUE_BYTES > capacity:
            capacity *= 2
        if capacity > self._capacity:
            _reserve(self._f.fileno(), capacity)
        super()._init_value(key)

    def read_value(self, key: str) -> tuple[float, float]:
        """Value and time of a key; zeros without room for it."""
        try:
            return super().read_value(key)
        except OSError:
            return 0.0, 0.0

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        """Write a value, if there is room for it."""
        with suppress(OSError):
            super().write_value(key, value, timestamp)


def reserve_metrics() -> None:
    """Reserve the files of this process, before the first value.

    Raises
    ------
    OSError
        When the disk is full.
    """
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if not folder:
        return
    values.MmapedDict = ReservedFile  # type: ignore[attr-defined]
    for kind in _KINDS:
        with (Path(folder) / f"{kind}_{os.getpid()}.db").open("a+b") as file:
            if file.seek(0, os.SEEK_END) == 0:
                _reserve(file.fileno(), _BYTES)


def _reserve(file: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.truncate(file, size)
