"""The metrics of requests, which a worker records around its application."""

from collections.abc import Callable
from time import perf_counter_ns

from mlops_assets.serving.config import ServingConfig
from mlops_assets.serving.http.guards.asgi import CLOSE, App, Message, Receive, Scope, Send
from mlops_assets.serving.http.guards.paths import HEALTH, METRICS, UNKNOWN_ROUTE, Paths, route_of
from mlops_assets.serving.http.request_facts import RequestFacts, request_facts
from mlops_assets.serving.metrics.definitions import RequestMetrics

_UNMEASURED = HEALTH | {METRICS}


class MeasuredApp:
    """An application whose requests are counted and timed, by project, route, version and outcome.

    Parameters
    ----------
    metrics
        What is recorded.
    is_draining
        Whether the service is being stopped: then clients close their connections after an answer.
    """

    def __init__(
        self, app: App, config: ServingConfig, metrics: RequestMetrics, is_draining: Callable[[], bool]
    ) -> None:
        self._app, self._metrics, self._is_draining = app, metrics, is_draining
        self._projects = frozenset(project.name for project in config.projects)
        self._paths = Paths(self._projects)
        self._observe: dict[tuple[str, str, int | None, str], Callable[[float], None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        facts, status = request_facts(scope), 0

        async def measured_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if self._is_draining():
                    message["headers"] = [*message.get("headers", ()), CLOSE]
            await send(message)

        try:
            await self._app(scope, receive, measured_send)
        finally:
            if scope["path"] not in _UNMEASURED:
                self._record(scope, facts, status)

    def _record(self, scope: Scope, facts: RequestFacts, status: int) -> None:
        """Record a request; without a status its client has gone, or the application failed."""
        seconds = (perf_counter_ns() - facts.started) / 1e9
        project = facts.project or self._named_project(scope)
        route = route_of(scope) or UNKNOWN_ROUTE
        outcome = "failed" if status >= 500 or not status else "refused" if status >= 400 else "answered"
        key = project, route, facts.version, outcome
        if (observe := self._observe.get(key)) is None:
            labels = project, route, "" if facts.version is None else str(facts.version), outcome
            observe = self._observe[key] = self._metrics.durations.labels(*labels).observe
        observe(seconds)
        if outcome != "answered":
            self._metrics.errors.labels(project, route, str(status)).inc()

    def _named_project(self, scope: Scope) -> str:
        project = self._paths.project(scope["path"])
        return project if project in self._projects else ""
