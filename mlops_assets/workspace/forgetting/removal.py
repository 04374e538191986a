"""The removal of an entity, in an order that an interruption can't spoil."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from dagster import DagsterInstance, RunsFilter

from mlops_assets.compat.dagster import IN_PROGRESS_RUN_STATUSES
from mlops_assets.core import names
from mlops_assets.core.errors import StoreError
from mlops_assets.stores.delta.writing.staging import remove_unheld
from mlops_assets.stores.duckdb.connection import remove_left_spill
from mlops_assets.stores.forgetting.project_rows import ProjectRows
from mlops_assets.stores.forgetting.records import Record, Removed
from mlops_assets.stores.forgetting.table_rows import remove_rows
from mlops_assets.stores.forgetting.texts import TextPlace
from mlops_assets.stores.governance.champion_ledger import ChampionLedger
from mlops_assets.stores.governance.ledger.entries import Event
from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets.stores.sources.base import scratch_folder
from mlops_assets.stores.tracking.registry import Version
from mlops_assets.workspace.dagster_run import PROJECT_TAG
from mlops_assets.workspace.forgetting.targets import Target
from mlops_assets.workspace.forgetting.up_to_date import record_up_to_date, up_to_date_tables

_ROUNDS = 3


@dataclass(frozen=True)
class Attribution:
    """Who removes an entity, and why."""

    actor: str
    reason: str


@dataclass(frozen=True)
class Removal:
    """The result of a removal.

    Attributes
    ----------
    record
        What was removed from tables.
    texts
        Files and databases that contained the ID.
    """

    record: Record
    texts: tuple[TextPlace, ...]


def forget(
    target: Target,
    instance: DagsterInstance,
    attribution: Attribution,
    *,
    on_wait: Callable[[str], None],
) -> Removal:
    """Remove an entity. The caller holds the project's lock for commands.

    The entity is on the list of forgotten ones before the first row is removed, so that no row of it arrives
    meanwhile. A second call finishes one that was interrupted.

    Raises
    ------
    StoreError
        If the reason contains the ID, a run of the project is in progress, the ledger can't be written, a
        table or the online store can't be changed, or rows arrived meanwhile.
    """
    _require_no_id(target, attribution)
    _require_no_run(target, instance)
    _require_ledger(target, on_wait)
    online = list(target.online())
    for one in online:
        one.find()  # an error before the first row is removed
    store, project, rows = target.warehouse, target.project, target.rows()
    record = _begin(target, instance, rows)
    _remove(rows, record)
    for one in online:  # after the tables, from which it would be written again
        one.remove()
    remove_unheld(scratch_folder(store))
    remove_left_spill(store.root)
    _require_no_run(target, instance)
    record = replace(record, removed=_removed(rows, record))
    record_up_to_date(target.workspace, instance, store, project, record.up_to_date)
    if record.removed:
        _record_in_ledger(target, record, attribution, on_wait)
    places = tuple(target.texts(replace_them=True))
    record = record.completed()
    target.forgotten.save(record)
    return Removal(record, places)


def _begin(target: Target, instance: DagsterInstance, rows: ProjectRows) -> Record:
    """Put the entity on the list; what an interrupted removal has recorded is kept."""
    known = target.forgotten.find(target.entity)
    record = known if known and known.completed_at is None else Record.new(target.entity)
    if not record.up_to_date:
        tables = up_to_date_tables(target.workspace, instance, target.warehouse, target.project)
        record = replace(record, up_to_date=tables)
    models = tuple(one.version for one in target.models())
    record = replace(record, entity=target.entity, models=models, row_ids=rows.row_ids)
    target.forgotten.save(record)
    return record


def _remove(rows: ProjectRows, record: Record) -> None:
    for _ in range(_ROUNDS):
        for table in rows.tables():
            remove_rows(
                rows.warehouse,
                table,
                rows.condition(table),
                entity=record.entity.digest,
                at=record.requested_at,
            )
        if rows.log.exists:
            rows.log.remove()
        left = [found.table for found in rows.find() if found.rows]
        if not left:
            return
    raise StoreError(
        f"{rows.project}: rows of the entity keep arriving in {names.view_name(left[0])}",
        hint="stop the program that writes the table, and run the command again",
    )


def _removed(rows: ProjectRows, record: Record) -> dict[str, Removed]:
    """What the removal has removed, also before it was interrupted, by table."""
    found = {
        "/".join(table[1:]): Removed.of(rows.warehouse, table, record.entity.digest, record.requested_at)
        for table in rows.tables()
    }
    return {table: removed for table, removed in found.items() if removed.rows}


def _record_in_ledger(
    target: Target, record: Record, attribution: Attribution, on_wait: Callable[[str], None]
) -> None:
    """Append an event to each version that was trained on the entity, else to the newest one.

    The ledger vouches for the rows that training sets lack: a removal that went on after it was recorded,
    because rows arrived before it was completed, is recorded again.

    Without a registered version there is no ledger; the list of forgotten entities has the same facts.
    """
    registry = target.workspace.tracking.registry
    champion_ledger = ChampionLedger(Ledger(target.warehouse, target.project), registry)
    with champion_ledger.lock("mlops forget", on_wait):
        versions = {one.version: one for one in registry.versions(target.project)}
        if not versions or _is_recorded(champion_ledger.ledger, record):
            return
        champion_ledger.recover()
        trained = [number for number in record.models if number in versions] or [max(versions)]
        events = [
            _event(versions[number], record, attribution, with_tables=number == trained[0])
            for number in trained
        ]
        champion_ledger.record(*events)


def _require_ledger(target: Target, on_wait: Callable[[str], None]) -> None:
    """Check before a row is removed that the ledger can record it: it vouches for what training sets lack.

    Raises
    ------
    StoreError
        If the key of a signed ledger is missing, or ledger and registry disagree.
    """
    registry = target.workspace.tracking.registry
    if registry.versions(target.project):
        champion_ledger = ChampionLedger(Ledger(target.warehouse, target.project), registry)
        with champion_ledger.lock("mlops forget", on_wait):
            champion_ledger.recover()


def _event(version: Version, record: Record, attribution: Attribution, *, with_tables: bool) -> Event:
    number = sum(removed.rows for removed in record.removed.values())
    trained = (
        "this version was trained on it"
        if version.version in record.models
        else "no version was trained on it"
    )
    tables = {
        name: {"rows": removed.rows, "versions": removed.versions, "digests": removed.digests}
        for name, removed in record.removed.items()
    }
    return Event(
        "forgotten",
        version.version,
        attribution.actor,
        f"{attribution.reason}; entity {record.entity.label}: {number:,} rows were removed from "
        f"{len(record.removed)} tables; {trained}",
        version.facts.get("model_digest", ""),
        {
            "entity": record.entity.digest,
            "columns": list(record.entity.columns),
            "requested_at": record.requested_at,
            **({"tables": tables} if with_tables else {}),
        },
        mlflow_run_id=version.run_id,
    )


def _is_recorded(ledger: Ledger, record: Record) -> bool:
    wanted = (record.entity.digest, record.requested_at)
    recorded = [
        one.event.details.get("tables", {})
        for one in ledger.entries()
        if one.event.kind == "forgotten"
        and (one.event.details.get("entity"), one.event.details.get("requested_at")) == wanted
    ]
    return all(
        any(removed.digests.items() <= tables.get(name, {}).get("digests", {}).items() for tables in recorded)
        for name, removed in record.removed.items()
    )


def _require_no_id(target: Target, attribution: Attribution) -> None:
    """Check that the event does not name the entity: no one can remove it from the ledger.

    Raises
    ------
    StoreError
        If the reason or the actor contains a value of it.
    """
    words = re.split(r"[^\w@.+-]+", f"{attribution.reason} {attribution.actor}")
    if any(
        value in words or (len(value) > 4 and value in attribution.reason) for value in target.entity.values
    ):
        raise StoreError(
            f"{target.project}: the reason or the actor contains the ID, and the ledger can't be changed",
            hint="give a reason that names no one, such as the number of the request",
        )


def _require_no_run(target: Target, instance: DagsterInstance) -> None:
    """Check that no run of the project is in progress: it may hold rows of the entity in memory.

    Raises
    ------
    StoreError
        If there is one.
    """
    for run in instance.get_runs(RunsFilter(statuses=[*IN_PROGRESS_RUN_STATUSES])):
        keys = run.asset_selection or ()
        names_project = target.project in (run.tags.get(PROJECT_TAG), run.tags.get("project"))
        if names_project or any(key.path[0] == target.project for key in keys):
            raise StoreError(
                f"{target.project}: run {run.run_id} is in progress, and may hold rows of the entity in "
                f"memory",
                hint="wait until it has ended, or cancel it in Dagster's UI, and run the command again",
            )
