"""Online features by entity, with their age: what requests with entity columns alone are answered from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple

from mlops_assets.core.errors import ProjectError
from mlops_assets.stores.online.base import OnlineColumn, OnlineStore, Snapshot
from mlops_assets.stores.online.encoding import EntityError, RowDecoder, encode_entity
from mlops_assets.stores.online.open import open_store

State = Literal["found", "stale", "unknown", "invalid"]


class OnlineRow(NamedTuple):
    """The features of one entity.

    Attributes
    ----------
    state
        `found`; `stale` if they are older than `ttl_hours`; `unknown` if there are none; `invalid` if the
        values can't identify an entity.
    values
        The columns of the entity and the features, as the champion reads them; None if they are refused.
    partition, as_of
        The partition of the features, and its end (UTC); None if there are none.
    problem
        Why there are no values, without values of the data.
    """

    state: State
    values: dict[str, Any] | None
    partition: str | None = None
    as_of: datetime | None = None
    problem: str | None = None


@dataclass(frozen=True)
class OnlineAnswer:
    """The features of several entities, all from one snapshot.

    Attributes
    ----------
    rows
        In the order of the entities.
    columns
        The columns of `OnlineRow.values` and their SQL types.
    entity
        The names of those that identify an entity.
    written_at
        When the snapshot was written, ISO 8601.
    now
        The time at which ages were computed.
    """

    rows: tuple[OnlineRow, ...]
    columns: tuple[OnlineColumn, ...]
    entity: tuple[str, ...]
    written_at: str
    now: datetime

    @property
    def as_of(self) -> datetime | None:
        """The timestamp of the oldest features of the answer; None without any."""
        return min((row.as_of for row in self.rows if row.as_of and row.values is not None), default=None)

    @property
    def headers(self) -> dict[str, str]:
        """HTTP headers with the freshness of the answer."""
        if self.as_of is None:
            return {}
        stale = sum(row.state == "stale" and row.values is not None for row in self.rows)
        return {
            "X-Features-As-Of": self.as_of.isoformat(),
            "X-Features-Age-Seconds": str(int((self.now - self.as_of).total_seconds())),
            **({"X-Features-Stale-Rows": str(stale)} if stale else {}),
        }


class OnlineFeatures:
    """The online features of projects.

    Parameters
    ----------
    settings
        The settings `serving.online` of each project that declares them.
    folder
        The folder of the SQLite files.
    """

    def __init__(self, settings: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
        self._settings, self._folder = dict(settings), folder
        self._stores: dict[str, OnlineStore] = {}
        self._decoders: dict[str, RowDecoder] = {}

    def __contains__(self, project: str) -> bool:
        return project in self._settings

    def is_local(self, project: str) -> bool:
        """Whether `get` takes microseconds; otherwise call it in a thread."""
        return self.store(project).is_local

    def store(self, project: str) -> OnlineStore:
        """The store of a project.

        Raises
        ------
        ProjectError
            When the project does not declare online features.
        StoreError
            When the address of Redis is not set.
        """
        if project not in self._settings:
            raise ProjectError(
                f"{project} has no online features", hint="declare `serving.online` in defs.yaml"
            )
        if project not in self._stores:
            self._stores[project] = open_store(project, self._settings[project], self._folder)
        return self._stores[project]

    def get(
        self, project: str, entities: Sequence[Mapping[str, object]], *, now: datetime | None = None
    ) -> OnlineAnswer:
        """The newest features of entities.

        Parameters
        ----------
        entities
            The columns of each entity; other columns are ignored.
        now
            The time that ages are computed for.

        Raises
        ------
        ProjectError
            When the project does not declare online features.
        StoreError
            When the store can't be used, or was never written.
        """
        store, settings = self.store(project), self._settings[project]
        now = now or datetime.now(UTC)
        snapshot = self._decoder(project, store).snapshot
        problems: dict[int, str] = {}
        keys = list(_keys(entities, snapshot.entity, problems))
        found, encoded = store.get(keys)
        decoder = self._decoder(project, store, found)
        if found.entity != snapshot.entity:  # replaced since; once more with the keys of the new one
            return self.get(project, entities, now=now)
        reader = _RowReader(decoder, settings, now)
        rows, answers = [], zip(keys, encoded, strict=True)
        for place in range(len(entities)):
            if place in problems:
                rows.append(OnlineRow("invalid", None, problem=problems[place]))
            else:
                rows.append(reader.row(*next(answers)))
        columns, names = (*found.entity, *found.features), tuple(column.name for column in found.entity)
        return OnlineAnswer(tuple(rows), columns, names, found.written_at, now)

    def _decoder(self, project: str, store: OnlineStore, snapshot: Snapshot | None = None) -> RowDecoder:
        """The decoder of a snapshot; without one, of the last one that was read."""
        known = self._decoders.get(project)
        if snapshot is None:
            if known is not None:
                return known
            snapshot, _ = store.get([])
        if known is None or known.snapshot is not snapshot:
            known = self._decoders[project] = RowDecoder(snapshot)
        return known


class _RowReader:
    """Reads rows, and compares their age with the declared one."""

    def __init__(self, decoder: RowDecoder, settings: Mapping[str, Any], now: datetime) -> None:
        self._decoder, self._now = decoder, now
        self._names = [column.name for column in decoder.snapshot.entity]
        hours = settings["ttl_hours"]
        self._oldest = None if hours is None else now - timedelta(hours=hours)
        self._hours, self._answers_stale = hours, settings["stale"] == "answer"

    def row(self, key: bytes, encoded: bytes | None) -> OnlineRow:
        if encoded is None:
            named = ", ".join(self._names)
            return OnlineRow("unknown", None, problem=f"there are no features of this {named}")
        (partition, ended), values = self._decoder.row(encoded)
        as_of = ended.replace(tzinfo=UTC)
        is_stale = self._oldest is not None and as_of < self._oldest
        if is_stale and not self._answers_stale:
            problem = (
                f"the features of this {', '.join(self._names)} are as of {as_of:%Y-%m-%d %H:%M}, older than "
                f"ttl_hours, {self._hours:g}"
            )
            return OnlineRow("stale", None, partition, as_of, problem)
        found = dict(zip(self._names, self._decoder.entity(key), strict=True))
        found.update(zip(self._decoder.names, values, strict=True))
        return OnlineRow("stale" if is_stale else "found", found, partition, as_of)


def _keys(
    entities: Sequence[Mapping[str, object]], columns: tuple[OnlineColumn, ...], problems: dict[int, str]
) -> Iterator[bytes]:
    """Yield the keys of the valid entities; the problems of the others are recorded by place."""
    for place, entity in enumerate(entities):
        try:
            yield encode_entity(entity, columns)
        except EntityError as error:
            problems[place] = str(error)
