"""Traces of requests."""

import asyncio
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from fastapi import FastAPI, Request
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from mlops_assets.core.errors import StoreError
from mlops_assets.serving.http.guards import tracing
from mlops_assets.serving.http.guards.paths import Paths
from mlops_assets.serving.http.guards.request_log import RequestLog
from mlops_assets.serving.http.guards.tracing import Tracing, is_configured, traced
from mlops_assets.serving.http.request_facts import request_facts
from mlops_assets_tests.support.asgi import request
from mlops_assets_tests.support.echo_app import echo

PREDICT = "/v1/projects/churn/predict"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def app(exporter):
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    inner = FastAPI()

    @inner.post("/v1/projects/{project}/predict")
    async def predict(project: str, request: Request):
        facts, body = request_facts(request.scope), await request.body()
        facts.mark_parsed()
        await asyncio.sleep(0.01)
        if body:
            raise ValueError("the town Springfield is unknown")
        facts.mark_scored(project, 3, 2)
        await asyncio.sleep(0.002)

    return Tracing(inner, provider)


def test_a_request_continues_the_trace_of_its_client_with_a_span_for_each_step(app, exporter):
    request(app, PREDICT, traceparent=f"00-{TRACE}-{PARENT}-01", x_request_id="order-1")
    *steps, server = exporter.get_finished_spans()
    assert server.name == "POST /v1/projects/{project}/predict"
    assert server.kind is SpanKind.SERVER
    assert f"{server.context.trace_id:032x}" == TRACE
    assert f"{server.parent.span_id:016x}" == PARENT
    assert dict(server.attributes) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "url.scheme": "http",
        "http.route": "/v1/projects/{project}/predict",
        "mlops.request_id": "order-1",
        "mlops.project": "churn",
        "mlops.model.version": 3,
        "mlops.rows": 2,
    }
    assert [span.name for span in steps] == ["parse", "score", "answer"]
    assert {span.parent.span_id for span in steps} == {server.context.span_id}
    parse, score, answer = steps
    assert abs(parse.start_time - server.start_time) < 1_000_000
    assert score.end_time - score.start_time >= 9_000_000
    assert answer.end_time - answer.start_time >= 1_000_000


def test_a_failed_request_is_an_error_without_its_message(app, exporter):
    with pytest.raises(ValueError, match="Springfield"):
        request(app, PREDICT, body=[b"1"])
    *steps, server = exporter.get_finished_spans()
    assert [span.name for span in steps] == ["parse"]
    assert (server.status.status_code, server.attributes["http.response.status_code"]) == (
        StatusCode.ERROR,
        500,
    )
    assert "Springfield" not in server.to_json()


def test_a_client_that_does_not_sample_and_a_probe_leave_no_span(app, exporter):
    request(app, PREDICT, traceparent=f"00-{TRACE}-{PARENT}-00")
    request(app, "/healthz", method="GET")
    assert exporter.get_finished_spans() == ()


def test_spans_of_fastapi_itself_which_contain_queries_and_paths_are_not_recorded(exporter):
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    inner = FastAPI(telemetry={"tracer_provider": provider})
    request(inner, PREDICT)
    assert exporter.get_finished_spans()
    exporter.clear()
    request(RequestLog(inner, Paths(["churn"]), ["churn"], None), PREDICT)
    assert exporter.get_finished_spans() == ()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({ENDPOINT: ""}, False),
        ({ENDPOINT: "http://localhost:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({ENDPOINT: "http://localhost:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({ENDPOINT: "http://localhost:4318", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_the_standard_variables_decide(environment, expected):
    assert is_configured(environment) is expected


def test_an_exporter_that_is_not_supported_or_not_installed_is_an_error(monkeypatch):
    for variables in (
        {"OTEL_TRACES_EXPORTER": "zipkin"},
        {ENDPOINT: "x", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
    ):
        with pytest.raises(StoreError, match="not supported"):
            is_configured(variables)
    monkeypatch.setattr(tracing, "_EXPORTER", "opentelemetry.exporter.missing.http")
    with pytest.raises(StoreError, match=r"mlops-assets\[otel\]"):
        is_configured({ENDPOINT: "http://localhost:4318"})


def test_without_variables_the_application_is_as_it_was(monkeypatch):
    monkeypatch.delenv(ENDPOINT, raising=False)
    assert traced(echo) is echo


def test_spans_arrive_at_the_endpoint_of_the_environment(monkeypatch):
    received = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
        app = traced(echo)
        request(app, PREDICT)
        app.close()
        server.shutdown()
    ((path, found),) = received
    (resource,) = found.resource_spans
    attributes = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert path == "/v1/traces"
    assert attributes["service.name"] == "mlops-serve"
    assert attributes["deployment.environment.name"] == "test"
    assert [span.name for span in resource.scope_spans[0].spans] == ["POST"]
