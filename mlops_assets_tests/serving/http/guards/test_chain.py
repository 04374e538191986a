"""All guards over HTTPS, in front of a small application."""

import asyncio
import io
import json
import socket
import ssl
import time
from http.client import HTTPSConnection
from threading import Thread

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from mlops_assets.serving.checked_options import service_options
from mlops_assets.serving.http.guards.chain import guarded
from mlops_assets.serving.http.request_facts import request_facts
from mlops_assets.serving.keys.api_key import new_key
from mlops_assets.serving.keys.key_file import changed_keys
from mlops_assets.serving.options import ServiceOptions
from mlops_assets_tests.support.asgi import send_request
from mlops_assets_tests.support.certificates import write_certificate
from mlops_assets_tests.support.echo_app import echo
from mlops_assets_tests.support.serving_configs import config_of

PREDICT = "/v1/projects/churn/predict"
PAGE = "https://app.example.com"


async def _predict(request):
    facts, body = request_facts(request.scope), await request.body()
    facts.mark_parsed()
    if body == b"error":
        raise ValueError("the town Springfield is unknown")
    facts.mark_scored("churn", 3, 2)
    return PlainTextResponse(body)


class _Service:
    def __init__(self, port: int, certificate: str, token: str, log: io.BytesIO) -> None:
        self.port, self.token, self.log = port, token, log
        self.context = ssl.create_default_context(cafile=certificate)

    def request(self, path: str = PREDICT, *, method: str = "POST", body=b"{}", key: bool = True, **headers):
        connection = HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=10)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            sent["authorization"] = f"Bearer {self.token}"
        connection.request(
            method, path, body, sent, encode_chunked=sent.get("transfer-encoding") == "chunked"
        )
        answer = connection.getresponse()
        found = answer.status, answer.headers, answer.read()
        connection.close()
        return found

    def lines(self, request_id: str) -> list[dict]:
        deadline = time.monotonic() + 5
        while True:
            lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
            found = [line for line in lines if line.get("request_id") == request_id]
            if found or time.monotonic() > deadline:
                return found
            time.sleep(0.02)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder, log = tmp_path_factory.mktemp("service"), io.BytesIO()
    certificate, key = write_certificate(folder)
    token, kept = new_key("shop", ["churn"])
    with changed_keys(folder / "keys" / "serving.json", print) as keys:
        keys.append(kept)
    options = service_options(
        folder,
        "127.0.0.1",
        cors_origins=[PAGE],
        log_json=True,
        tls_certificate=certificate,
        tls_key=key,
    )
    inner = Starlette(routes=[Route("/v1/projects/{project}/predict", _predict, methods=["POST"])])
    app = guarded(inner, config_of("churn", bytes=1000, seconds=0.3), options, log)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            app, ssl_certfile=options.tls_certificate, ssl_keyfile=options.tls_key, log_config=None
        )
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, args=([listening],))
        thread.start()
        yield _Service(listening.getsockname()[1], str(certificate), token, log)
        server.should_exit = True
        thread.join()


def test_a_request_is_answered_over_https_and_logged_with_its_facts(service):
    status, headers, body = service.request(x_request_id="order-1", body=b'{"town": "Springfield"}')
    assert (status, body, headers["x-request-id"]) == (200, b'{"town": "Springfield"}', "order-1")
    (line,) = service.lines("order-1")
    times = {name: line.pop(name) for name in ("time", "ms", "parse_ms", "score_ms")}
    assert times["ms"] >= times["parse_ms"] + times["score_ms"] >= 0
    assert line == {
        "level": "info",
        "message": "request",
        "request_id": "order-1",
        "method": "POST",
        "route": "/v1/projects/{project}/predict",
        "project": "churn",
        "version": 3,
        "status": 200,
        "rows": 2,
        "client": "shop",
    }


