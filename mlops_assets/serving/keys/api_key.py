"""API keys: what a client sends, and what is kept of it.

A key contains 256 random bits. SHA-256 of it can be neither reversed nor found by trying, so that the slow
and salted hashes that protect passwords would only make each request slower.
"""

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from hmac import compare_digest

from mlops_assets.core.redaction.secret_forms import API_KEY_PREFIX

EVERY_PROJECT = "*"
METRICS, DOCS = "metrics", "docs"
"""Scopes beside the projects: the metrics, and the pages that describe the API."""
_TOKEN = re.compile(rf"{API_KEY_PREFIX}_([0-9a-f]{{8}})_[0-9a-f]{{64}}")
_NO_DIGEST = sha256(b"").hexdigest()


@dataclass(frozen=True)
class ApiKey:
    """What is kept of a key.

    Attributes
    ----------
    key_id
        Its public part, by which lists and logs name it.
    name
        The name of the client; a client may have several keys, to replace one by another.
    digest
        SHA-256 of the key.
    projects
        Projects that it may use; `*` for all.
    scopes
        `metrics` and `docs`, if it may read them.
    created, expires, revoked
        Timestamps in UTC; None if it does not expire, or was not revoked.
    """

    key_id: str
    name: str
    digest: str
    projects: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    created: datetime | None = None
    expires: datetime | None = None
    revoked: datetime | None = None

    def is_active(self, now: datetime) -> bool:
        """Whether the key is accepted at a time."""
        return self.revoked is None and (self.expires is None or now < self.expires)

    def permits_project(self, project: str) -> bool:
        """Whether the key may use a project."""
        return project in self.projects or EVERY_PROJECT in self.projects


def new_key(
    name: str, projects: Iterable[str], scopes: Iterable[str] = (), expires: datetime | None = None
) -> tuple[str, ApiKey]:
    """Return a random key as the client sends it, which is nowhere kept, and what is kept of it."""
    key_id = secrets.token_hex(4)
    token = f"{API_KEY_PREFIX}_{key_id}_{secrets.token_hex(32)}"
    now = datetime.now(UTC).replace(microsecond=0)
    return token, ApiKey(key_id, name, _digest(token), tuple(projects), tuple(scopes), now, expires)


class KeyRing:
    """The keys of a file, to find the one that a client sent."""

    def __init__(self, keys: Iterable[ApiKey]) -> None:
        self._by_id: Mapping[str, ApiKey] = {key.key_id: key for key in keys}

    def find(self, token: str, now: datetime) -> ApiKey | None:
        """Return the active key that a client sent; None if there is none.

        The digest is compared in constant time, also if the public part is that of no key.
        """
        parts = _TOKEN.fullmatch(token)
        key = self._by_id.get(parts[1]) if parts else None
        equal = compare_digest(_digest(token), _NO_DIGEST if key is None else key.digest)
        return key if key is not None and equal and key.is_active(now) else None


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
