"""Online features in Redis: each snapshot is a hash of its own, and one key names the present one.

A write fills a new hash and switches the name in a transaction; the former hash expires a minute later, so
that readers in between finish with it. A read is one round trip: the name, and the rows of the hash that it
named before.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from mlops_assets.core.errors import StoreError
from mlops_assets.core.redaction.addresses import shown_address
from mlops_assets.core.redaction.redact import keep_secret
from mlops_assets.stores.online.base import Item, Snapshot, not_written, write_failed

if TYPE_CHECKING:
    from redis import Redis

_MARK, _DESCRIPTION = b"", b"\x00snapshot"
"""Fields of a hash that are no key of an entity: each key is a MessagePack array, with another first byte."""
_TIMEOUT_SECONDS = 1.0
_WRITE_TIMEOUT_SECONDS = 30.0
_FIELDS = 1_000
_EXPIRY_SECONDS = 60
"""How long a former snapshot stays for readers that have begun."""
_UNFINISHED_SECONDS = 3_600
"""How long an unfinished snapshot stays after the last batch, if its writer is killed."""


class RedisOnlineStore:
    """The online features of a project in Redis.

    Parameters
    ----------
    url
        Such as `rediss://user:password@host:6379/0`.
    shown
        The store for messages, such as `the Redis server in $REDIS_URL`.
    prefix
        The first part of all keys.
    """

    is_local = False

    def __init__(self, project: str, url: str, shown: str, prefix: str = "mlops") -> None:
        self.project, self.display_name = project, shown
        self._url = url
        # The braces keep all keys of a project in one slot of a cluster.
        self._base = f"{prefix}:{{{project}}}:features"
        self._client: Redis | None = None
        self._known: tuple[bytes, Snapshot] | None = None
        keep_secret(url)

    def write(self, snapshot: Snapshot, batches: Iterable[Sequence[Item]]) -> int:
        name = f"{self._base}:{uuid4().hex}".encode()
        with self._translated(writes=True):
            client = self._connect(_WRITE_TIMEOUT_SECONDS)
            try:
                self._fill(client, name, snapshot, batches)
                size = int(client.memory_usage(name, samples=100) or 0)
                self._switch(client, name)
            except BaseException:
                with suppress(Exception):
                    client.unlink(name)
                raise
        return size

    def snapshot(self) -> Snapshot | None:
        with self._translated():
            client = self._reader()
            name = self._present(client)
            return None if name is None else self._described(client, name)

    def get(self, keys: Sequence[bytes]) -> tuple[Snapshot, list[bytes | None]]:
        with self._translated():
            client = self._reader()
            name = self._known[0] if self._known is not None else self._present(client)
            while name is not None:
                pipeline = client.pipeline(transaction=False)
                pipeline.get(self._base)
                pipeline.hmget(name, [_MARK, *keys])
                present, (mark, *rows) = pipeline.execute()
                if present == name:
                    if mark is None:
                        raise self._lost()
                    return self._described(client, name), rows
                name = present
            self._known = None
            raise not_written(self.project, self.display_name)

    def items(self) -> Iterator[Sequence[Item]]:
        with self._translated():
            client = self._connect(_WRITE_TIMEOUT_SECONDS)
            name = self._present(client)
            if name is None:
                return
            found: list[Item] = []
            for field, row in client.hscan_iter(name, count=_FIELDS):
                if field not in (_MARK, _DESCRIPTION):
                    found.append((field, row))
                if len(found) >= _FIELDS:
                    yield found
                    found = []
            if found:
                yield found

    def remove(self, keys: Sequence[bytes]) -> int:
        """Remove entities from all snapshots, also from former ones that have not expired."""
        if not keys:
            return 0
        with self._translated(writes=True):
            client = self._connect(_WRITE_TIMEOUT_SECONDS)
            present, removed = self._present(client), 0
            for name in client.scan_iter(match=f"{_escaped(self._base)}:*", count=1_000):
                count = int(client.hdel(name, *keys))
                if name == present and count:
                    removed = count
                    before = self._described(client, name)
                    after = replace(before, rows=before.rows - count)
                    client.hset(name, _DESCRIPTION, after.to_text())
                    self._known = None
        return removed

    def _fill(
        self, client: "Redis", name: bytes, snapshot: Snapshot, batches: Iterable[Sequence[Item]]
    ) -> None:
        client.hset(name, mapping={_MARK: b"1", _DESCRIPTION: snapshot.to_text()})
        client.expire(name, _UNFINISHED_SECONDS)
        rows = 0
        for batch in batches:
            pipeline = client.pipeline(transaction=False)
            for first in range(0, len(batch), _FIELDS):
                part = batch[first : first + _FIELDS]
                pipeline.hset(name, items=[value for item in part for value in item])
            pipeline.expire(name, _UNFINISHED_SECONDS)
            pipeline.execute()
            rows += len(batch)
        found = int(client.hlen(name)) - 2
        if found != rows:
            raise write_failed(
                self.project,
                self.display_name,
                f"{rows:,} rows were sent, and it holds {found:,}",
                hint="check that entities are unique, and that the server does not evict keys",
            )

    def _switch(self, client: "Redis", name: bytes) -> None:
        former = self._present(client)
        pipeline = client.pipeline(transaction=True)
        pipeline.persist(name)
        pipeline.set(self._base, name)
        if former is not None:
            pipeline.expire(former, _EXPIRY_SECONDS)
        pipeline.execute()

    def _described(self, client: "Redis", name: bytes) -> Snapshot:
        if self._known is None or self._known[0] != name:
            text = client.hget(name, _DESCRIPTION)
            if text is None:
                raise self._lost()
            self._known = name, Snapshot.from_text(text, subject=self.display_name)
        return self._known[1]

    def _present(self, client: "Redis") -> bytes | None:
        name: Any = client.get(self._base)  # bytes: the client decodes nothing
        return name

    def _lost(self) -> StoreError:
        self._known = None
        return StoreError(
            f"{self.project}: {self.display_name} has lost the online features, for example by evicting keys",
            hint=f"set maxmemory-policy noeviction, and materialize {self.project}/features_online again",
        )

    def _reader(self) -> "Redis":
        if self._client is None:
            self._client = self._connect(_TIMEOUT_SECONDS)
        return self._client

    def _connect(self, timeout: float) -> "Redis":
        try:
            from redis import Redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError as error:
            raise StoreError(
                f"{self.project}: online features in Redis require the package redis",
                hint="install it: pip install 'mlops-assets[redis]'",
            ) from error
        try:
            client: Redis = Redis.from_url(
                self._url,
                socket_timeout=timeout,
                socket_connect_timeout=_TIMEOUT_SECONDS,
                retry=Retry(NoBackoff(), 1),  # by default, a server that is down costs many timeouts
            )
        except ValueError as error:
            raise StoreError(
                f"{self.project}: the address of {self.display_name} is not one of Redis: "
                f"{shown_address(self._url)}",
                hint="write it as redis://user:password@host:6379/0, or rediss:// with TLS",
            ) from error
        return client

    @contextmanager
    def _translated(self, *, writes: bool = False) -> Iterator[None]:
        try:
            yield
        except StoreError:
            raise
        except Exception as error:
            problem = _problem(error)
            if problem is None:
                raise
            reason, hint = problem
            if writes:
                raise write_failed(self.project, self.display_name, reason, hint=hint) from error
            raise StoreError(
                f"{self.project}: online features can't be read from {self.display_name}: {reason}", hint=hint
            ) from error


def _problem(error: Exception) -> tuple[str, str] | None:
    """Why Redis can't be used, and what to do; None if the error is not one of Redis."""
    from redis import exceptions

    text: Any = str(error)
    match error:
        case exceptions.AuthenticationError() | exceptions.NoPermissionError():
            return "the server refuses the user or password", "correct user and password in the address"
        case exceptions.TimeoutError():
            return "no answer in time", "check that the server runs and is not overloaded"
        case exceptions.ConnectionError():
            return f"no connection ({text})", "check the address, and that the server runs"
        case exceptions.OutOfMemoryError():
            return "its memory is full", (
                "raise maxmemory: during a write it holds the former and the new features"
            )
        case exceptions.RedisError():
            return text, "check the server: `redis-cli INFO`"
    return None


def _escaped(pattern: str) -> str:
    """A text as a pattern of SCAN that matches itself."""
    return "".join(f"\\{character}" if character in "*?[]^\\" else character for character in pattern)
