"""The audit of forgotten entities: no table holds a row of one, in any version, and no online store."""

from collections.abc import Iterator, Sequence

from mlops_assets.core.errors import StoreError
from mlops_assets.core.names import FEATURES, view_name
from mlops_assets.stores.forgetting.entity import Entity
from mlops_assets.stores.forgetting.online_rows import FoundOnline, OnlineRows
from mlops_assets.stores.forgetting.project_rows import ProjectRows
from mlops_assets.stores.forgetting.records import ForgottenEntities, Record
from mlops_assets.stores.governance.audit import Finding
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.forgetting.targets import Target
from mlops_assets.workspace.serving.online import existing_stores
from mlops_assets.workspace.workspace import Workspace


def audit_forgotten(workspace: Workspace, project: str) -> Iterator[Finding]:
    """Verify by keyed digests that no data file and no online store holds a row of any forgotten entity.

    Yields
    ------
    Finding
        One for all forgotten entities; none if nothing was forgotten.
    """
    warehouse = Warehouse(workspace.state.warehouse)
    forgotten = ForgottenEntities(warehouse.root, project)
    try:
        records = forgotten.records()
        if not records:
            return
        rows = ProjectRows(
            warehouse,
            project,
            forgotten.key(),
            tuple(record.entity for record in records),
            tuple(row_id for record in records for row_id in record.row_ids),
        )
        condition, stores = rows.condition((project, FEATURES)), existing_stores(workspace, project)
        online = [OnlineRows(store, condition).find() for store in stores]
        errors = [*_interrupted(project, records), *_left(rows), *_left_online(online)]
    except StoreError as error:
        errors = [f"{error.message}; {error.hint}" if error.hint else error.message]
        yield Finding("forgotten entities", tuple(errors))
        return
    places = f"{len(rows.tables())} tables"
    if online:
        places += f" and {len(online)} online store{'s' * (len(online) > 1)}"
    yield Finding(f"forgotten entities, {len(records)}, in {places}", tuple(errors))


def audit_entity(workspace: Workspace, project: str, values: Sequence[str]) -> Iterator[Finding]:
    """Verify that nothing of one entity is left, by its ID: in tables, texts and databases.

    Yields
    ------
    Finding
        One for the list of forgotten entities, one for each table and one for texts. Models that learned
        from it are an error of none of them: `mlops forget --dry-run` lists them.

    Raises
    ------
    MlopsError
        If the project has no tables, or the number of values is not that of the columns.
    """
    target = _recorded_target(workspace, project, values)
    record = target.forgotten.find(target.entity)
    subject = f"entity {target.entity.label}"
    if record is None:
        yield Finding(f"{subject} on the list of forgotten entities", ("it was not forgotten",))
    else:
        yield Finding(
            f"{subject}, forgotten on {record.requested_at[:10]}", tuple(_interrupted(project, [record]))
        )
    for found in target.rows().find():
        name = view_name(found.table)
        yield Finding(name, (f"{found.rows:,} rows in {found.versions} versions",) if found.rows else ())
    for one in target.online():
        online = one.find()
        problem = (f"features of {online.entities:,} entities",) if online.entities else ()
        yield Finding(f"online features in {online.store}", problem)
    places = tuple(
        f"{place}{': ' + place.reason if not place.count else ''}"
        for place in target.texts(replace_them=False)
    )
    search = target.text_search
    if search is not None and not search.skipped:
        yield Finding("texts and databases in the state directory", places)


def _recorded_target(workspace: Workspace, project: str, values: Sequence[str]) -> Target:
    """The entity among the forgotten ones; else that of the columns that the project declares."""
    warehouse = Warehouse(workspace.state.require_layout().warehouse)
    forgotten = ForgottenEntities(warehouse.root, project)
    for record in forgotten.records():
        known = record.entity
        if len(known.columns) == len(values):
            entity = Entity.of(forgotten.key(), known.columns, known.types, values)
            if entity.digest == known.digest:
                return Target(workspace, project, entity)
    return Target.of(workspace, project, values)


def _interrupted(project: str, records: Sequence[Record]) -> Iterator[str]:
    for record in records:
        if record.completed_at is None:
            yield (
                f"the removal of entity {record.entity.label}, which began on {record.requested_at}, was "
                f"interrupted: run mlops forget {project} again with its ID"
            )


def _left(rows: ProjectRows) -> Iterator[str]:
    for found in rows.find():
        if found.rows:
            yield (
                f"{view_name(found.table)} has {found.rows:,} rows of forgotten entities in {found.versions} "
                "versions, such as of a restored backup: run mlops forget again"
            )


def _left_online(found: Sequence[FoundOnline]) -> Iterator[str]:
    for one in found:
        if one.entities:
            yield (
                f"the online features in {one.store} have {one.entities:,} forgotten entities: run mlops "
                "forget again"
            )
