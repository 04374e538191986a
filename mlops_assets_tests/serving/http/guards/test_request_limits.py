"""Limits of the body, of the time and of requests at once."""

import asyncio

import pytest

from mlops_assets.serving.http.guards.concurrency import Concurrency
from mlops_assets.serving.http.guards.paths import Paths
from mlops_assets.serving.http.guards.request_limits import Limits, RequestLimits
from mlops_assets_tests.support.asgi import request, send_request
from mlops_assets_tests.support.echo_app import echo

PREDICT, OTHER = "/v1/projects/churn/predict", "/v1/projects/housing/predict"


def _app(app=echo, *, size: int = 10, seconds: float = 5) -> RequestLimits:
    return RequestLimits(
        app, Paths(["churn", "housing"]), {"churn": Limits(size, seconds)}, Limits(3, seconds)
    )


def test_a_body_of_the_largest_size_is_read():
    answer = request(_app(), PREDICT, body=[b"12345", b"67890"], content_length="10")
    assert (answer.status, answer.body) == (200, b"10")


@pytest.mark.parametrize("length", ["11", "9" * 30])
def test_a_body_that_is_announced_too_large_is_not_read(length):
    async def unread(scope, receive, send):
        raise AssertionError

    answer = request(_app(unread), PREDICT, body=[b"1" * 11], content_length=length)
    assert answer.status == 413
    assert answer.headers["connection"] == "close"
    assert "10 B" in answer.problem["error"]


def test_a_body_without_a_length_is_refused_at_the_byte_too_many():
    read = []

    async def collect(scope, receive, send):
        try:
            while True:
                read.append((await receive())["body"])
        except Exception as error:  # as frameworks do; the refusal is none for them
            raise AssertionError from error

    answer = request(
        _app(collect), PREDICT, body=[b"12345", b"67890", b"1", b"2"], transfer_encoding="chunked"
    )
    assert answer.status == 413
    assert read == [b"12345", b"67890"]


def test_another_path_has_the_limit_of_other_paths():
    assert request(_app(), OTHER, body=[b"1234"]).status == 413


@pytest.mark.parametrize(("encoding", "status"), [("gzip", 415), ("BR", 415), ("identity", 200)])
def test_a_compressed_body_is_refused(encoding, status):
    assert request(_app(), PREDICT, body=[b"1"], content_encoding=encoding).status == status


def test_a_body_that_stalls_is_408_and_an_answer_that_does_not_come_503():
    async def slow(scope, receive, send):
        await receive()
        await asyncio.sleep(5)

    app = _app(slow, seconds=0.02)
    stalled = asyncio.run(send_request(app, PREDICT, body=[b"1"], stalls=True, transfer_encoding="chunked"))
    late = asyncio.run(send_request(app, PREDICT, body=[b"1"], content_length="1"))
    without_body = asyncio.run(send_request(app, PREDICT, method="GET"))
    assert (stalled.status, late.status, without_body.status) == (408, 503, 503)
    assert "0.02 s" in late.problem["error"]
    assert late.headers["retry-after"] == "1"
    assert late.problem["request_id"]


def test_an_answer_that_has_started_is_aborted_instead_of_ending_as_if_complete():
    async def slow(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(5)

    with pytest.raises(ConnectionAbortedError):
        asyncio.run(send_request(_app(slow, seconds=0.02), PREDICT))


def test_a_timeout_of_the_application_itself_is_its_own_error():
    async def failing(scope, receive, send):
        raise TimeoutError("a database")

    with pytest.raises(TimeoutError, match="a database"):
        asyncio.run(send_request(_app(failing), PREDICT))


def test_requests_beyond_the_limit_are_refused_at_once_and_probes_are_not():
    release = None

    async def waiting(scope, receive, send):
        if scope["path"] == PREDICT:
            await release.wait()
        await echo(scope, receive, send)

    async def run():
        nonlocal release
        release = asyncio.Event()
        app = Concurrency(waiting, 2)
        held = [asyncio.create_task(send_request(app, PREDICT)) for _ in range(2)]
        await asyncio.sleep(0)
        refused, probe = await send_request(app, PREDICT), await send_request(app, "/healthz", method="GET")
        release.set()
        answered = await asyncio.gather(*held)
        return refused, probe, answered, await send_request(app, PREDICT), app.active

    refused, probe, answered, later, active = asyncio.run(run())
    assert (refused.status, refused.headers["retry-after"]) == (429, "1")
    assert [one.status for one in (probe, *answered, later)] == [200] * 4
    assert active == 0
