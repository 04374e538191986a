"""ASGI for guards: types, headers, and the answer to a request that is refused."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import orjson

from mlops_assets.serving.http.request_facts import request_facts

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CLOSE = (b"connection", b"close")
"""The header that ends a connection whose body was not read."""


@dataclass(frozen=True)
class Refusal:
    """The answer to a request that is refused.

    Attributes
    ----------
    error, hint
        What is wrong, and what to do.
    headers
        Further headers of the answer.
    """

    status: int
    error: str
    hint: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


async def refuse(scope: Scope, send: Send, refusal: Refusal) -> None:
    """Answer a request without the application."""
    problem = {
        "error": refusal.error,
        "hint": refusal.hint,
        "request_id": request_facts(scope).request_id,
    }
    body = orjson.dumps(problem)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *refusal.headers,
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return the first header of a name in lower case; None if it is missing."""
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return None


def has_repeated(scope: Scope, name: bytes) -> bool:
    """Whether a header stands in the request more than once."""
    return sum(key == name for key, _ in scope["headers"]) > 1
