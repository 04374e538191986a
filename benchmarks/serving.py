"""Requests per second and latency of `mlops serve` beside `mlflow models serve`, of the same champions.

Both servers run on this machine with one process, and are measured in turns by `wrk` on the loopback (Debian:
`apt install wrk`). The rows are a sample of those that the project has validated, or of its newest features:
made-up ones can take longer, such as places far from any other in a search of neighbours.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from mlops_assets.core import names
from mlops_assets.core.sql_quoting import quoted
from mlops_assets.serving.config import ServingConfig
from mlops_assets.serving.deployment.versions import VersionFolders
from mlops_assets.serving.engine.served_model import ServedModel
from mlops_assets.stores.warehouse.warehouse import Warehouse

_ROWS = 1_000
_ARROW = "application/vnd.apache.arrow.stream"
_START_SECONDS = 120


@dataclass(frozen=True)
class Load:
    """What `wrk` sends: a body to an address, from some clients."""

    url: str
    body: bytes
    content_type: str = "application/json"
    clients: int = 1


@dataclass(frozen=True)
class Measured:
    """Answers a second, latencies, and the CPU time of the server for each answer, in milliseconds."""

    rate: float
    p50: float
    p99: float
    cpu: float

    @property
    def text(self) -> str:
        """The cells of a table."""
        return f"{self.rate:,.1f}/s | {self.cpu:.2f} | {self.p50:.2f} / {self.p99:.2f}"


def main() -> None:
    """Measure and print one table a project."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("projects", nargs="+")
    parser.add_argument("--seconds", type=int, default=5, help="duration of one measurement")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed: apt install wrk")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = _config(arguments.projects, folder)
        with _mlops(arguments.projects, 18_640) as ours:
            for place, project in enumerate(arguments.projects):
                with _mlflow(config, project, 18_650 + place) as theirs:
                    _measure(config, project, (ours, theirs), 18_650 + place, arguments, folder)


