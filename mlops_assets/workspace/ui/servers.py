"""The servers of both UIs: Dagster behind its gate with code server and daemon, and MLflow."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from types import FrameType
from typing import TextIO

import yaml

from mlops_assets.core.errors import StoreError
from mlops_assets.core.redaction.redact import redact
from mlops_assets.stores.system.host_addresses import Address, Allowed, allowed_addresses, bracketed
from mlops_assets.stores.system.state_directory import StateDirectory
from mlops_assets.workspace.workspace import Workspace

_POLL_SECONDS = 0.5
_GRACE_SECONDS = 15
_SOCKET = "code.sock"
"""Socket of the code server, which creates it after it has loaded the definitions."""
_NOISE = (
    # The rendered copy of that file is used, with absolute paths.
    "Found a dagster instance configuration value (dagster.yaml) in the current folder",
    "[MLflow] Security middleware enabled.",  # with the hosts of --host and --allow-host
)
"""Parts of lines of the servers that do not apply here."""


@dataclass(frozen=True)
class Entrance:
    """Where the UIs listen, and who may open them.

    Attributes
    ----------
    host
        Interface that both servers listen on.
    port, mlflow_port
        Ports of Dagster and MLflow.
    allow_hosts
        Names or addresses under which the UIs are opened, in addition to the host and the loopback names.
    read_only
        Refuse every change, and start neither Dagster's daemon nor MLflow.
    """

    host: str = "127.0.0.1"
    port: int = 3000
    mlflow_port: int = 5000
    allow_hosts: tuple[str, ...] = ()
    read_only: bool = False


def serve(workspace: Workspace, entrance: Entrance, *, echo: Callable[[str], None]) -> int:
    """Start the servers, and wait until one exits or the command is interrupted.

    Parameters
    ----------
    echo
        Called with each message for the user.

    Returns
    -------
    An exit code: 1 if a server exited without being stopped.

    Raises
    ------
    ProjectError
        When the host or an allowed host is not a name or an address.
    StoreError
        When a port can't be used.
    """
    state = workspace.state
    allowed = allowed_addresses(entrance.host, entrance.allow_hosts)
    with_mlflow = state.artifacts is not None and not entrance.read_only
    for wanted in (entrance.port, entrance.mlflow_port) if with_mlflow else (entrance.port,):
        _require_free(entrance.host, wanted)
    with workspace.instance():  # else webserver and daemon would both create the databases
        pass
    # Only this user may connect to the code server, which has no authentication.
    with TemporaryDirectory(prefix="mlops-ui-") as private:
        commands = _dagster_commands(workspace, entrance, Path(private))
        environment = {**os.environ, "DAGSTER_IS_DEV_CLI": "1"}
        if with_mlflow:
            state.mlflow.mkdir(parents=True, exist_ok=True)
            environment |= _mlflow_environment(state, allowed, entrance)
            commands["MLflow"] = _mlflow_command(state, entrance)
        echo(_greeting(state, entrance))
        return _run(commands, workspace.root, environment, ready=Path(private) / _SOCKET, echo=echo)


def _greeting(state: StateDirectory, entrance: Entrance) -> str:
    at = f"http://{bracketed(entrance.host)}"
    if entrance.read_only:
        return (
            f"Dagster at {at}:{entrance.port}, read-only: it launches nothing, and schedules and sensors do "
            "not run; MLflow has no such mode and is not started; press Ctrl-C to stop"
        )
    mlflow = f"{at}:{entrance.mlflow_port}" if state.artifacts else state.tracking_uri
    return f"Dagster at {at}:{entrance.port}, MLflow at {mlflow}; press Ctrl-C to stop"


def _dagster_commands(workspace: Workspace, entrance: Entrance, private: Path) -> dict[str, list[str]]:
    """Return the commands of `dagster dev`, with the gated web server instead of `dagster-webserver`."""
    module, socket_path = workspace.module, private / _SOCKET
    server = {"socket": str(socket_path), "location_name": module}
    file = private / "workspace.yaml"
    file.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}), "utf-8")
    options = ["--read-only"] if entrance.read_only else []
    for name in entrance.allow_hosts:
        options += ["--allow-host", name]
    commands = {
        "Dagster's code server": [
            *(sys.executable, "-m", "dagster", "code-server", "start", "--module-name", module),
            *("--socket", str(socket_path), "--location-name", module, "--log-level", "warning"),
            *("--use-python-environment-entry-point", "--inject-env-vars-from-instance"),
        ],
        "Dagster": [
            *(sys.executable, "-m", "mlops_assets.workspace.ui.webserver", "--workspace", str(file)),
            *("--host", entrance.host, "--port", str(entrance.port), *options),
        ],
        "Dagster's daemon": [
            *(sys.executable, "-m", "dagster._daemon", "run"),
            *("--workspace", str(file), "--log-level", "warning"),
        ],
    }
    if entrance.read_only:
        del commands["Dagster's daemon"]
    return commands


def _mlflow_command(state: StateDirectory, entrance: Entrance) -> list[str]:
    assert state.artifacts is not None
    return [
        *(sys.executable, "-m", "mlflow", "server", "--host", entrance.host),
        *("--port", str(entrance.mlflow_port)),
        *("--workers", "1", "--default-artifact-root", state.artifacts.as_uri()),
    ]


def _mlflow_environment(state: StateDirectory, allowed: Allowed, entrance: Entrance) -> dict[str, str]:
    """Return the variables of MLflow's server, which has a gate of its own for hosts and origins."""
    hosts = sorted(allowed.hosts)
    names = [*hosts, *(f"{host}:*" for host in hosts)]
    pages = [Address(host, entrance.mlflow_port) for host in hosts] + sorted(allowed.proxies, key=str)
    origins = [f"{scheme}://{page}" for page in pages for scheme in ("http", "https")]
    return {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_BACKEND_STORE_URI": _opened_tracking_store(state),
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(names),
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": ",".join(origins),
    }


