"""The servers of the UIs: their output, and their end."""

import io
import os
import signal
import subprocess
import sys
import time
from threading import Event, Timer

from mlops_assets.workspace.servers import _relay, _wait

SERVER = """
import signal, sys, time
print("ready", flush=True)
try:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    time.sleep(60)
finally:
    print("a late line", flush=True)
"""


def server(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_the_misleading_warning_about_dagster_yaml_is_left_out():
    target = io.StringIO()
    warning = (
        "WARNING - Found a dagster instance configuration value (dagster.yaml) in the current folder, but\n"
    )
    _relay(["one\n", warning, "two\n"], target, Event())
    assert target.getvalue() == "one\ntwo\n"


def test_ctrl_c_ends_the_servers_without_their_tracebacks(capfd):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    echoed: list[str] = []
    try:
        Timer(2.0, os.kill, (os.getpid(), signal.SIGINT)).start()
        started = time.monotonic()
        assert _wait({"Dagster": server(SERVER), "MLflow": server(SERVER)}, echoed.append) == 0
        assert time.monotonic() - started < 10
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(number, handler)
    assert echoed == ["stopping; runs in progress are interrupted"]
    time.sleep(0.5)
    output = capfd.readouterr().err
    assert output.count("ready") == 2
    assert "Traceback" not in output
    assert "a late line" not in output


def test_a_server_that_ends_by_itself_is_reported_with_its_output(capfd):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    echoed: list[str] = []
    try:
        running = {"Dagster": server("raise SystemExit('no port')"), "MLflow": server(SERVER)}
        assert _wait(running, echoed.append) == 1
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(number, handler)
    assert echoed == ["Dagster exited unexpectedly, with exit code 1"]
    assert "no port" in capfd.readouterr().err
