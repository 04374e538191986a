"""What an entity of a project is, and where it has left something: tables, models, sources and texts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mlops_assets.components.model_project.project.metadata_names import ENTITY
from mlops_assets.core import names
from mlops_assets.core.errors import MlopsError, ProjectError
from mlops_assets.core.periods import Periods
from mlops_assets.core.text.suggestions import suggest_name
from mlops_assets.stores.forgetting.entity import Entity
from mlops_assets.stores.forgetting.online_rows import OnlineRows
from mlops_assets.stores.forgetting.project_rows import ProjectRows, types_of
from mlops_assets.stores.forgetting.records import ForgottenEntities
from mlops_assets.stores.forgetting.table_rows import Condition
from mlops_assets.stores.forgetting.texts import TextPlace, TextSearch
from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets.stores.sources.base import Source
from mlops_assets.stores.tracking.registry import Version
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.serving.online import existing_stores
from mlops_assets.workspace.source_arrivals import open_sources
from mlops_assets.workspace.workspace import Workspace


@dataclass(frozen=True)
class TrainedOn:
    """A registered version that was trained on rows of the entity.

    Attributes
    ----------
    rows
        The number of rows of its training set, holdout included.
    is_champion
        Whether it is the champion.
    """

    version: int
    rows: int
    is_champion: bool


@dataclass(frozen=True)
class InSource:
    """A source that still has rows of the entity, or could not be read.

    Attributes
    ----------
    place
        The file; a description of the source if the rows are not from files.
    error
        Why it could not be read; empty if it was.
    """

    table: str
    place: str
    rows: int
    error: str = ""


@dataclass(frozen=True)
class Target:
    """An entity of a project."""

    workspace: Workspace
    project: str
    entity: Entity

    @classmethod
    def of(
        cls, workspace: Workspace, project: str, values: Sequence[str], columns: Sequence[str] = ()
    ) -> "Target":
        """The entity with the given values.

        Parameters
        ----------
        values
            A value for each column.
        columns
            The columns that identify it; by default those that the project declares.

        Raises
        ------
        MlopsError
            If the project has no tables, declares no entity, or has no such column.
        """
        workspace.project(project)
        warehouse = Warehouse(workspace.state.require_layout().warehouse)
        chosen = tuple(columns) or declared_columns(workspace, project)
        existing = _columns(warehouse, project)
        if not existing:
            raise ProjectError(
                f"{project} has no table in {warehouse.root}, so nothing to remove",
                hint="check MLOPS_STATE_DIR",
            )
        for name in chosen:
            if name.lower() not in {known.lower() for known in existing}:
                raise ProjectError(
                    f"{project}: no table has a column {name}", hint=suggest_name(name, existing)
                )
        key = ForgottenEntities(warehouse.root, project).key()
        return cls(
            workspace,
            project,
            Entity.of(key, chosen, types_of(warehouse, project, chosen), values),
        )

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse."""
        return Warehouse(self.workspace.state.warehouse)

    @property
    def forgotten(self) -> ForgottenEntities:
        """The list of the project's forgotten entities."""
        return ForgottenEntities(self.warehouse.root, self.project)

    def rows(self) -> ProjectRows:
        """Its rows; tables without its columns are searched by `row_id` if the project has no partitions."""
        record = self.forgotten.find(self.entity)
        found = ProjectRows(
            self.warehouse,
            self.project,
            self.forgotten.key(),
            (self.entity,),
            record.row_ids if record else (),
        )
        if self.workspace.timeline(self.project) is not None:
            return found
        return ProjectRows(
            self.warehouse, self.project, found.key, (self.entity,), found.digests_of_row_ids()
        )

    def online(self) -> Iterator[OnlineRows]:
        """Yield its rows in the declared online store, and in a file of a former declaration.

        Raises
        ------
        StoreError
            When the address of a declared Redis is not set.
        """
        condition = self.rows().condition((self.project, names.FEATURES))
        for store in existing_stores(self.workspace, self.project):
            yield OnlineRows(store, condition)

    def models(self) -> list[TrainedOn]:
        """The registered versions that were trained on it, also if its rows were removed since."""
        tracking = self.workspace.tracking
        rows, record = self.rows(), self.forgotten.find(self.entity)
        champion = tracking.registry.champion(self.project)
        known = record.models if record else ()
        found = []
        for version in sorted(tracking.registry.versions(self.project), key=lambda one: one.version):
            count = _training_rows(rows, self.entity, version)
            if count or version.version in known:
                is_champion = champion is not None and champion.version == version.version
                found.append(TrainedOn(version.version, count, is_champion))
        return found

    def sources(self) -> Iterator[InSource]:
        """Yield the sources that still have rows of it. They are read completely, and never changed."""
        condition = self.rows().condition((self.project, names.RAW))
        for table, source, periods in open_sources(self.workspace, self.project, self.warehouse):
            try:
                yield from _in_source(self.warehouse, table, source, periods, condition)
            except MlopsError as error:
                yield InSource(table, "", 0, error.message)

    def texts(self, *, replace_them: bool) -> Iterator[TextPlace]:
        """Yield the other files and databases of the state directory that contain the ID.

        The values of an entity with several columns are no identity each, so texts are not searched for them.
        """
        if self.text_search is not None:
            yield from self.text_search.places(replace=replace_them)

    @property
    def text_search(self) -> TextSearch | None:
        """The search for the ID in texts; None for an entity with several columns."""
        values = self.entity.values
        return TextSearch(self.workspace.state.root, values[0]) if len(values) == 1 else None

    def in_ledger(self) -> int:
        """The number of entries of the ledger that contain the ID in a text, which no one can remove."""
        if len(self.entity.values) != 1:
            return 0
        entries = Ledger(self.warehouse, self.project).entries()
        return sum(
            self.entity.values[0] in f"{one.event.reason} {one.event.actor}".split() for one in entries
        )


