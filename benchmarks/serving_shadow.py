"""What a shadow adds to the latency of `mlops serve`, measured in turns with and without it.

    mlops serve california_housing --port 8000 &
    python -m benchmarks.serving_shadow california_housing 2 rows.json [--url http://127.0.0.1:8000]

`rows.json` is a JSON array of rows; version 2 shadows the champion in every second turn. One client sends one
row at a time. Prints the quantiles of each turn, and the median of the ratios of neighbouring turns.
"""

import argparse
import http.client
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from urllib.parse import urlsplit

import numpy as np

WAIT_SECONDS = 3.0
"""How long the service takes to follow the ledger."""


def quantiles(url: str, project: str, bodies: Sequence[bytes], count: int) -> tuple[float, float]:
    """p50 and p99 of requests with one row each, in milliseconds."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port)
    path, headers = f"/v1/projects/{project}/predict", {"Content-Type": "application/json"}
    found = []
    for number in range(count):
        started = perf_counter()
        connection.request("POST", path, bodies[number % len(bodies)], headers)
        answer = connection.getresponse()
        body = answer.read()
        found.append(1000 * (perf_counter() - started))
        if answer.status != 200:
            raise SystemExit(f"{answer.status}: {body[:500]!r}")
    return float(np.quantile(found, 0.5)), float(np.quantile(found, 0.99))


def scored(project: str) -> int:
    """Number of entities that the shadow has scored: here one for each request."""
    command = ["mlops", "canary", "status", project, "--json"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return int(found["report"]["challenger"]["entities"]) if found["report"] else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project")
    parser.add_argument("version")
    parser.add_argument("rows", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--requests", type=int, default=5_000)
    arguments = parser.parse_args()
    rows = json.loads(arguments.rows.read_text("utf-8"))
    bodies = [json.dumps({"rows": [row]}).encode() for row in rows]
    canary = ["mlops", "canary"]
    quantiles(arguments.url, arguments.project, bodies, 500)
    ratios = []
    for turn in range(arguments.turns):
        without = quantiles(arguments.url, arguments.project, bodies, arguments.requests)
        start = [*canary, "start", arguments.project, "--version", arguments.version, "--shadow"]
        subprocess.run(start, check=True, capture_output=True)
        while not scored(arguments.project):  # the shadow is being loaded
            quantiles(arguments.url, arguments.project, bodies, 20)
            sleep(WAIT_SECONDS)
        before = scored(arguments.project)
        shadowed = quantiles(arguments.url, arguments.project, bodies, arguments.requests)
        count = scored(arguments.project) - before
        subprocess.run(
            [*canary, "stop", arguments.project, "--reason", "measured"], check=True, capture_output=True
        )
        sleep(WAIT_SECONDS)
        ratios.append((shadowed[0] / without[0], shadowed[1] / without[1]))
        print(
            f"turn {turn + 1}: p50 {without[0]:.3f} -> {shadowed[0]:.3f} ms, "
            f"p99 {without[1]:.3f} -> {shadowed[1]:.3f} ms, {count:,} rows were scored by the shadow",
            flush=True,
        )
    middle = [median(one[place] for one in ratios) for place in range(2)]
    print(f"median ratio: p50 {middle[0]:.2f}, p99 {middle[1]:.2f}")


if __name__ == "__main__":
    main()
