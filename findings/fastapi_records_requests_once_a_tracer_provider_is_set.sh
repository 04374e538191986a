#!/usr/bin/env bash
# FastAPI 0.165.0, opentelemetry-sdk 1.45.2, httpx 0.28.1 (the test client), Python 3.11 (November 2026)
#
# What one expects: FastAPI records nothing by itself; spans come from opentelemetry-instrumentation-fastapi. An application that
# sets a global tracer provider for spans of its own exports those, and nothing else.
# What happens: FastAPI makes a span of each request, with the path as it was sent and the query string, and spans of validation,
# endpoint and serialization, as soon as any global provider is set. Own ASGI middleware that traces requests gets each one twice,
# and values in a path or a query leave the process. FastAPI(telemetry={"tracing": False}) prevents it.
#
#   set before any request, no instrumentation installed: True
#   default:  GET /customers/{name} {'url.path': '/customers/anna', 'url.query': 'iban=DE02'}
#   tracing off: []
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check fastapi==0.165.0 opentelemetry-sdk==1.45.2 httpx==0.28.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.util import find_spec

from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
print("set before any request, no instrumentation installed:", find_spec("opentelemetry.instrumentation") is None)


def spans(app):
    @app.get("/customers/{name}")
    def read(name: str):
        return name

    exporter.clear()
    assert TestClient(app).get("/customers/anna?iban=DE02").status_code == 200
    return exporter.get_finished_spans()


(request,) = [span for span in spans(FastAPI()) if span.kind is trace.SpanKind.SERVER]
sent = {name: request.attributes[name] for name in ("url.path", "url.query")}
print("default: ", request.name, sent)
assert request.name == "GET /customers/{name}", request.name
assert sent == {"url.path": "/customers/anna", "url.query": "iban=DE02"}, sent
off = spans(FastAPI(telemetry={"tracing": False}))
print("tracing off:", list(off))
assert off == (), off
PYTHON
