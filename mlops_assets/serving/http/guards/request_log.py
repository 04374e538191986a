"""The outermost guard: each answer has its request ID, and each request is logged as a line of JSON."""

from collections.abc import Collection
from time import perf_counter_ns
from typing import Any

from mlops_assets.serving.http.guards.asgi import App, Message, Receive, Scope, Send
from mlops_assets.serving.http.guards.paths import HEALTH, UNKNOWN_ROUTE, Paths, route_of
from mlops_assets.serving.http.request_facts import RequestFacts, request_facts
from mlops_assets.serving.json_log import LineWriter, time_text

_MILLISECOND = 1_000_000
_POLICY_VIOLATION = 1008
_NO_TELEMETRY = "fastapi.telemetry"
"""With this key, FastAPI records nothing itself: its spans and logs contain queries and error messages."""


class RequestLog:
    """Middleware that adds `X-Request-ID` to answers, and logs requests if there is a writer.

    A line has no value of a row, no path as it was sent, no query and no header.
    """

    def __init__(self, app: App, paths: Paths, projects: Collection[str], writer: LineWriter | None) -> None:
        self.app, self._paths, self._projects, self._writer = app, paths, projects, writer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            try:
                await self.app(scope, receive, send)
            finally:
                if self._writer is not None:
                    self._writer.close()
            return
        if scope["type"] != "http":  # the service has no web sockets
            await receive()
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            return
        facts, status = request_facts(scope), 500
        scope[_NO_TELEMETRY] = None

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = b"x-request-id", facts.request_id.encode("ascii")
                message["headers"] = [*message.get("headers", ()), own]
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            if self._writer is not None and scope["path"] not in HEALTH:
                self._writer.write(self._line(scope, facts, status))

    def _line(self, scope: Scope, facts: RequestFacts, status: int) -> dict[str, Any]:
        now = perf_counter_ns()
        project = facts.project or self._paths.project(scope["path"])
        line: dict[str, Any] = {
            "time": time_text(),
            "level": "error" if status >= 500 else "warning" if status >= 400 else "info",
            "message": "request",
            "request_id": facts.request_id,
            "method": scope["method"],
            "route": route_of(scope) or UNKNOWN_ROUTE,
            "project": project if project in self._projects else None,
            "version": facts.version,
            "status": status,
            "rows": facts.rows,
            "ms": round((now - facts.started) / _MILLISECOND, 3),
            "client": facts.client,
        }
        if facts.parsed is not None:
            line["parse_ms"] = round((facts.parsed - facts.started) / _MILLISECOND, 3)
            if facts.scored is not None:
                line["score_ms"] = round((facts.scored - facts.parsed) / _MILLISECOND, 3)
        if facts.trace_id is not None:
            line["trace_id"] = facts.trace_id
        return line
