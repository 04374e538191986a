"""A temporary Redis server for tests, on a free port."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest
import redis

_SECONDS = 10


@dataclass(frozen=True)
class RedisServer:
    """A running server.

    Attributes
    ----------
    password
        A password with characters that must be escaped in a URL.
    """

    port: int
    password: str = "r3d!s/p@ss%word-of-the-tests"
    client: redis.Redis = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "client", redis.Redis(port=self.port, password=self.password))

    def url(self, password: str | None = None) -> str:
        """The URL; `password` replaces the right password."""
        return f"redis://:{quote(password or self.password, safe='')}@127.0.0.1:{self.port}/0"


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """Start a server that keeps nothing on disk, and stop it at the end.

    Without an installation of Redis, tests are skipped; in CI they fail instead.
    """
    program = shutil.which("redis-server")
    if program is None:
        reason = "Redis is not installed: no redis-server in PATH"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    server = RedisServer(_free_port())
    with tempfile.TemporaryDirectory(prefix="mlops-redis-") as folder:
        config = Path(folder) / "redis.conf"
        config.write_text(
            f"port {server.port}\nbind 127.0.0.1\nsave ''\ndir {folder}\nlogfile {folder}/log\n"
            f"requirepass {server.password}\n"
        )
        process = subprocess.Popen([program, str(config)], stdout=subprocess.DEVNULL)
        try:
            _wait(server, process)
            yield server
        finally:
            server.client.close()
            process.terminate()
            process.wait(_SECONDS)


def _wait(server: RedisServer, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _SECONDS
    while True:
        try:
            server.client.ping()
            return
        except redis.ConnectionError:
            assert process.poll() is None, "redis-server ended"
            assert time.monotonic() < until, "redis-server does not answer"
            time.sleep(0.01)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
