"""The guard that limits the size of a body while it arrives, and the time of a request."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from mlops_assets.core.byte_size import format_bytes
from mlops_assets.serving.http.guards.asgi import (
    CLOSE,
    App,
    Message,
    Receive,
    Refusal,
    Scope,
    Send,
    header,
    refuse,
)
from mlops_assets.serving.http.guards.paths import Paths

_OF_A_BODY = (b"content-length", b"transfer-encoding")
_DIGITS = 18


@dataclass(frozen=True)
class Limits:
    """Limits of a request: the bytes of its body, and the seconds until its answer."""

    bytes: int
    seconds: float


class _RefusedBody(BaseException):
    """A body that is refused while the application reads it: not an error that the application handles."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.error)
        self.refusal = refusal


class RequestLimits:
    """Middleware that refuses bodies that are compressed, too large or too slow, and ends long requests.

    Parameters
    ----------
    limits
        Limits by project.
    default
        Limits of other paths.
    """

    def __init__(self, app: App, paths: Paths, limits: Mapping[str, Limits], default: Limits) -> None:
        self.app, self._paths, self._limits, self._default = app, paths, limits, default

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        project = self._paths.project(scope["path"])
        limits = self._default if project is None else self._limits.get(project, self._default)
        if refusal := _refused_header(scope, limits):
            await refuse(scope, send, refusal)
            return
        await _Exchange(scope, receive, send, limits).run(self.app)


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limits: Limits) -> None:
        self._scope, self._receive, self._send, self._limits = scope, receive, send, limits
        self._size, self._has_started = 0, False
        self._is_complete = all(header(scope, name) is None for name in _OF_A_BODY)

    async def run(self, app: App) -> None:
        try:
            async with asyncio.timeout(self._limits.seconds) as deadline:
                await app(self._scope, self.receive, self.send)
        except _RefusedBody as refused:
            await self._end(refused, refused.refusal)
        except TimeoutError as error:
            if not deadline.expired():
                raise
            await self._end(error, self._late())

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            if self._size > self._limits.bytes:
                raise _RefusedBody(_too_large(self._limits))
            self._is_complete = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        self._has_started = True
        await self._send(message)

    async def _end(self, error: BaseException, refusal: Refusal) -> None:
        if self._has_started:  # the connection is closed, so that the client sees an incomplete answer
            raise ConnectionAbortedError(refusal.error) from error
        await refuse(self._scope, self._send, refusal)

    def _late(self) -> Refusal:
        seconds = f"{self._limits.seconds:g} s"
        if not self._is_complete:
            return Refusal(
                408, f"the body has not arrived within {seconds}", "send it faster, or fewer rows", (CLOSE,)
            )
        return Refusal(
            503,
            f"the request was not answered within {seconds}",
            "send it again later, or with fewer rows",
            ((b"retry-after", b"1"),),
        )


def _refused_header(scope: Scope, limits: Limits) -> Refusal | None:
    encoding = header(scope, b"content-encoding")
    if encoding is not None and encoding.strip().lower() not in (b"", b"identity"):
        return Refusal(
            415,
            "compressed bodies are not accepted",
            "send the body without Content-Encoding",
            ((b"accept-encoding", b"identity"), CLOSE),
        )
    length = header(scope, b"content-length")
    if length is not None and length.isdigit() and int(length[:_DIGITS]) > limits.bytes:
        return _too_large(limits)
    return None


def _too_large(limits: Limits) -> Refusal:
    return Refusal(
        413,
        f"the body is larger than {format_bytes(limits.bytes)}",
        "send fewer rows in a request; serving.limits.bytes of the project is the limit",
        (CLOSE,),
    )
