"""Random and hostile bodies against a running service: answers with status 5xx, and growth of its memory.

    mlops serve california_housing --port 8000 &
    python benchmarks/hostile_bodies.py http://127.0.0.1:8000 --bodies 20000 --pid PID_OF_A_WORKER

With `--schemathesis COMMAND`, schemathesis tests the OpenAPI document of the service afterwards.
"""

import argparse
import json
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa

STREAM, FILE = "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"
TEXTS = [
    *("", " ", "NaN", "null", "-inf", "1e400", "1_000", "0x10", "\0", "é" * 50, "\U0001f600", "\u202e", "'"),
    *("'; drop table districts; --", '" or 1=1 --', "$as_of", "{{7*7}}", "../../etc/passwd", "%s%n", "=1+1"),
    *("2024-02-30", "9999-12-31T23:59:60Z", "0000-00-00", "x" * 100_000, "1" * 5_000, "true", "1.5e-400"),
]
NUMBERS = [
    *(0, -0.0, 1, -1, 0.5, 1e308, -1e308, 5e-324, 2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63)),
    *(2**64, 10**30, 1e22, 123456789.123456789, True, False),
]
RAW = [
    *("NaN", "Infinity", "-Infinity", "1e400", "-1e999", "1" * 5_000, "0.1e1000000", "-", "01", "+1", "0x1"),
    *(
        '"\\ud800"',
        '"\\u0000"',
        '"\\x"',
        "'a'",
        "undefined",
        "1.",
        ".5",
        "\xff",
        "[" * 2_000,
        '{"a":' * 2_000,
    ),
]
TYPES = ["application/json", "text/csv", STREAM, FILE, "text/plain", "", "application/x-www-form-urlencoded"]
QUERIES = ["", "", "", "?partial=true", "?strict=true", "?explain=true", "?explain=true&top=50", "?partial=2"]
MANY_ROWS, RARELY = 5, 0.1
"""Contributions of many rows take most of the time and are no hostile request: they are asked for rarely."""


