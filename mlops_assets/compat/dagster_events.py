"""Bulk queries of Dagster's event log: the public API has one query for each asset and each check."""

from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import dagster as dg
from dagster import AssetCheckKey, AssetKey
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster_shared.serdes import deserialize_value
from sqlalchemy import func, select

_IDS = 500
"""Values in one `IN` of SQLite are limited."""
_EVENTS, _CHECKS = SqlEventLogStorageTable.c, AssetCheckExecutionsTable.c
_MATERIALIZED, _PLANNED = "ASSET_MATERIALIZATION", "ASSET_MATERIALIZATION_PLANNED"
_COMPLETED = ("SUCCEEDED", "FAILED")


class PartitionEvents(NamedTuple):
    """IDs in the event log of the newest materialization and attempt of a partition; 0 if there is none."""

    key: AssetKey
    partition: str | None
    materialized: int
    planned: int


class CheckResult(NamedTuple):
    """The newest result of a check for a partition; `row` identifies it for `check_events`."""

    key: AssetCheckKey
    partition: str | None
    passed: bool
    row: int


def partition_events(instance: dg.DagsterInstance, keys: Collection[AssetKey]) -> list[PartitionEvents]:
    """The newest materialization and attempt of every partition of assets, in a few queries."""
    found: dict[tuple[str, str | None], dict[str, int]] = {}
    for chosen in _chunks([key.to_string() for key in keys]):
        query = (
            select(_EVENTS.asset_key, _EVENTS.partition, _EVENTS.dagster_event_type, func.max(_EVENTS.id))
            .where(_EVENTS.asset_key.in_(chosen), _EVENTS.dagster_event_type.in_((_MATERIALIZED, _PLANNED)))
            .group_by(_EVENTS.asset_key, _EVENTS.partition, _EVENTS.dagster_event_type)
        )
        for key, partition, kind, newest in _rows(instance, query):
            found.setdefault((key, partition), {})[kind] = int(newest)
    return [
        PartitionEvents(_asset_key(key), partition, ids.get(_MATERIALIZED, 0), ids.get(_PLANNED, 0))
        for (key, partition), ids in found.items()
    ]


def runs_of_events(instance: dg.DagsterInstance, ids: Sequence[int]) -> dict[int, str]:
    """The run of each event of the log."""
    found: dict[int, str] = {}
    for chosen in _chunks(ids):
        query = select(_EVENTS.id, _EVENTS.run_id).where(_EVENTS.id.in_(chosen))
        found |= {int(number): str(run) for number, run in _rows(instance, query)}
    return found


def events(instance: dg.DagsterInstance, ids: Sequence[int]) -> dict[int, dg.EventLogEntry]:
    """Entries of the log by ID."""
    found: dict[int, dg.EventLogEntry] = {}
    for chosen in _chunks(ids):
        query = select(_EVENTS.id, _EVENTS.event).where(_EVENTS.id.in_(chosen))
        found |= {int(row): deserialize_value(text, dg.EventLogEntry) for row, text in _rows(instance, query)}
    return found


def check_results(instance: dg.DagsterInstance, keys: Collection[AssetCheckKey]) -> list[CheckResult]:
    """The newest completed result of every partition of checks, in a few queries."""
    # Keys are looked up by text: it is slow to build one for each of thousands of rows.
    declared, found = {(key.asset_key.to_string(), key.name): key for key in keys}, []
    for chosen in _chunks(sorted({key.asset_key.to_string() for key in keys})):
        newest = (
            select(func.max(_CHECKS.id))
            .where(_CHECKS.asset_key.in_(chosen), _CHECKS.execution_status.in_(_COMPLETED))
            .group_by(_CHECKS.asset_key, _CHECKS.check_name, _CHECKS.partition)
        )
        query = select(
            *(_CHECKS.asset_key, _CHECKS.check_name, _CHECKS.partition, _CHECKS.execution_status, _CHECKS.id)
        ).where(_CHECKS.id.in_(newest))
        for key, name, partition, state, row in _rows(instance, query):
            if check_key := declared.get((key, name)):
                found.append(CheckResult(check_key, partition, state == "SUCCEEDED", int(row)))
    return found


def check_events(instance: dg.DagsterInstance, rows: Sequence[int]) -> dict[int, dg.EventLogEntry]:
    """The evaluations of results, with severity and description."""
    found: dict[int, dg.EventLogEntry] = {}
    for chosen in _chunks(rows):
        query = select(_CHECKS.id, _CHECKS.evaluation_event).where(_CHECKS.id.in_(chosen))
        found |= {
            int(row): deserialize_value(text, dg.EventLogEntry)
            for row, text in _rows(instance, query)
            if text
        }
    return found


def _rows(instance: dg.DagsterInstance, query: Any) -> Sequence[Any]:
    storage = instance.event_log_storage
    assert isinstance(storage, SqlEventLogStorage)
    with storage.index_connection() as connection:
        return connection.execute(query).fetchall()


@cache  # the same few keys are in thousands of rows
def _asset_key(text: str) -> AssetKey:
    key = AssetKey.from_db_string(text)
    assert key is not None
    return key


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _IDS):
        yield values[start : start + _IDS]
