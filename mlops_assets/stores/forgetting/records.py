"""The list of a project's forgotten entities, by keyed digests: their rows are not ingested again."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from filelock import FileLock

from mlops_assets.core.errors import StoreError
from mlops_assets.stores.forgetting.entity import FOLDER, KEY_VARIABLE, Entity, Key, conditions
from mlops_assets.stores.system.disk_errors import translated_disk_errors, write_atomically
from mlops_assets.stores.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class Removed:
    """What was removed from a table.

    Attributes
    ----------
    rows
        The number of rows in all contents that held one.
    versions
        The versions that wrote these contents.
    digests
        The digests of these contents, and those of the remaining rows.
    """

    rows: int
    versions: tuple[int, ...]
    digests: dict[str, str]

    @classmethod
    def of(cls, warehouse: Warehouse, table: Sequence[str], entity: str, at: str) -> "Removed":
        """What one removal of an entity has removed, by the commits of the table."""
        rows: dict[tuple[str | None, str], int] = {}
        digests: dict[str, str] = {}
        versions = []
        for written in warehouse.versions(table):
            after = [*(removal["digest"] for removal in written.forgotten), written.digest or ""][1:]
            for removal, digest in zip(written.forgotten, after, strict=True):
                if (removal["entity"], removal["at"]) == (entity, at):
                    rows[written.partition, removal["digest"]] = removal["rows"]
                    digests[removal["digest"]] = digest
                    versions.append(written.version)
        return cls(sum(rows.values()), tuple(sorted(versions)), digests)


@dataclass(frozen=True)
class Record:
    """One forgotten entity.

    Attributes
    ----------
    requested_at, completed_at
        When the removal began and ended, ISO 8601; without an end, it was interrupted.
    up_to_date
        Assets and partitions that were up to date before a removal that is not completed.
    removed
        What was removed, by table; of a removal that is completed.
    models
        The versions that were trained on it.
    row_ids
        Keyed digests of the `row_id` of its rows, for tables that have no other column of it.
    """

    entity: Entity
    requested_at: str
    completed_at: str | None = None
    up_to_date: tuple[tuple[str, str | None], ...] = ()
    removed: dict[str, Removed] = field(default_factory=dict)
    models: tuple[int, ...] = ()
    row_ids: tuple[str, ...] = ()

    @classmethod
    def new(cls, entity: Entity) -> "Record":
        """A record of a removal that begins now."""
        return cls(entity, _now())

    def completed(self) -> "Record":
        """The record at the end of the removal."""
        return replace(self, completed_at=_now(), up_to_date=())


class ForgottenEntities:
    """The forgotten entities of a project.

    Parameters
    ----------
    warehouse
        The folder of the warehouse, which holds the list.
    """

    def __init__(self, warehouse: Path, project: str) -> None:
        self.warehouse, self.project = warehouse, project
        self.file = warehouse / FOLDER / f"{project}.json"

    def records(self) -> list[Record]:
        """All records, oldest first; none if nothing was forgotten.

        Raises
        ------
        StoreError
            If the list can't be read.
        """
        return self._read()[1]

    def key(self) -> Key:
        """The key of the digests, which is created with the first record.

        Raises
        ------
        StoreError
            If the list was written with another key, or its key is missing: it could match no row.
        """
        fingerprint, records = self._read()
        key = Key.of(self.warehouse, create=not records)
        if key is None or (records and key.fingerprint != fingerprint):
            raise StoreError(
                f"{self.project}: the {len(records)} forgotten entities in {self.file} can't be recognised: "
                f"their "
                f"key is {'missing' if key is None else 'another one'}",
                hint=f"restore {self.warehouse / FOLDER / 'key'} from a backup, or set {KEY_VARIABLE}. If "
                "the key is lost, remove the list and forget each entity again",
            )
        return key

    def save(self, record: Record) -> None:
        """Write a record, in place of an older one of its entity. The digest is stored, not the values."""
        key = self.key()
        with translated_disk_errors("the list of forgotten entities", self.file.parent), self._locked():
            others = [one for one in self.records() if one.entity.digest != record.entity.digest]
            document = {"key": key.fingerprint, "entities": [_to_json(one) for one in (*others, record)]}
            write_atomically(self.file, json.dumps(document, indent=1))

    def find(self, entity: Entity) -> Record | None:
        """The record of an entity; None if it was not forgotten."""
        return next((one for one in self.records() if one.entity.digest == entity.digest), None)

    def without_forgotten(
        self, relations: Iterable[duckdb.DuckDBPyRelation]
    ) -> Iterator[duckdb.DuckDBPyRelation]:
        """Relations without the rows of forgotten entities, which are removed as they are read.

        Raises
        ------
        StoreError
            If something was forgotten, and the list can't be applied.
        """
        entities = [record.entity for record in self.records()]
        key = self.key() if entities else None
        for rows in relations:
            condition = conditions(key, entities, rows.columns) if key else None
            yield rows if condition is None else rows.filter(f"not {condition}")

    def _read(self) -> tuple[str, list[Record]]:
        with translated_disk_errors("the list of forgotten entities", self.file.parent):
            if not self.file.is_file():
                return "", []
            text = self.file.read_text("utf-8")
        try:
            document = json.loads(text)
            return str(document["key"]), [_from_json(one) for one in document["entities"]]
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{self.project}: the list of forgotten entities {self.file} is damaged",
                hint="restore it from a backup; without it, forgotten entities would return",
            ) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(self.file.with_suffix(".lock")):
            yield


def _to_json(record: Record) -> dict[str, Any]:
    return {**asdict(record), "entity": {**asdict(record.entity), "values": []}}


def _from_json(found: dict[str, Any]) -> Record:
    entity = found["entity"]
    return Record(
        Entity(tuple(entity["columns"]), tuple(entity["types"]), str(entity["digest"])),
        found["requested_at"],
        found["completed_at"],
        tuple((key, partition) for key, partition in found["up_to_date"]),
        {
            table: Removed(one["rows"], tuple(one["versions"]), dict(one["digests"]))
            for table, one in found["removed"].items()
        },
        tuple(found["models"]),
        tuple(found["row_ids"]),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
