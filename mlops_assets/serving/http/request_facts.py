"""What is known about a request while it is answered, for logs, traces, metrics and the answer itself."""

import re
import secrets
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Any

_KEY = "mlops.request"
_HEADER = b"x-request-id"
_REQUEST_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
"""IDs that clients may choose: nothing that has a meaning in a log, a header or a page."""


@dataclass(slots=True)
class RequestFacts:
    """Facts about one request, which the parts that answer it fill in; none is a value of a row.

    Attributes
    ----------
    request_id
        The ID that the client sent in `X-Request-ID`, else a random one.
    started
        When its headers had arrived, in nanoseconds of `perf_counter_ns`.
    client
        The name of the API key; None without keys.
    project, version, rows
        What was predicted, by which version of the registry; None if nothing was.
    parsed, scored
        When the body was read, and when its rows were scored; None if that did not happen.
    trace_id
        The ID of its trace, if requests are traced.
    """

    request_id: str
    started: int = field(default_factory=perf_counter_ns)
    client: str | None = None
    project: str | None = None
    version: int | None = None
    rows: int | None = None
    parsed: int | None = None
    scored: int | None = None
    trace_id: str | None = None

    def mark_parsed(self) -> None:
        """Record that the body was read."""
        self.parsed = perf_counter_ns()

    def mark_scored(self, project: str, version: int, rows: int) -> None:
        """Record that rows were scored, and by what."""
        self.scored = perf_counter_ns()
        self.project, self.version, self.rows = project, version, rows


def request_facts(scope: MutableMapping[str, Any]) -> RequestFacts:
    """Return the facts about the request of an ASGI scope; they are created at the first call."""
    found: RequestFacts | None = scope.get(_KEY)
    if found is None:
        found = scope[_KEY] = RequestFacts(_request_id(scope["headers"]))
    return found


def _request_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    for name, value in headers:
        if name == _HEADER and _REQUEST_ID.fullmatch(value):
            return value.decode("ascii")
    return secrets.token_hex(12)
