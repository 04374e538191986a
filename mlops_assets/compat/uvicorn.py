"""The protocol of uvicorn with limits of the headers of a request, which uvicorn 0.54 does not have.

A connection that sends nothing, or its headers byte by byte, would stay open, and headers of any size would
be kept in memory, before any middleware sees the request.
"""

import asyncio
from asyncio import TimerHandle

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_SECONDS = 10.0
HEADER_BYTES = 65_536
"""Bytes behind the part of the stream in which a request begins; the loop limits the size of a part."""


class LimitedHeaders(HttpToolsProtocol):
    """Closes connections whose headers are late, and refuses headers that are too large with status 400."""

    _is_in_headers = True
    _has_begun = False
    _header_bytes = 0
    _late: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the wait."""
        self._end_wait()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read a part of a request, or of several."""
        self._has_begun = False
        super().data_received(data)
        if self._is_in_headers and self.parser is not None and not self.transport.is_closing():
            if not self._has_begun:
                self._header_bytes += len(data)
            if self._header_bytes > HEADER_BYTES:
                self.send_400_response("The headers are too large.")
            elif self._late is None:
                self._wait()

    def on_message_begin(self) -> None:
        """Another request begins."""
        self._is_in_headers, self._has_begun, self._header_bytes = True, True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The headers have arrived; limits of the body are those of the application."""
        self._is_in_headers = False
        self._end_wait()
        super().on_headers_complete()

    def _wait(self) -> None:
        self._late = self.loop.call_later(HEADER_SECONDS, self.transport.close)

    def _end_wait(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
