"""The guard against pages of other sites: host names that are not ours, and origins that are not allowed.

The service answers programs. A page that is open in a browser on the same machine must neither send requests,
nor read answers under a name that it lets point to this machine (DNS rebinding).
"""

from collections.abc import Collection
from functools import lru_cache

from mlops_assets.serving.http.guards.asgi import (
    App,
    Receive,
    Refusal,
    Scope,
    Send,
    has_repeated,
    header,
    refuse,
)
from mlops_assets.serving.http.guards.paths import HEALTH
from mlops_assets.stores.system.host_addresses import Allowed, parse_address, parse_origin

_SAME_SITE = (None, b"same-origin", b"none")


class OwnOrigins:
    """Middleware that refuses requests under other names, and of pages of other origins.

    Parameters
    ----------
    allowed
        Addresses of the service; None if every `Host` is accepted.
    origins
        Origins of pages that may send requests.
    """

    def __init__(self, app: App, allowed: Allowed | None, origins: Collection[str] = ()) -> None:
        self.app = app
        self._allowed = allowed
        self._origins = frozenset(origins)
        self._is_own_host = lru_cache(maxsize=256)(self._find_host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in HEALTH and (refusal := self._refusal(scope)):
            await refuse(scope, send, refusal)
            return
        await self.app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Refusal | None:
        host = header(scope, b"host") or b""
        if has_repeated(scope, b"host"):
            return Refusal(400, "the header Host is repeated", "send it once")
        if not self._is_own_host(host):
            return Refusal(
                421,
                f"the host {host.decode('latin-1')!r} is not a name of this service",
                "start it with: mlops serve --allow-host NAME",
            )
        origin = header(scope, b"origin")
        if origin is None:
            if header(scope, b"sec-fetch-site") in _SAME_SITE:
                return None
        elif self._is_allowed_origin(origin.decode("latin-1"), host):
            return None
        return Refusal(
            403,
            "the request comes from a page of another origin",
            "allow the page with: mlops serve --cors-origin https://NAME",
        )

    def _find_host(self, host: bytes) -> bool:
        if self._allowed is None:
            return True
        address = parse_address(host.decode("latin-1"))
        return address is not None and address.host in self._allowed.hosts

    def _is_allowed_origin(self, origin: str, host: bytes) -> bool:
        if origin in self._origins:
            return True
        own = {parse_address(host.decode("latin-1"))}
        if self._allowed is not None:  # a proxy may have replaced Host by the address behind it
            own |= self._allowed.proxies
        return bool((parse_origin(origin) or set()) & own)
