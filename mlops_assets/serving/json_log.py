"""Logs as lines of JSON: a formatter for Python's loggers, and a writer that never blocks a request."""

import logging
import sys
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any, BinaryIO

import orjson

from mlops_assets.core.redaction.redact import redact

_SECONDS = 0.1
_MOST_LINES = 20_000
"""Lines that wait for a slow reader of the output; more are counted and dropped."""


def time_text(seconds: float | None = None) -> str:
    """Return a time, by default the current one, in UTC with milliseconds."""
    at = datetime.now(UTC) if seconds is None else datetime.fromtimestamp(seconds, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JsonFormatter(logging.Formatter):
    """Log records as lines of JSON, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        line = {
            "time": time_text(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_text or redact(self.formatException(record.exc_info))
        return orjson.dumps(line).decode()


def logging_configuration() -> dict[str, Any]:
    """Return the configuration of Python's logging for processes that log JSON to the standard output."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": f"{__name__}.{JsonFormatter.__name__}"}},
        "handlers": {
            "json": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"}
        },
        "root": {"handlers": ["json"], "level": "WARNING"},
        "loggers": {"mlops_assets": {"level": "INFO"}},
    }


class LineWriter:
    """A writer of JSON lines, whose thread collects lines for a tenth of a second.

    Parameters
    ----------
    stream
        Where lines are written; the standard output if None.
    """

    def __init__(self, stream: BinaryIO | None = None) -> None:
        self._stream = sys.stdout.buffer if stream is None else stream
        self._lines: deque[bytes] = deque()
        self._dropped = 0
        self._stop = Event()
        self._thread: Thread | None = None

    def write(self, line: Mapping[str, Any]) -> None:
        """Write a line soon; it is dropped if the output is too slow for those before."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="request log", daemon=True)
            self._thread.start()
        if len(self._lines) < _MOST_LINES:
            self._lines.append(orjson.dumps(line))
        else:
            self._dropped += 1

    def close(self) -> None:
        """Write what is left, and end the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stop.wait(_SECONDS):
            self._write()
        self._write()

    def _write(self) -> None:
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if dropped := self._dropped:
            self._dropped -= dropped
            problem = {"time": time_text(), "level": "warning", "message": "request log", "dropped": dropped}
            lines.append(orjson.dumps(problem))
        if lines:
            self._stream.write(b"\n".join([*lines, b""]))
            self._stream.flush()
