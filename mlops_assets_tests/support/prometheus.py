"""Programs of Prometheus for tests: promtool, and a server that scrapes an endpoint."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

_SECONDS = 20.0


def program(name: str) -> str:
    """The path of a program of Prometheus.

    Where it is missing, tests are skipped; in CI they fail instead.
    """
    found = shutil.which(name)
    if found:
        return found
    reason = f"{name} is not installed: it is in Debian's package `prometheus`"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def promtool(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run promtool with text as its input."""
    command = [program("promtool"), *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


_STARTING = 503
_NOTHING = {"status": "success", "data": {"result": []}}


@dataclass(frozen=True)
class Prometheus:
    """A running server."""

    port: int

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples that an expression has now; an error of the expression fails the test."""
        found = self._get("query", query=expression)
        assert found["status"] == "success", f"{expression}: {found['error']}"
        samples: list[dict[str, Any]] = found["data"]["result"]
        return samples

    def wait(self, is_true: Callable[["Prometheus"], bool]) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + _SECONDS
        while not is_true(self):
            assert time.monotonic() < deadline, "Prometheus did not scrape in time"
            time.sleep(0.05)

    def _get(self, method: str, **parameters: str) -> Any:
        address = f"http://127.0.0.1:{self.port}/api/v1/{method}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(address, timeout=_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return _NOTHING if error.code == _STARTING else json.load(error)
        except urllib.error.URLError:  # it does not listen yet
            return _NOTHING


@contextmanager
def running_prometheus(folder: Path, configuration: dict[str, Any]) -> Iterator[Prometheus]:
    """Start a server with a configuration, and remove it at the end."""
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(configuration), "utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [
        *(program("prometheus"), f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"),
    ]
    with (folder / "log").open("w+") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield Prometheus(port)
        finally:
            server.kill()
            server.wait()
