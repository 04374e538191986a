"""Requests to an ASGI application without a network, with bodies that arrive in parts."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """An answer of an application."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """The body as JSON."""
        found: dict[str, Any] = json.loads(self.body)
        return found


def request(
    app: Any, path: str, *, method: str = "POST", body: Iterable[bytes] = (), **headers: str
) -> Answer:
    """Send a request; a name of a header has underscores for hyphens."""
    return asyncio.run(send_request(app, path, method=method, body=body, **headers))


async def send_request(
    app: Any,
    path: str,
    *,
    method: str = "POST",
    body: Iterable[bytes] = (),
    stalls: bool = False,
    **headers: str,
) -> Answer:
    """The same in an event loop; a body that stalls does not end."""
    given = {"host": "localhost:8000", **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "scheme": "http",
        "query_string": b"",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
    }
    parts = list(body)
    is_read = False
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        nonlocal is_read
        if is_read or (not parts and stalls):  # the client waits for the answer
            await asyncio.Event().wait()
        part = parts.pop(0) if parts else b""
        is_read = not parts and not stalls
        return {"type": "http.request", "body": part, "more_body": bool(parts) or stalls}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, *rest = sent
    found = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], found, b"".join(message.get("body", b"") for message in rest))