def declared_columns(workspace: Workspace, project: str) -> tuple[str, ...]:
    """The columns that identify an entity, by the project's declaration.

    Raises
    ------
    ProjectError
        If it declares none.
    """
    found = workspace.declared(names.project_asset(project, names.TRAINING_SET), ENTITY, default=[])
    if not found:
        raise ProjectError(
            f"{project} declares no entity: neither `split.group` nor a `key` of its table",
            hint="name the column that identifies it: --column NAME",
        )
    return tuple(found)


def _columns(warehouse: Warehouse, project: str) -> list[str]:
    found: dict[str, None] = {}
    with warehouse.connect() as connection:
        for table in warehouse.tables():
            if table[0] == project and names.layer_of(table) is not None:
                found.update(dict.fromkeys(warehouse.relation(connection, table).columns))
    return [name for name in found if name not in names.RESERVED]


def _training_rows(rows: ProjectRows, entity: Entity, version: Version) -> int:
    """The rows of an entity in the training set of a version, before and after their removal."""
    facts, table = version.facts, tuple(names.project_asset(rows.project, names.TRAINING_SET))
    store = rows.warehouse
    if "training_set_version" not in facts or not store.exists(table):
        return 0
    number, cutoff = int(facts["training_set_version"]), facts.get("cutoff")
    if number > store.version(table):
        return 0
    removals = store.forgotten(table, number, partition=cutoff)
    removed = sum(each["rows"] for each in removals if each["entity"] == entity.digest)
    try:
        with store.connect() as connection:
            relation = store.relation(connection, table, partition=cutoff, version=number)
            condition = rows.condition(table)(relation.columns)
            left = 0 if condition is None else len(relation.filter(condition))
    except MlopsError:  # a vacuum removed its files
        left = 0
    return int(removed) + left


def _in_source(
    warehouse: Warehouse, table: str, source: Source, periods: Periods | None, condition: Condition
) -> Iterator[InSource]:
    counts: dict[str, int] = {}
    with warehouse.connect() as connection:
        until = periods.start_of(periods.newest(datetime.now(UTC))) if periods else None
        found = source.arrivals(connection, until=until)
        for partition in found.by_partition if periods else [None]:
            fetched = source.fetch(connection, partition)
            with source.rows(fetched) as relations:
                for rows in relations:
                    place = names.SOURCE_FILE if names.SOURCE_FILE in rows.columns else "''"
                    if term := condition(rows.columns):
                        held = rows.filter(term).aggregate(f"{place} as place, count(*) as n", place)
                        for file, number in held.fetchall():
                            counts[file] = counts.get(file, 0) + number
    for file, number in sorted(counts.items()):
        yield InSource(table, file or source.display_name, number)