def _config(projects: list[str], folder: Path) -> ServingConfig:
    command = [_script("mlops"), "serve", *projects, "--export", str(folder / "config.json")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return ServingConfig.from_text((folder / "config.json").read_text("utf-8"))


def _script(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _measure(
    config: ServingConfig,
    project: str,
    servers: tuple[int, int],
    port: int,
    arguments: argparse.Namespace,
    folder: Path,
) -> None:
    rows = _rows(config, project, folder)
    ours, theirs = (
        f"http://127.0.0.1:18640/v1/projects/{project}/predict",
        f"http://127.0.0.1:{port}/invocations",
    )
    one, many = orjson.dumps({"rows": rows[:1]}), orjson.dumps({"rows": rows})
    mlflow_one, mlflow_many = (orjson.dumps({"dataframe_records": part}) for part in (rows[:1], rows))
    loads = {
        "1 row, 1 client": (Load(ours, one), Load(theirs, mlflow_one)),
        "1 row, 32 clients": (Load(ours, one, clients=32), Load(theirs, mlflow_one, clients=32)),
        f"{_ROWS:,} rows, JSON": (Load(ours, many), Load(theirs, mlflow_many)),
        f"{_ROWS:,} rows, Arrow": (Load(ours, _arrow(rows), _ARROW), Load(theirs, mlflow_many)),
    }
    head = "| body | mlops serve | CPU ms | p50 / p99 ms | mlflow | CPU ms | p50 / p99 ms | ratio |"
    print(f"\n{project}\n\n{head}\n{'| --- ' * 8}|")
    for name, pair in loads.items():
        found: tuple[list[Measured], list[Measured]] = ([], [])
        for _ in range(arguments.rounds):
            for load, server, results in zip(pair, servers, found, strict=True):
                results.append(_wrk(load, server, arguments.seconds, folder))
        mine, other = map(_median, found)
        print(f"| {name} | {mine.text} | {other.text} | {mine.rate / other.rate:.1f} |", flush=True)


def _rows(config: ServingConfig, project: str, folder: Path) -> list[dict[str, Any]]:
    """A sample of the rows that the champion was made for."""
    served = config.project(project)
    model = ServedModel.load(served, VersionFolders(config, folder, print).champion(project))
    if model.compilation.scorer is None:
        raise SystemExit(f"{project} is not compiled: {model.compilation.reason}")
    name = names.FEATURES if served.table is None else f"validated_{served.table.name}"
    store = Warehouse(config.warehouse)
    with store.connect() as connection:
        found = store.relation(connection, (project, name))
        wanted = [column for column in model.contracts.contract.names if column in found.columns]
        values = [
            f"{quoted(column)}::varchar as {quoted(column)}" if "TIME" in str(kind) else quoted(column)
            for column, kind in zip(found.columns, found.types, strict=True)
            if column in wanted
        ]
        sampled = found.order(f"hash({names.ROW_ID})").limit(_ROWS).project(", ".join(values))
        rows: list[dict[str, Any]] = sampled.to_arrow_table().to_pylist()
    if len(rows) < _ROWS:
        raise SystemExit(f"{project} has only {len(rows):,} rows")
    return rows


def _arrow(rows: list[dict[str, Any]]) -> bytes:
    table, sink = pa.Table.from_pylist(rows), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _wrk(load: Load, server: int, seconds: int, folder: Path) -> Measured:
    (folder / "body").write_bytes(load.body)
    (folder / "post.lua").write_text(
        f'local file = io.open("{folder / "body"}", "rb")\n'
        'wrk.method, wrk.body = "POST", file:read("*a")\n'
        f'wrk.headers["Content-Type"] = "{load.content_type}"\n',
        "utf-8",
    )
    command = ["wrk", "-t1", f"-c{load.clients}", f"-d{seconds}s", "--timeout", "30s", "--latency"]
    before = _cpu_seconds(server)
    text = subprocess.run(
        [*command, "-s", str(folder / "post.lua"), load.url], check=True, capture_output=True, text=True
    ).stdout
    if "Non-2xx" in text:
        raise SystemExit(f"{load.url} refuses the body: {text}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    answers = re.search(r"(\d+) requests in", text)
    assert rate is not None, text
    assert answers is not None, text
    cpu = 1000 * (_cpu_seconds(server) - before) / max(int(answers[1]), 1)
    return Measured(float(rate[1]), _latency(text, 50), _latency(text, 99), cpu)


def _cpu_seconds(session: int) -> float:
    """The CPU time of all processes of a server, by the session that it leads."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            values = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        if int(values[3]) == session:
            ticks += int(values[11]) + int(values[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _latency(text: str, percentile: int) -> float:
    """A percentile in milliseconds."""
    found = re.search(rf"{percentile}%\s+([\d.]+)(us|ms|s)", text)
    assert found is not None, text
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]


def _median(results: list[Measured]) -> Measured:
    return Measured(
        *(
            statistics.median(getattr(each, name) for each in results)
            for name in ("rate", "p50", "p99", "cpu")
        )
    )


@contextmanager
def _mlops(projects: list[str], port: int) -> Iterator[int]:
    command = [_script("mlops"), "serve", *projects, "--port", str(port)]
    with _server(command, {}, f"http://127.0.0.1:{port}/readyz") as server:
        yield server


@contextmanager
def _mlflow(config: ServingConfig, project: str, port: int) -> Iterator[int]:
    command = [_script("mlflow"), "models", "serve", "--env-manager", "local"]
    command += ["-m", f"models:/{project}@champion", "--port", str(port)]
    with _server(
        command, {"MLFLOW_TRACKING_URI": config.tracking_uri}, f"http://127.0.0.1:{port}/ping"
    ) as server:
        yield server


@contextmanager
def _server(command: list[str], more: Mapping[str, str], ping: str) -> Iterator[int]:
    """The process of a server, which leads a session of its own, once it answers."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, **more}
    process = subprocess.Popen(
        command, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        started = time.monotonic()
        while not _answers(ping):
            if process.poll() is not None or time.monotonic() - started > _START_SECONDS:
                raise SystemExit(f"{' '.join(command)} does not start")
            time.sleep(0.2)
        yield process.pid
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    main()
