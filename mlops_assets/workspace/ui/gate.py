"""The gate in front of Dagster's web server: ASGI middleware that only lets requests of its own pages in.

Dagster's web server accepts every `Host` and executes mutations by GET. Without the gate, any page that is
open in the same browser could launch runs, and by DNS rebinding also read their logs.
"""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mlops_assets.stores.system.host_addresses import Address, Allowed, parse_address, parse_origin

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

GRAPHQL = "/graphql"
JSON = "application/json"
_NO_PAGES = ("graphql", "logs", "notebook", "dagit", "download_debug")
"""First segments of paths that are not pages of the UI; a link on another site must not open them."""
_HEADERS = {
    b"x-frame-options": b"SAMEORIGIN",
    b"x-content-type-options": b"nosniff",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
}
"""Headers of every response: other sites can neither frame nor embed nor script it."""
_POLICY_VIOLATION = 1008
"""Close code of a refused web socket; before the handshake, it becomes a response with status 403."""
_log = logging.getLogger("dagster-webserver")


class RefusedError(Exception):
    """A request that the gate refuses, with the status of the response."""

    def __init__(self, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.status = status


class Gate:
    """Middleware that refuses requests of other origins, and changes that are not POSTed as JSON.

    A request without `Origin` and `Sec-Fetch-Site` does not come from a page of a current browser, and is
    accepted: programs such as `DagsterGraphQLClient` send neither.

    Parameters
    ----------
    app
        The application behind the gate.
    allowed
        Addresses under which the UI may be opened.
    command
        The command that started the server, for messages.
    """

    def __init__(self, app: App, allowed: Allowed, command: str = "mlops ui") -> None:
        self.app, self.allowed, self.command = app, allowed, command

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        try:
            self.require_own(scope)
        except RefusedError as refused:
            _log.warning("refused %s %s: %s", scope.get("method", "web socket"), repr(scope["path"]), refused)
            await _refuse(scope, receive, send, refused)
            return

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name.lower() for name, _ in message.get("headers", ())}
                missing = [(name, value) for name, value in _HEADERS.items() if name not in names]
                message["headers"] = [*message.get("headers", ()), *missing]
            await send(message)

        await self.app(scope, receive, send_protected)

    def require_own(self, scope: Scope) -> None:
        """Raise `RefusedError` for a request that is not one of the UI itself."""
        host = self._require_host(scope)
        self._require_origin(scope, host)
        if scope["type"] == "websocket":
            return
        method = scope["method"]
        if method not in ("GET", "HEAD", "POST"):
            raise RefusedError(f"{method} is not allowed", 405)
        if method == "POST":
            kind = (_header(scope, b"content-type") or "").partition(";")[0].strip().lower()
            if kind != JSON:
                raise RefusedError(f"POST requires the header Content-Type: {JSON}", 415)
        elif scope["path"] == GRAPHQL and "text/html" not in (_header(scope, b"accept") or ""):
            raise RefusedError(f"GraphQL is accepted by POST with the header Content-Type: {JSON} only", 405)

    def _require_host(self, scope: Scope) -> Address:
        text = _header(scope, b"host")
        host = parse_address(text) if text else None
        if host and host.host in self.allowed.hosts:
            return host
        raise RefusedError(
            f"the host {text!r} is not allowed. If you opened this page under that name, start the server "
            f"with `{self.command} --allow-host NAME`"
        )

    def _require_origin(self, scope: Scope, host: Address) -> None:
        changes = scope["type"] == "websocket" or scope["method"] == "POST"
        site = _header(scope, b"sec-fetch-site")
        if site == "none" and not changes:  # an address that the user entered
            return
        if site not in (None, "same-origin"):
            if not changes and self._is_link(scope):
                return
            raise RefusedError(f"the request comes from another site (Sec-Fetch-Site: {site})")
        origin = _header(scope, b"origin")
        if origin is None:
            return
        pages = parse_origin(origin) or set()
        # A proxy may have replaced Host: then the page has an address that was allowed by its name.
        if not pages & ({host} | self.allowed.proxies):
            raise RefusedError(
                f"the request comes from a page of {origin!r}. If that is the address of the server behind a "
                f"proxy, start it with `{self.command} --allow-host NAME[:PORT]`"
            )

    @staticmethod
    def _is_link(scope: Scope) -> bool:
        """Whether a request of another site opens a page of the UI in a tab of its own."""
        return (
            _header(scope, b"sec-fetch-mode") == "navigate"
            and _header(scope, b"sec-fetch-dest") == "document"
            and scope["path"].lstrip("/").partition("/")[0] not in _NO_PAGES
        )


def _header(scope: Scope, name: bytes) -> str | None:
    """Return a header; None if it is missing."""
    found = [value for key, value in scope["headers"] if key.lower() == name]
    if len(found) > 1:
        raise RefusedError(f"the header {name.decode()} is repeated", 400)
    return found[0].decode("latin-1") if found else None


async def _refuse(scope: Scope, receive: Receive, send: Send, refused: RefusedError) -> None:
    if scope["type"] == "websocket":
        await receive()  # the request to connect
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": "refused"})
        return
    headers = {b"content-type": b"text/plain; charset=utf-8", b"cache-control": b"no-store", **_HEADERS}
    await send({"type": "http.response.start", "status": refused.status, "headers": [*headers.items()]})
    await send({"type": "http.response.body", "body": f"{refused}\n".encode()})