class Bodies:
    """Random requests around a valid row."""

    def __init__(self, project: str, row: dict[str, Any], seed: int) -> None:
        self.random = random.Random(seed)
        self.project, self.row = project, row
        self._makers: list[Callable[[], tuple[str, str, bytes]]] = [
            *(self.rows, self.rows, self.columns, self.raw, self.noise, self.csv, self.arrow, self.arrow),
            *(self.invocations, self.inference, self.inference_bytes),
        ]

    def draw(self) -> tuple[str, str, bytes]:
        """Path, content type and body."""
        path, kind, body = self.random.choice(self._makers)()
        if self.random.random() < 0.1:
            body = self.damaged(body)
        if self.random.random() < 0.05:
            kind = self.random.choice(TYPES)
        return path, kind, body

    def value(self, depth: int = 0) -> Any:
        draw = self.random.random()
        if draw < 0.35:
            return self.random.choice(NUMBERS)
        if draw < 0.7:
            return self.random.choice(TEXTS)
        if draw < 0.8:
            return None
        if depth > 3 or draw < 0.9:
            return self.random.uniform(-1e6, 1e6)
        if draw < 0.95:
            return [self.value(depth + 1) for _ in range(self.random.randrange(4))]
        return {
            self.random.choice(TEXTS)[:50]: self.value(depth + 1) for _ in range(self.random.randrange(4))
        }

    def record(self) -> dict[str, Any]:
        row = dict(self.row)
        for name in list(row):
            draw = self.random.random()
            if draw < 0.15:
                row[name] = self.value()
            elif draw < 0.2:
                del row[name]
        if self.random.random() < 0.1:
            row[self.random.choice([*TEXTS, "_row", "row_id", "_broken_rules", "__proto__"])] = self.value()
        return row

    def records(self) -> list[Any]:
        count = self.random.choice([0, 1, 1, 1, 2, 5, 70])
        return [self.record() if self.random.random() < 0.98 else self.value() for _ in range(count)]

    def rows(self) -> tuple[str, str, bytes]:
        rows = self.records()
        return self.predict(len(rows)), "application/json", _json({"rows": rows})

    def columns(self) -> tuple[str, str, bytes]:
        count = self.random.choice([0, 1, 2, 70])
        columns: dict[str, Any] = {name: [value] * count for name, value in self.row.items()}
        name = self.random.choice(list(columns))
        columns[name] = self.random.choice([[self.value() for _ in range(count)], self.value(), []])
        return self.predict(count), "application/json", _json({"columns": columns})

    def raw(self) -> tuple[str, str, bytes]:
        text = json.dumps({"rows": [self.row]})
        value = json.dumps(self.row[self.random.choice(list(self.row))])
        damaged = text.replace(value, self.random.choice(RAW), 1).encode("latin-1", "replace")
        whole = self.random.choice(RAW).encode("latin-1", "replace")
        return self.predict(), "application/json", self.random.choice([damaged, damaged, whole])

    def noise(self) -> tuple[str, str, bytes]:
        size = self.random.choice([0, 1, 10, 1_000, 100_000])
        return self.predict(), self.random.choice(TYPES), self.random.randbytes(size)

    def csv(self) -> tuple[str, str, bytes]:
        rows = [",".join(f'"{value}"' for value in self.record().values()) for _ in range(3)]
        text = "\n".join([",".join(self.row), *rows])
        if self.random.random() < 0.3:
            text = text.replace(self.random.choice(',\n"'), self.random.choice(["", ",,", '"', "\r", ";"]), 5)
        return (
            self.predict(),
            "text/csv",
            text.encode(self.random.choice(["utf-8", "utf-16", "latin-1"]), "replace"),
        )

    def arrow(self) -> tuple[str, str, bytes]:
        count = self.random.choice([0, 1, 3, 100])
        arrays = {name: self.array(value, count) for name, value in self.row.items()}
        if self.random.random() < 0.1:
            arrays["more"] = pa.array([[1]] * count, pa.list_(pa.int64()))
        batch = pa.record_batch(list(arrays.values()), names=list(arrays))
        sink, is_file = pa.BufferOutputStream(), self.random.random() < 0.3
        options = pa.ipc.IpcWriteOptions(compression="zstd" if self.random.random() < 0.05 else None)
        new = pa.ipc.new_file if is_file else pa.ipc.new_stream
        with new(sink, batch.schema, options=options) as writer:
            writer.write_batch(batch)
        return self.predict(count), FILE if is_file else STREAM, sink.getvalue().to_pybytes()

    def array(self, value: Any, count: int) -> pa.Array:
        draw = self.random.random()
        if draw < 0.8:
            return pa.array([value] * count)
        if draw < 0.85:
            return pa.array([str(value)] * count).dictionary_encode()
        if draw < 0.9:
            return pa.nulls(count)
        kinds = [
            *(pa.int8(), pa.uint64(), pa.float16(), pa.float32(), pa.decimal128(38, 10), pa.date32()),
            *(pa.timestamp("ns", "UTC"), pa.time64("us"), pa.binary(), pa.string_view(), pa.list_(pa.int8())),
        ]
        return pa.nulls(count, self.random.choice(kinds))

    def invocations(self) -> tuple[str, str, bytes]:
        records = [self.record() for _ in range(self.random.choice([0, 1, 3]))]
        split = {"columns": list(self.row), "data": [list(self.record().values()) for _ in records]}
        name = self.random.choice(["dataframe_split", "dataframe_records", "instances", "inputs", "data"])
        content = self.random.choice([split, split, records, records, self.value(), {}, None])
        return f"/v1/projects/{self.project}/invocations", "application/json", _json({name: content})

    def inference(self) -> tuple[str, str, bytes]:
        inputs: list[Any] = [
            {
                "name": name,
                "shape": [1],
                "datatype": "FP64" if isinstance(value, float) else "BYTES",
                "data": [value],
            }
            for name, value in self.row.items()
        ]
        for one in inputs:
            if self.random.random() < 0.15:
                one[self.random.choice(list(one))] = self.value()
            if self.random.random() < 0.03:
                one["parameters"] = self.random.choice([{"binary_data_size": self.value()}, self.value()])
        body: dict[str, Any] = {"inputs": inputs, "id": self.random.choice([None, "a", 1])}
        if self.random.random() < 0.2:
            body[self.random.choice(["inputs", "outputs", "parameters"])] = self.value()
        return f"/v2/models/{self.project}/infer", "application/json", _json(body)

    def inference_bytes(self) -> tuple[str, str, bytes]:
        path, _, body = self.inference()
        return (
            path,
            f"binary {self.random.choice([len(body), 0, 5, 10**18])}",
            body + self.random.randbytes(40),
        )

    def damaged(self, body: bytes) -> bytes:
        if not body:
            return body
        place = self.random.randrange(len(body))
        match self.random.randrange(4):
            case 0:
                return body[:place]
            case 1:
                return body[:place] + self.random.randbytes(self.random.randrange(1, 9)) + body[place + 1 :]
            case 2:
                return body[:place] + body[max(0, place - 20) :]
        damaged = bytearray(body)
        for _ in range(self.random.randrange(1, 6)):
            damaged[self.random.randrange(len(damaged))] = self.random.randrange(256)
        return bytes(damaged)

    def predict(self, rows: int = 1) -> str:
        query = self.random.choice(QUERIES)
        if rows > MANY_ROWS and "explain" in query and self.random.random() >= RARELY:
            query = ""
        return f"/v1/projects/{self.project}/predict{query}"


