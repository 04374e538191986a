"""The way from a worker to the process that scores a shadow: it never waits, and counts what it drops."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

from mlops_assets.serving.canary.frames import MOST_BYTES, ShadowRows, encode
from mlops_assets.stores.system.disk_errors import write_replaceable

_ADDRESS = "shadow.address"
_MOST_WAITING = 8 * 1024 * 1024
"""So many bytes may wait for the shadow in the memory of a worker; further rows are dropped."""
_DROPPED = "dropped-"
_DELAY_SECONDS = 0.02
"""Rows are sent together: each message would wake the shadow, which scores many for the cost of a few."""


class ShadowLink:
    """A connection that is opened again when the process was replaced.

    Attributes
    ----------
    dropped
        Number of rows that were not sent: the shadow is slower than the traffic, or not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self.dropped, self._reported = folder, 0, 0
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: list[bytes] = []
        self._waiting_rows = 0

    async def connect(self) -> None:
        """Connect if there is no connection, and report what was dropped."""
        if not self._is_open():
            with suppress(OSError):  # the process has not started yet: the next call tries again
                address = (self._folder / _ADDRESS).read_text("utf-8")
                self._writer = (await asyncio.open_unix_connection(address))[1]
        if self.dropped != self._reported:
            self._reported = self.dropped
            write_replaceable(self._folder / f"{_DROPPED}{os.getpid()}", str(self.dropped))

    def send(self, rows: ShadowRows) -> None:
        """Send rows soon, without waiting; they are dropped if too many wait already."""
        if not self._is_open() or self._unsent_bytes() > _MOST_WAITING:
            self.dropped += len(rows.keys)
            return
        try:
            message = encode(rows)
        except TypeError:  # a value without JSON
            self.dropped += len(rows.keys)
            return
        if len(message) > MOST_BYTES:
            self.dropped += len(rows.keys)
            return
        if not self._waiting:
            asyncio.get_running_loop().call_later(_DELAY_SECONDS, self._send_waiting)
        self._waiting.append(message)
        self._waiting_rows += len(rows.keys)

    def _send_waiting(self) -> None:
        if self._writer is not None and self._is_open():
            self._writer.write(b"".join(self._waiting))
        else:
            self.dropped += self._waiting_rows
        self._waiting, self._waiting_rows = [], 0

    def _is_open(self) -> bool:
        return self._writer is not None and not self._writer.is_closing()

    def _unsent_bytes(self) -> int:
        sent = self._writer.transport.get_write_buffer_size() if self._writer else 0
        return sent + sum(map(len, self._waiting))

    async def close(self) -> None:
        """Send what waits, and end the connection."""
        self._send_waiting()
        if self._writer is not None:
            self._writer.close()
            with suppress(OSError):  # the process has ended before
                await self._writer.wait_closed()


def dropped_rows(folder: Path) -> int:
    """Number of rows that all workers dropped."""
    found = 0
    for file in folder.glob(f"{_DROPPED}*"):
        with suppress(OSError, ValueError):  # replaced while it is read
            found += int(file.read_text("utf-8"))
    return found


def write_address(folder: Path, socket: Path) -> None:
    """Name the socket of the process, for workers."""
    write_replaceable(folder / _ADDRESS, str(socket))
