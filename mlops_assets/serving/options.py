"""How a service is operated, by options of `mlops serve`; settings of projects are in the configuration."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

_FILE = "options.json"
DEFAULT_CONCURRENCY = 256


@dataclass(frozen=True)
class ServiceOptions:
    """Options of a service, which its workers read from the run folder.

    Attributes
    ----------
    host
        The interface that the service listens on.
    allowed_hosts
        Further names or addresses under which clients reach it, as in the header `Host`.
    any_host
        Whether every `Host` is accepted: the service requires keys, and no name was given.
    cors_origins
        Origins of pages that may send requests from a browser and read the answers.
    keys
        The file of API keys; None if requests need none.
    keys_optional
        Whether requests need no key until the file exists.
    workers
        Number of processes that answer.
    max_concurrency
        How many requests a worker has in its hands; a request beyond it is refused with status 429.
    log_json
        Whether each request is logged as a line of JSON.
    tls_certificate, tls_key
        Files of the certificate chain and its private key; None for HTTP.
    """

    host: str = "127.0.0.1"
    allowed_hosts: tuple[str, ...] = ()
    any_host: bool = False
    cors_origins: tuple[str, ...] = ()
    keys: str | None = None
    keys_optional: bool = False
    workers: int = 1
    max_concurrency: int = DEFAULT_CONCURRENCY
    log_json: bool = False
    tls_certificate: str | None = None
    tls_key: str | None = None

    @property
    def scheme(self) -> str:
        """`https` with a certificate, else `http`."""
        return "http" if self.tls_certificate is None else "https"

    def write(self, run: Path) -> None:
        """Write the options into a run folder."""
        (run / _FILE).write_text(json.dumps(asdict(self), indent=2), "utf-8")

    @classmethod
    def read(cls, run: Path) -> Self:
        """Return the options of a run folder; defaults if it has none."""
        try:
            values = json.loads((run / _FILE).read_text("utf-8"))
        except FileNotFoundError:
            return cls()
        for name in ("allowed_hosts", "cors_origins"):
            values[name] = tuple(values[name])
        return cls(**values)
