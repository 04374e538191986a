"""The servers of both UIs: Dagster with its daemon, and MLflow."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from threading import Event, Thread
from types import FrameType
from typing import TextIO

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.system.state_directory import StateDirectory
from mlops_assets.workspace.workspace import Workspace

HOST = "127.0.0.1"
_POLL_SECONDS = 0.5
_GRACE_SECONDS = 15
_NOISE = (
    # The rendered copy of that file is used, with absolute paths.
    "Found a dagster instance configuration value (dagster.yaml) in the current folder",
    # `dg dev` requires a pyproject.toml of dg, and would not find the module of another project.
    "SupersessionWarning: Function `dev_command` is superseded",
    "  return callback(*args, **kwargs)",
)
"""Parts of lines of the servers that do not apply here."""


def serve(workspace: Workspace, port: int, mlflow_port: int, *, echo: Callable[[str], None]) -> int:
    """Start both servers, and wait until one exits or the command is interrupted.

    Parameters
    ----------
    echo
        Called with each message for the user.

    Returns
    -------
    An exit code: 1 if a server exited without being stopped.
    """
    state = workspace.state
    for wanted in (port, mlflow_port) if state.artifacts else (port,):
        _require_free(wanted)
    with workspace.instance():  # else webserver and daemon would both create the databases
        pass
    commands = {
        "Dagster": [
            *(sys.executable, "-m", "dagster", "dev", "-m", workspace.module),
            *("-h", HOST, "-p", str(port), "--log-level", "warning"),
        ],
    }
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    environment = {**os.environ, **quiet}
    if state.artifacts:  # else there is a tracking server already
        state.mlflow.mkdir(parents=True, exist_ok=True)
        environment["MLFLOW_BACKEND_STORE_URI"] = _opened_tracking_store(state)
        commands["MLflow"] = [
            *(sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(mlflow_port)),
            *("--workers", "1", "--default-artifact-root", state.artifacts.as_uri()),
        ]
    running = {
        name: subprocess.Popen(
            command,
            cwd=workspace.root,
            env=environment,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        for name, command in commands.items()
    }
    mlflow = f"http://{HOST}:{mlflow_port}" if state.artifacts else state.tracking_uri
    echo(f"Dagster at http://{HOST}:{port}, MLflow at {mlflow}; press Ctrl-C to stop")
    return _wait(running, echo)


def _wait(running: Mapping[str, subprocess.Popen[str]], echo: Callable[[str], None]) -> int:
    stopped = Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    relays = [
        Thread(target=_relay, args=(process.stdout, sys.stderr, stopped), daemon=True)
        for process in running.values()
    ]
    for relay in relays:
        relay.start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    ended: list[str] = []
    while not stopped.is_set() and not ended:
        time.sleep(_POLL_SECONDS)
        ended = [name for name, process in running.items() if process.poll() is not None]
    for name in ended:
        echo(f"{name} exited unexpectedly, with exit code {running[name].returncode}")
    if not ended:
        echo("stopping; runs in progress are interrupted")
    deadline = time.monotonic() + _GRACE_SECONDS
    for process in running.values():
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
    for process in running.values():
        try:
            process.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
    for relay in relays:  # until the last line of a server that exited
        relay.join(_POLL_SECONDS)
    return 1 if ended else 0


def _relay(lines: Iterable[str], target: TextIO, stopped: Event) -> None:
    """Copy the output of a server until it is stopped; the processes of a server then end in any order."""
    for line in lines:
        if not stopped.is_set() and not any(part in line for part in _NOISE):
            target.write(line)
            target.flush()


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise StoreError(
                f"port {port} of {HOST} can't be used: {error.strerror}",
                hint="stop the program that uses it, or choose other ports with --port and --mlflow-port",
            ) from error


def _opened_tracking_store(state: StateDirectory) -> str:
    """Create the tables of the tracking store, and return the URI that the server opens.

    The tables are created first, because the server and a run would otherwise create them at once. The URI
    may contain a password. It is therefore passed in the environment: other users can read a command line.
    """
    from mlops_assets.stores.tracking.client import connect, full_address

    connect(state.tracking_uri, state.artifacts)
    return full_address(state.tracking_uri)
