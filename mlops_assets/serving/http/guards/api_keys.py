"""The guard that requires API keys, and compares their scopes with the path."""

import binascii
from base64 import b64decode

from mlops_assets.serving.http.guards.asgi import App, Receive, Refusal, Scope, Send, header, refuse
from mlops_assets.serving.http.guards.paths import HEALTH, METRICS, Paths, is_documentation
from mlops_assets.serving.http.request_facts import request_facts
from mlops_assets.serving.keys import api_key
from mlops_assets.serving.keys.api_key import ApiKey
from mlops_assets.serving.keys.current_keys import CurrentKeys

_MISSING = Refusal(
    401,
    "the request has no valid API key",
    "send the key in the header Authorization: Bearer KEY, or in X-API-Key",
    ((b"www-authenticate", b'Bearer realm="mlops serve"'),),
)
_MISSING_FOR_PAGE = Refusal(
    401,
    _MISSING.error,
    "enter the key as the password, with any user name",
    ((b"www-authenticate", b'Basic realm="mlops serve"'),),
)
"""Browsers ask for a password, so that the documentation can be opened in one."""


class ApiKeys:
    """Middleware that refuses requests without a key, or with one of other scopes."""

    def __init__(self, app: App, keys: CurrentKeys, paths: Paths) -> None:
        self.app, self._keys, self._paths = app, keys, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in HEALTH or not self._keys.are_required:
            await self.app(scope, receive, send)
            return
        is_page = is_documentation(scope["path"])
        token = _token(scope, is_page)
        key = self._keys.find(token) if token else None
        if key is None:
            await refuse(scope, send, _MISSING_FOR_PAGE if is_page else _MISSING)
            return
        request_facts(scope).client = key.name
        if (lacking := self._lacking_scope(key, scope["path"])) is not None:
            await refuse(
                scope,
                send,
                Refusal(
                    403,
                    f"the API key {key.key_id} of {key.name} does not permit {lacking}",
                    "create one that does: mlops keys create NAME --project PROJECT [--metrics] [--docs]",
                ),
            )
            return
        await self.app(scope, receive, send)

    def _lacking_scope(self, key: ApiKey, path: str) -> str | None:
        if path == METRICS:
            return None if api_key.METRICS in key.scopes else "the metrics"
        if is_documentation(path):
            return None if api_key.DOCS in key.scopes else "the documentation"
        project = self._paths.project(path)
        return None if project is None or key.permits_project(project) else f"project {project}"


def _token(scope: Scope, is_page: bool) -> str | None:
    sent = header(scope, b"x-api-key")
    if sent is not None:
        return sent.decode("latin-1")
    kind, _, value = (header(scope, b"authorization") or b"").partition(b" ")
    if kind.lower() == b"bearer":
        return value.strip().decode("latin-1")
    if is_page and kind.lower() == b"basic":
        try:
            return b64decode(value.strip(), validate=True).partition(b":")[2].decode("latin-1")
        except binascii.Error:
            return None
    return None
