"""Snapshots of a table without partitions: which one had arrived at a timestamp."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mlops_assets.stores.warehouse.metadata import TableKey
from mlops_assets.stores.warehouse.reader import TableReader


@dataclass(frozen=True)
class Snapshot:
    """One arrival of a whole table.

    Attributes
    ----------
    raw_version
        The version of the raw rows.
    arrived_at
        When it was committed, in UTC without a time zone.
    """

    raw_version: int
    arrived_at: datetime


def snapshots(store: TableReader, raw: TableKey, validated: TableKey) -> list[Snapshot]:
    """The arrivals of a table, oldest first.

    A restored version of the validated rows is an arrival of the raw rows that they were computed from.
    """
    arrived = [Snapshot(one.version, _utc(one.written_at)) for one in store.versions(raw)]
    source = "/".join(raw)
    restored = [
        Snapshot(one.inputs[source], _utc(one.written_at))
        for one in store.versions(validated)
        if one.restored_from is not None and source in one.inputs
    ]
    return sorted([*arrived, *restored], key=lambda one: (one.arrived_at, one.raw_version))


def known_at(arrived: Sequence[Snapshot], moment: datetime) -> list[Snapshot]:
    """The snapshots to read at a timestamp, best first.

    These are the ones that had arrived before it, newest first. Only if there is none, these are the later
    ones, oldest first.
    """
    earlier = [one for one in arrived if one.arrived_at < moment]
    return earlier[::-1] if earlier else list(arrived)


def _utc(when: datetime) -> datetime:
    return when.astimezone(UTC).replace(tzinfo=None)
