"""Traces of OpenTelemetry, if the standard variables `OTEL_…` ask for them; else nothing is imported."""

import os
from collections.abc import Mapping
from importlib.util import find_spec
from itertools import pairwise
from time import perf_counter_ns, time_ns
from typing import TYPE_CHECKING

from mlops_assets.core.errors import StoreError
from mlops_assets.serving.http.guards.asgi import App, Message, Receive, Scope, Send
from mlops_assets.serving.http.guards.paths import HEALTH, route_of
from mlops_assets.serving.http.request_facts import RequestFacts, request_facts

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

_EXPORTER = "opentelemetry.exporter.otlp.proto.http"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_SERVICE = "mlops-serve"
_STEPS = ("parse", "score", "answer")


def is_configured(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment asks for traces: an endpoint, or the exporter `otlp`.

    Raises
    ------
    StoreError
        When the packages for it are not installed, or it asks for another exporter or protocol.
    """
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporter == "none":
        return False
    if not exporter and not any(environment.get(name) for name in _ENDPOINTS):
        return False
    protocol = environment.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environment.get(
        "OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"
    )
    if exporter not in ("", "otlp") or protocol != "http/protobuf":
        raise StoreError(
            f"traces by the exporter {exporter or 'otlp'} with the protocol {protocol} are not supported",
            hint="use otlp and http/protobuf, the defaults, or OTEL_TRACES_EXPORTER=none",
        )
    if not _is_installed():
        raise StoreError(
            "the environment asks for traces (OTEL_…), but the exporter of OpenTelemetry is not installed",
            hint="install it: pip install 'mlops-assets[otel]', or set OTEL_SDK_DISABLED=true",
        )
    return True


def traced(app: App) -> App:
    """Return an application whose requests are traced if the environment asks for it."""
    if not is_configured():
        return app
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    names = {} if os.environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: _SERVICE}
    provider = TracerProvider(resource=Resource.create(names))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(app, provider)


class Tracing:
    """Middleware that makes a span of each request, with children for its steps: parse, score, answer.

    Parameters
    ----------
    provider
        Where spans are recorded.
    """

    def __init__(self, app: App, provider: "TracerProvider") -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self.app, self._provider = app, provider
        self._tracer = provider.get_tracer("mlops_assets.serving")
        self._propagator = TraceContextTextMapPropagator()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            try:
                await self.app(scope, receive, send)
            finally:
                self.close()
            return
        if scope["type"] != "http" or scope["path"] in HEALTH:
            await self.app(scope, receive, send)
            return
        facts, status = request_facts(scope), 500
        span = self._start(scope, facts)

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_observed)
        finally:
            self._end(span, scope, facts, status)

    def close(self) -> None:
        """Export what was not exported yet."""
        self._provider.shutdown()

    def _start(self, scope: Scope, facts: RequestFacts) -> "Span":
        from opentelemetry.trace import SpanKind

        sent = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        span = self._tracer.start_span(
            scope["method"],
            self._propagator.extract(sent),
            kind=SpanKind.SERVER,
            start_time=_epoch(facts.started),
        )
        facts.trace_id = f"{span.get_span_context().trace_id:032x}"
        return span

    def _end(self, span: "Span", scope: Scope, facts: RequestFacts, status: int) -> None:
        from opentelemetry.trace import StatusCode

        now = perf_counter_ns()
        if span.is_recording():
            route = route_of(scope)
            attributes = {
                "http.request.method": scope["method"],
                "http.response.status_code": status,
                "url.scheme": scope.get("scheme", "http"),
                "http.route": route,
                "mlops.request_id": facts.request_id,
                "mlops.project": facts.project,
                "mlops.model.version": facts.version,
                "mlops.rows": facts.rows,
            }
            span.set_attributes({name: value for name, value in attributes.items() if value is not None})
            if route is not None:
                span.update_name(f"{scope['method']} {route}")
            if status >= 500:
                span.set_status(StatusCode.ERROR)
            self._add_steps(span, facts, now)
        span.end(_epoch(now))

    def _add_steps(self, span: "Span", facts: RequestFacts, now: int) -> None:
        from opentelemetry.trace import set_span_in_context

        context = set_span_in_context(span)
        marks = [facts.started, facts.parsed, facts.scored, now]
        for name, (start, end) in zip(_STEPS, pairwise(marks), strict=True):
            if start is not None and end is not None:
                self._tracer.start_span(name, context, start_time=_epoch(start)).end(_epoch(end))


def _epoch(counter: int) -> int:
    """Return a time of `perf_counter_ns` in nanoseconds since 1970."""
    return time_ns() - perf_counter_ns() + counter


def _is_installed() -> bool:
    try:
        return find_spec(_EXPORTER) is not None
    except ModuleNotFoundError:
        return False
