"""Limits of the headers of a request."""

import socket
import time
from contextlib import contextmanager, suppress
from threading import Thread

import pytest
import uvicorn

from mlops_assets.compat import uvicorn as compat
from mlops_assets.compat.uvicorn import LimitedHeaders
from mlops_assets_tests.support.echo_app import echo

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def port():
    with pytest.MonkeyPatch.context() as patch, socket.create_server(("127.0.0.1", 0)) as listening:
        patch.setattr(compat, "HEADER_SECONDS", 0.3)
        server = uvicorn.Server(uvicorn.Config(echo, http=LimitedHeaders, lifespan="off", log_config=None))
        thread = Thread(target=server.run, args=([listening],))
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join()


@contextmanager
def _connection(port):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(5)
        yield connection


def _until_closed(connection) -> bytes:
    found = b""
    try:
        while part := connection.recv(65_536):
            found += part
    except ConnectionResetError:  # what was sent is not read any more
        pass
    return found


@pytest.mark.parametrize("sent", [b"", b"POST / HT", HEAD])
def test_a_connection_without_complete_headers_is_closed(port, sent):
    with _connection(port) as connection:
        connection.sendall(sent)
        assert _until_closed(connection) == b""


def test_headers_that_arrive_in_parts_have_one_time_together(port):
    started = time.monotonic()
    with _connection(port) as connection:
        connection.sendall(HEAD)
        with suppress(BrokenPipeError, ConnectionResetError):
            while time.monotonic() < started + 5:
                connection.sendall(b"X: 1\r\n")
                time.sleep(0.05)
    assert 0.2 < time.monotonic() - started < 3


def test_headers_that_are_too_large_are_refused(port):
    with _connection(port) as connection:
        for part in (HEAD, b"X: " + b"1" * 60_000, b"1" * 10_000):
            connection.sendall(part)
            time.sleep(0.05)
        assert _until_closed(connection).startswith(b"HTTP/1.1 400")


def test_large_and_slow_bodies_and_requests_in_turn_are_answered(port):
    with _connection(port) as connection:
        for size in (200_000, 3):
            connection.sendall(HEAD + f"Content-Length: {size}\r\n\r\n".encode() + b"1" * (size - 1))
            time.sleep(0.35)
            connection.sendall(b"1")
            answer = connection.recv(1000)
            assert answer.startswith(b"HTTP/1.1 200")
            assert f"\r\n{size}\r\n".encode() in answer


def test_a_body_before_the_headers_of_the_next_request_does_not_count_as_headers(port):
    with _connection(port) as connection:
        body = b"1" * 200_000
        connection.sendall(HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body + HEAD)
        time.sleep(0.1)
        connection.sendall(b"Content-Length: 0\r\nConnection: close\r\n\r\n")
        assert _until_closed(connection).count(b"HTTP/1.1 200") == 2