def test_no_line_has_a_key_a_value_a_path_or_a_query(service):
    status, _, _ = service.request(
        "/v1/projects/anna@example.com/predict?town=Springfield", x_request_id="p-1"
    )
    assert status == 403
    assert service.request(body=b"error", x_request_id="p-2")[0] == 500
    (refused,), (failed,) = service.lines("p-1"), service.lines("p-2")
    assert (refused["project"], refused["status"], refused["level"]) == (None, 403, "warning")
    assert (failed["project"], failed["status"], failed["level"]) == ("churn", 500, "error")
    text = service.log.getvalue().decode()
    assert not any(value in text for value in (service.token, "Springfield", "anna"))


def test_a_request_without_a_key_is_refused_with_an_id(service):
    status, headers, body = service.request(key=False)
    assert status == 401
    assert json.loads(body)["request_id"] == headers["x-request-id"]
    (line,) = service.lines(headers["x-request-id"])
    assert line["client"] is None


def test_an_allowed_page_reads_answers_and_refusals_and_another_page_none(service):
    asks = {"access_control_request_method": "POST", "access_control_request_headers": "authorization"}
    status, headers, _ = service.request(method="OPTIONS", key=False, origin=PAGE, **asks)
    assert (status, headers["access-control-allow-origin"]) == (200, PAGE)
    for key, expected in ((True, 200), (False, 401)):
        status, headers, _ = service.request(origin=PAGE, key=key)
        assert (status, headers["access-control-allow-origin"]) == (expected, PAGE)
    status, headers, _ = service.request(method="OPTIONS", key=False, origin="https://evil.example", **asks)
    assert (status, headers["access-control-allow-origin"]) == (403, None)


def test_an_allowed_page_sends_and_reads_the_headers_of_the_service_and_no_others(service, client):
    def preflight(*headers: str) -> tuple[int, str]:
        asks = {
            "access_control_request_method": "POST",
            "access_control_request_headers": ", ".join(headers),
        }
        status, found, _ = service.request(method="OPTIONS", key=False, origin=PAGE, **asks)
        return status, found["access-control-allow-headers"].lower()

    document = client.get("/openapi.json").json()
    operations = [one for path in document["paths"].values() for one in path.values()]
    described = {
        one["name"] for each in operations for one in each.get("parameters", ()) if one["in"] == "header"
    }
    assert described == {"X-Sticky-Key", "X-Request-ID"}
    status, allowed = preflight(*described, "Authorization", "X-API-Key", "Content-Type", "traceparent")
    assert status == 200
    assert {name.lower() for name in described} <= set(allowed.split(", "))
    assert preflight("X-Forwarded-For")[0] == 400
    _, headers, _ = service.request(origin=PAGE, x_sticky_key="ada")
    exposed = set(headers["access-control-expose-headers"].split(", "))
    assert exposed >= {"X-Request-ID", "X-Model-Version", "Retry-After", "X-Features-Age-Seconds"}


def test_a_body_without_a_length_is_limited_while_it_arrives(service):
    status, headers, _ = service.request(body=iter([b"1" * 600] * 2), transfer_encoding="chunked")
    assert (status, headers["connection"]) == (413, "close")


def test_a_body_that_stalls_is_answered_after_the_seconds_of_the_project(service):
    with socket.create_connection(("127.0.0.1", service.port)) as plain:
        connection = service.context.wrap_socket(plain, server_hostname="127.0.0.1")
        head = f"POST {PREDICT} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {service.token}\r\n"
        connection.sendall(f"{head}Content-Length: 10\r\n\r\n12".encode())
        connection.settimeout(5)
        assert connection.recv(1000).startswith(b"HTTP/1.1 408")


def test_plain_http_is_not_answered(service):
    with socket.create_connection(("127.0.0.1", service.port)) as plain:
        plain.settimeout(5)
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert b"HTTP/1.1" not in plain.recv(1000)


def test_requests_at_once_are_limited_by_the_option_of_the_service():
    async def waiting(scope, receive, send):
        await asyncio.sleep(0.02)
        await echo(scope, receive, send)

    async def run():
        app = guarded(waiting, config_of("churn"), ServiceOptions(max_concurrency=1))
        return await asyncio.gather(*(send_request(app, PREDICT) for _ in range(3)))

    assert sorted(answer.status for answer in asyncio.run(run())) == [200, 429, 429]