def _run(
    commands: Mapping[str, Sequence[str]],
    folder: Path,
    environment: Mapping[str, str],
    *,
    ready: Path,
    echo: Callable[[str], None],
) -> int:
    """Run servers until one exits or the command is interrupted.

    Parameters
    ----------
    ready
        A file that the first server creates once it can be used; the others are started then.
    """
    stopped = Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    running: dict[str, subprocess.Popen[str]] = {}
    relays: list[Thread] = []
    waiting = list(commands)
    while not stopped.is_set() and not _ended(running):
        while waiting and (not running or ready.exists()):
            name = waiting.pop(0)
            running[name] = _start(commands[name], folder, environment)
            relays.append(
                Thread(target=_relay, args=(running[name].stdout, sys.stderr, stopped), daemon=True)
            )
            relays[-1].start()
        time.sleep(_POLL_SECONDS)
    ended = _ended(running)
    for name in ended:
        echo(f"{name} exited unexpectedly, with exit code {running[name].returncode}")
    if not ended:
        echo("stopping; runs in progress are interrupted")
    _stop(running.values())
    for relay in relays:  # until the last line of a server that exited
        relay.join(_POLL_SECONDS)
    return 1 if ended else 0


def _start(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


def _ended(running: Mapping[str, subprocess.Popen[str]]) -> list[str]:
    return [name for name, process in running.items() if process.poll() is not None]


def _stop(processes: Collection[subprocess.Popen[str]]) -> None:
    """End servers and what they started; those that take longer than the grace period are killed."""
    deadline = time.monotonic() + _GRACE_SECONDS
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
    for process in processes:
        try:
            process.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _relay(lines: Iterable[str], target: TextIO, stopped: Event) -> None:
    """Copy the output of a server, redacted, until it is stopped; its processes then end in any order."""
    for line in lines:
        if not stopped.is_set() and not any(part in line for part in _NOISE):
            target.write(redact(line))
            target.flush()


def _require_free(host: str, port: int) -> None:
    try:
        kind, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise StoreError(
            f"the host {host} is not known: {error.strerror}", hint="choose an address of this machine"
        ) from error
    with socket.socket(kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise StoreError(
                f"port {port} of {host} can't be used: {error.strerror}",
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