def _json(value: Any) -> bytes:
    return json.dumps(value, allow_nan=True).encode()


def example(client: httpx.Client) -> tuple[str, dict[str, Any]]:
    """The first project of the service, and the example row of its OpenAPI document."""
    project = client.get("/v1/projects").json()["projects"][0]["project"]
    operation = client.get("/openapi.json").json()["paths"][f"/v1/projects/{project}/predict"]["post"]
    return project, operation["requestBody"]["content"]["application/json"]["example"]["rows"][0]


def resident_bytes(pid: int) -> int:
    """The anonymous memory of a process and its children."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    own = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("RssAnon"))
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()
    return own + sum(resident_bytes(int(child)) for child in children)


def processor_seconds(pid: int) -> float:
    """The processor time of a process and its children since their start."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()
    return own + sum(processor_seconds(int(child)) for child in children)


def run(arguments: argparse.Namespace) -> None:
    """Send the bodies, and print what came back."""
    statuses, failures, slowest, memory = Counter[int](), [], 0.0, []
    began = time.perf_counter()
    with httpx.Client(base_url=arguments.url, timeout=60) as client:
        project, row = example(client)
        bodies = Bodies(project, row, arguments.seed)
        for number in range(arguments.bodies):
            if arguments.pid and number % max(arguments.bodies // 8, 1) == 0:
                memory.append(resident_bytes(arguments.pid))
            path, kind, body = bodies.draw()
            headers = {"content-type": kind} if kind else {}
            if kind.startswith("binary "):
                headers = {"Inference-Header-Content-Length": kind.removeprefix("binary ")}
            started = time.perf_counter()
            answer = client.post(path, content=body, headers=headers)
            slowest = max(slowest, time.perf_counter() - started)
            statuses[answer.status_code] += 1
            if answer.status_code >= 500:
                failures.append((path, kind, body[:300], answer.text[:300]))
        valid = client.post(f"/v1/projects/{project}/predict", json={"rows": [row]}).status_code
    print(f"{sum(statuses.values()):,} bodies by status: {dict(sorted(statuses.items()))}")
    print(f"{time.perf_counter() - began:,.0f} s; processor time of the client {time.process_time():,.0f} s")
    print(f"status 5xx: {len(failures)}; slowest answer {slowest:.2f} s; a valid row afterwards: {valid}")
    for failure in failures[:10]:
        print(failure)
    if arguments.pid:
        memory.append(resident_bytes(arguments.pid))
        seconds = processor_seconds(arguments.pid)
        print(f"processor time of the service since its start {seconds:,.0f} s")
        print(f"anonymous memory in MB, by eighths: {', '.join(f'{each / 1e6:.1f}' for each in memory)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--bodies", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pid", type=int, help="process of the service whose memory is measured")
    parser.add_argument("--schemathesis", help="the command schemathesis, of another environment")
    arguments = parser.parse_args()
    run(arguments)
    if arguments.schemathesis:
        document = f"{arguments.url}/openapi.json"
        checks = ["--checks", "not_a_server_error", "--mode", "all", "--max-examples", "100"]
        subprocess.run([arguments.schemathesis, "run", document, *checks], check=False)


if __name__ == "__main__":
    main()
