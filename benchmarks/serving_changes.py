"""What clients of `mlops serve` see while the champion changes, a worker is killed, and over many requests.

Run: .venv/bin/python -m benchmarks.serving_changes {changes,kill,memory,stop} [--project NAME]
It works on a copy of the state directory, with the champion of a trained project and the same model with
another seed as a second version. Clients keep their connections and send one row after another.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.served_versions import Champions, request_body
from mlops_assets.core.errors import MlopsError
from mlops_assets.serving.config import ServingConfig
from mlops_assets.workspace.serving.read_declared import read_declared

_HEADERS = {"content-type": "application/json"}
_CLIENTS = 4


@dataclass
class Load:
    """Clients that send one row after another over connections that are kept, until they are stopped.

    Attributes
    ----------
    answers
        Number of answers by status; a connection that ended without an answer counts as `lost`.
    versions
        Number of answers by the version that predicted.
    """

    port: int
    path: str
    body: bytes
    answers: Counter[str] = field(default_factory=Counter)
    versions: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    is_stopped: bool = False
    limit: int | None = None

    async def run(self) -> None:
        """Send requests."""
        await asyncio.gather(*(self._client() for _ in range(_CLIENTS)))

    async def _client(self) -> None:
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while not self.is_stopped and (self.limit is None or sum(self.answers.values()) < self.limit):
            try:
                connection = connection or await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                self.answers["refused"] += 1
                await asyncio.sleep(0.05)
                continue
            start = time.perf_counter()
            try:
                status, closes, answer = await self._request(*connection)
            except (OSError, asyncio.IncompleteReadError, IndexError):
                self.answers["lost"] += 1
                connection = None
                continue
            self.seconds.append(time.perf_counter() - start)
            self.answers[status] += 1
            if status == "200":
                self.versions[json.loads(answer)["version"]] += 1
            if closes:
                connection[1].close()
                connection = None

    async def _request(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[str, bool, bytes]:
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\n"
        )
        writer.write(f"{head}Content-Length: {len(self.body)}\r\n\r\n".encode() + self.body)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(answer.split("content-length: ")[1].split("\r\n")[0])
        return answer.split()[1], "connection: close" in answer, await reader.readexactly(length)


class Service:
    """A running `mlops serve`."""

    def __init__(self, config: ServingConfig, project: str, workers: int, folder: Path) -> None:
        self.config, self.project = config, project
        file = folder / "config.json"
        file.write_text(config.to_text(), "utf-8")
        command = [
            str(Path(sys.executable).with_name("mlops")),
            "serve",
            "--config",
            str(file),
            "--port",
            "0",
        ]
        self.process = subprocess.Popen(
            [*command, "--workers", str(workers)], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if "ready at" not in line:
            raise SystemExit(f"mlops serve did not start: {line}")
        self.port = int(line.split("ready at http://127.0.0.1:")[1].split(":")[0].split(" ")[0])

    def load(self, rows: int = 1) -> Load:
        """Clients of the service."""
        return Load(
            self.port, f"/v1/projects/{self.project}/predict", request_body(self.config, self.project, rows)
        )

    @property
    def workers(self) -> list[int]:
        """Process IDs of the workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def metric(self, name: str) -> float:
        """The sum of a metric's samples."""
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics").read().decode()
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))

    def stop(self) -> None:
        """Stop it as a service manager does."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


@contextmanager
def service(options: argparse.Namespace, workers: int) -> Iterator[Service]:
    """Yield a service of a copy of the state directory, with two versions of the project."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        shutil.copytree(options.state, state, ignore=shutil.ignore_patterns("serving", "dagster"))
        os.environ["MLOPS_STATE_DIR"] = str(state)
        config = read_declared(Path.cwd(), [options.project])
        running = Service(config, options.project, workers, Path(folder))
        try:
            yield running
        finally:
            if running.process.poll() is None:
                running.stop()


