"""CPU time that the guards of `mlops serve` add to a request: guarded and bare application in turns."""

import io
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import process_time_ns
from typing import Any

import uvloop

from mlops_assets.serving.config import ServedProject, ServingConfig
from mlops_assets.serving.http.guards.asgi import App, Message, Receive, Scope, Send
from mlops_assets.serving.http.guards.chain import guarded
from mlops_assets.serving.http.request_facts import request_facts
from mlops_assets.serving.keys.api_key import new_key
from mlops_assets.serving.keys.key_file import changed_keys
from mlops_assets.serving.options import ServiceOptions

_LIMITS = {"limits": {"rows": 10_000, "bytes": 20_000_000, "seconds": 20.0}}
_CONFIG = ServingConfig((ServedProject("churn", "", None, settings=_LIMITS),), "", "", None, "")
_ROUNDS, _REQUESTS = 15, 2000


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    facts = request_facts(scope)
    facts.mark_parsed()
    facts.mark_scored("churn", 3, 1)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


def _scope(token: str) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "POST",
        "path": "/v1/projects/churn/predict",
        "scheme": "http",
        "headers": [
            (b"host", b"127.0.0.1:8000"),
            (b"user-agent", b"python-httpx/0.28.1"),
            (b"accept", b"*/*"),
            (b"accept-encoding", b"gzip"),
            (b"connection", b"keep-alive"),
            (b"content-type", b"application/json"),
            (b"content-length", b"2"),
            (b"x-api-key", token.encode()),
        ],
    }


async def _receive() -> Message:
    return {"type": "http.request", "body": b"{}", "more_body": False}


async def _send(message: Message) -> None:
    pass


async def _microseconds(app: App, token: str) -> float:
    started = process_time_ns()
    for _ in range(_REQUESTS):
        await app(_scope(token), _receive, _send)
    return (process_time_ns() - started) / _REQUESTS / 1000


async def _measure(apps: Mapping[str, App], token: str) -> None:
    times: dict[str, list[float]] = {name: [] for name in apps}
    for _ in range(_ROUNDS):
        for name, app in apps.items():
            times[name].append(await _microseconds(app, token))
    bare = min(times["no guards"])
    for name, found in times.items():
        added = f"added {min(found) - bare:6.1f} µs"
        print(f"{name:30} min {min(found):6.1f}  median {statistics.median(found):6.1f}  {added}")


def main() -> None:
    """Print minimum, median and added time for each combination of options."""
    with tempfile.TemporaryDirectory() as folder:
        token, kept = new_key("bench", ["churn"])
        file = Path(folder) / "keys.json"
        with changed_keys(file, print) as keys:
            keys.append(kept)
        options = {
            "defaults": ServiceOptions(),
            "keys": ServiceOptions(keys=str(file)),
            "JSON logs": ServiceOptions(log_json=True),
            "CORS": ServiceOptions(cors_origins=("https://app.example.com",)),
            "keys, CORS, JSON logs": ServiceOptions(
                keys=str(file), cors_origins=("https://app.example.com",), log_json=True
            ),
        }
        apps = {"no guards": _answer} | {
            name: guarded(_answer, _CONFIG, one, io.BytesIO()) for name, one in options.items()
        }
        uvloop.run(_measure(apps, token))


if __name__ == "__main__":
    main()
