"""The servers of the UIs: their output, and their end."""

import io
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Timer

import pytest

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.system.host_addresses import allowed_addresses
from mlops_assets.stores.system.state_directory import StateDirectory, find_project_root
from mlops_assets.workspace.ui.servers import (
    Entrance,
    _dagster_commands,
    _greeting,
    _mlflow_environment,
    _relay,
    _require_free,
    _run,
)
from mlops_assets.workspace.workspace import Workspace

SERVER = """
import signal, sys, time
print("ready", flush=True)
try:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    time.sleep(60)
finally:
    print("a late line", flush=True)
"""


@contextmanager
def kept_signals() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def run(tmp_path: Path, echoed: list[str], ready: Path | None = None, **code: str) -> int:
    commands = {name: [sys.executable, "-c", text] for name, text in code.items()}
    return _run(commands, tmp_path, os.environ, ready=ready or tmp_path, echo=echoed.append)


def test_secrets_in_the_output_of_a_server_are_redacted(monkeypatch):
    monkeypatch.setenv("DAGSTER_PG_URL", "postgresql://ada:s3cr3t%2Fx@host/dagster")
    target = io.StringIO()
    _relay(["can't connect to postgresql://ada:s3cr3t%2Fx@host, s3cr3t/x\n"], target, Event())
    assert target.getvalue() == "can't connect to postgresql://host, ***\n"


def test_the_misleading_warning_about_dagster_yaml_is_left_out():
    target = io.StringIO()
    warning = (
        "WARNING - Found a dagster instance configuration value (dagster.yaml) in the current folder, but\n"
    )
    _relay(["one\n", warning, "two\n"], target, Event())
    assert target.getvalue() == "one\ntwo\n"


def test_ctrl_c_ends_the_servers_without_their_tracebacks(tmp_path, capfd):
    echoed: list[str] = []
    with kept_signals():
        Timer(2.0, os.kill, (os.getpid(), signal.SIGINT)).start()
        started = time.monotonic()
        assert run(tmp_path, echoed, Dagster=SERVER, MLflow=SERVER) == 0
        assert time.monotonic() - started < 10
    assert echoed == ["stopping; runs in progress are interrupted"]
    time.sleep(0.5)
    output = capfd.readouterr().err
    assert output.count("ready") == 2
    assert "Traceback" not in output
    assert "a late line" not in output


def test_a_server_that_ends_by_itself_is_reported_with_its_output(tmp_path, capfd):
    echoed: list[str] = []
    with kept_signals():
        assert run(tmp_path, echoed, Dagster="raise SystemExit('no port')", MLflow=SERVER) == 1
    assert echoed == ["Dagster exited unexpectedly, with exit code 1"]
    assert "no port" in capfd.readouterr().err


def test_the_other_servers_start_once_the_first_one_can_be_used(tmp_path, capfd):
    ready = tmp_path / "socket"
    first = f"import pathlib, time; time.sleep(1); pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"
    second = f"import pathlib; raise SystemExit(pathlib.Path({str(ready)!r}).exists() and 7)"
    echoed: list[str] = []
    with kept_signals():
        assert run(tmp_path, echoed, ready, First=first, Second=second) == 1
    assert echoed == ["Second exited unexpectedly, with exit code 7"]


def test_a_read_only_ui_starts_neither_daemon_nor_mlflow(tmp_path):
    workspace = Workspace(find_project_root())
    both = [
        _dagster_commands(workspace, Entrance(read_only=read_only, allow_hosts=("a.example",)), tmp_path)
        for read_only in (False, True)
    ]
    assert ["Dagster's daemon" in commands for commands in both] == [True, False]
    assert ["--read-only" in commands["Dagster"] for commands in both] == [False, True]
    assert all(commands["Dagster"][-1] == "a.example" for commands in both)
    assert not any("MLflow" in commands for commands in both)
    assert "MLflow has no such mode" in _greeting(workspace.state, Entrance(read_only=True))


def test_mlflow_accepts_the_same_names_and_their_pages(monkeypatch, tmp_path):
    monkeypatch.setattr("mlops_assets.workspace.ui.servers._opened_tracking_store", lambda state: "sqlite://")
    allowed = allowed_addresses("127.0.0.1", ["mlops.example.com:8443"])
    found = _mlflow_environment(StateDirectory.of(tmp_path), allowed, Entrance(mlflow_port=5001))
    assert "mlops.example.com:*" in found["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    origins = found["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"].split(",")
    assert {"http://mlops.example.com:5001", "https://mlops.example.com:8443"} <= set(origins)
    assert not any("*" in origin for origin in origins)


def test_a_port_in_use_and_an_unknown_host_are_reported():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StoreError, match=f"port {port} of 127.0.0.1 can't be used"):
            _require_free("127.0.0.1", port)
    with pytest.raises(StoreError, match=r"the host missing\.invalid is not known"):
        _require_free("missing.invalid", 3000)