async def changes(options: argparse.Namespace) -> None:
    """Change the champion under load."""
    with service(options, 2) as running:
        champions = Champions(running.config, running.project)
        champions.add_version()
        load = running.load()
        clients = asyncio.create_task(load.run())
        await asyncio.sleep(1)
        delays, still = [], _quantiles(load)
        load.seconds.clear()
        for number in range(options.changes):
            target = 2 if number % 2 == 0 else 1
            start = time.monotonic()
            await asyncio.to_thread(champions.promote, target)
            seen = load.versions[target]
            promoted = time.monotonic()
            while load.versions[target] == seen:
                await asyncio.sleep(0.02)
            delays.append(time.monotonic() - promoted)
            print(
                f"{target}: promotion {promoted - start:.2f} s, answers after {delays[-1]:.2f} s", flush=True
            )
        load.is_stopped = True
        await clients
        print(f"requests {dict(load.answers)}, by version {dict(load.versions)}")
        print(f"delay until the new version answers: max {max(delays):.2f} s")
        print(f"latency without changes {still}, with {options.changes} changes {_quantiles(load)}")


async def kill(options: argparse.Namespace) -> None:
    """Kill one of two workers under load, several times."""
    with service(options, 2) as running:
        load = running.load()
        while len(running.workers) < 2 or running.metric('mlops_serving_workers{state="ready"}') < 2:
            await asyncio.sleep(0.2)
        clients = asyncio.create_task(load.run())
        for number in range(options.kills):
            await asyncio.sleep(1)
            before, start = dict(load.answers), time.monotonic()
            os.kill((await asyncio.to_thread(lambda: running.workers))[number % 2], signal.SIGKILL)
            await asyncio.sleep(2)
            while await asyncio.to_thread(running.metric, 'mlops_serving_workers{state="ready"}') < 2:
                await asyncio.sleep(0.2)
            lost = load.answers["lost"] - before.get("lost", 0)
            print(
                f"kill {number + 1}: {lost} of {_CLIENTS} connections lost a request; two workers answered "
                f"again after {time.monotonic() - start:.1f} s",
                flush=True,
            )
        load.is_stopped = True
        await clients
        print(f"requests {dict(load.answers)}")


async def memory(options: argparse.Namespace) -> None:
    """Send many requests, and compare the memory of the worker."""
    with service(options, 1) as running:
        [worker] = running.workers
        load = running.load()
        step = max(options.requests // 10, 1)
        for number in range(11):
            load.limit = sum(load.answers.values()) + step
            await load.run()
            load.seconds.clear()
            print(f"{sum(load.answers.values()):>9,} requests: {_resident(worker):.1f} MiB", flush=True)
            if number == 0:
                first = _resident(worker)
        print(
            f"growth after the first {step:,} requests: {_resident(worker) / first - 1:+.2%}; "
            f"{dict(load.answers)}"
        )


async def stop(options: argparse.Namespace) -> None:
    """Stop the service under load."""
    with service(options, 2) as running:
        load = running.load()
        clients = asyncio.create_task(load.run())
        await asyncio.sleep(2)
        start = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        while running.process.poll() is None:
            await asyncio.sleep(0.01)
            if load.answers["refused"]:
                load.is_stopped = True
        await clients
        print(
            f"stopped in {time.monotonic() - start:.1f} s; requests {dict(load.answers)}; refused ones came "
            "after the end"
        )


def _quantiles(load: Load) -> str:
    ordered = sorted(load.seconds)
    if not ordered:
        return "no requests"
    return ", ".join(
        f"p{share} {ordered[int(len(ordered) * share / 100)] * 1000:.1f} ms" for share in (50, 99)
    )


def _resident(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"process {pid} has no memory")


def main() -> None:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["changes", "kill", "memory", "stop"])
    parser.add_argument("--state", type=Path, default=Path("data/state"))
    parser.add_argument("--project", default="california_housing")
    parser.add_argument("--changes", type=int, default=20)
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--requests", type=int, default=200_000)
    options = parser.parse_args()
    try:
        asyncio.run({"changes": changes, "kill": kill, "memory": memory, "stop": stop}[options.what](options))
    except MlopsError as error:
        raise SystemExit(f"error: {error}") from error


if __name__ == "__main__":
    main()
