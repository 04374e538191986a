"""Tables without `time`: the rows of them that a partition of features or targets may read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.project.blocked_rows import require_unblocked
from mlops_assets.components.model_project.project.declared_tables import declared_contract
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names
from mlops_assets.core.errors import DataError

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.stores.warehouse.reader import TableReader
    from mlops_assets.stores.warehouse.snapshots import Snapshot


@dataclass(frozen=True)
class StaticRows:
    """The rows of a table without `time`.

    Attributes
    ----------
    rows
        Validated rows.
    inputs
        As for `inputs_digest`.
    versions
        The version that was read, by the key path of its table.
    checked
        Assets that were read as Dagster materialized them last.
    late
        When the rows arrived, if that was after the timestamp that they are read for.
    """

    rows: "duckdb.DuckDBPyRelation"
    inputs: dict[tuple[dg.AssetKey, str | None], str]
    versions: dict[str, int]
    checked: list[tuple[dg.AssetKey, str | None]] = field(default_factory=list)
    late: datetime | None = None


def static_rows(
    project: Project,
    store: "TableReader",
    connection: "duckdb.DuckDBPyConnection",
    table: str,
    moment: datetime,
) -> StaticRows:
    """The rows of a table without `time` at a timestamp; the settings of the table determine which.

    Raises
    ------
    DataError
        When rows are blocked, or a declared column of validity does not exist.
    """
    if table in project.as_of_tables:
        return _rows_as_of(project, store, connection, table, moment)
    from mlops_assets.ml.features.point_in_time import valid_rows

    key, settings = project.table_key(names.VALIDATED, table), project.settings.tables[table]
    require_unblocked(project, store, table, [None])
    version = store.version(key.path)
    rows = store.relation(connection, key.path, version=version)
    if settings.valid_from:
        _require_times(project, table, rows)
        rows = valid_rows(rows, valid_from=settings.valid_from, valid_to=settings.valid_to, as_of=moment)
    inputs: dict[tuple[dg.AssetKey, str | None], str] = {(key, None): store.digest(key.path, version=version)}
    return StaticRows(rows, inputs, {"/".join(key.path): version}, [(key, None)])


def _rows_as_of(
    project: Project,
    store: "TableReader",
    connection: "duckdb.DuckDBPyConnection",
    table: str,
    moment: datetime,
) -> StaticRows:
    """The newest snapshot that had arrived and is not blocked; the first one if none had arrived."""
    from mlops_assets.stores.warehouse.snapshots import known_at, snapshots

    raw, key = (project.table_key(layer, table) for layer in (names.RAW, names.VALIDATED))
    newest = store.version(key.path)
    current = store.inputs(key.path, newest).get("/".join(raw.path))
    best = known_at(snapshots(store, raw.path, key.path), moment)
    inputs: dict[tuple[dg.AssetKey, str | None], str] = {
        (raw, None): store.digest(raw.path, version=best[0].raw_version)
    }
    blocked: DataError | None = None
    for one in best:
        late = one.arrived_at if one.arrived_at >= moment else None
        try:
            if one.raw_version == current:
                require_unblocked(project, store, table, [None])
                rows = store.relation(connection, key.path, version=newest)
                return StaticRows(rows, inputs, {"/".join(key.path): newest}, [(key, None)], late)
            rows = _validated_again(project, store, connection, table, one)
        except DataError as error:
            blocked = blocked or error
        else:
            return StaticRows(rows, inputs, {"/".join(raw.path): one.raw_version}, late=late)
    raise blocked or DataError(f"{project.subject(table)}: it has never arrived", hint="materialize it first")


def _validated_again(
    project: Project,
    store: "TableReader",
    connection: "duckdb.DuckDBPyConnection",
    table: str,
    snapshot: "Snapshot",
) -> "duckdb.DuckDBPyRelation":
    """The valid rows of an older snapshot, by the contract of today.

    The rows that were valid at that time may lack columns that the contract declares now.

    Raises
    ------
    DataError
        When too many rows violate the contract, or columns are missing.
    """
    from mlops_assets.ml.contracts.validation import validate

    raw_key, settings = project.table_key(names.RAW, table), project.settings.tables[table]
    declared = declared_contract(project, table)
    of = f"{project.subject(table)}, as it arrived at {snapshot.arrived_at:%Y-%m-%d %H:%M}"
    raw = store.relation(connection, raw_key.path, version=snapshot.raw_version)
    if missing := declared.missing(raw.columns):
        raise DataError(f"{of}: columns {', '.join(missing)} are missing", hint=_LATEST)
    identity = settings.key or sorted(set(declared.names) - {project.settings.target.column})
    with TemporaryDirectory() as scratch:
        kept, bad = validate(connection, raw, declared, identity=identity, scratch=Path(scratch))
        rejected = len(bad)
    total = len(kept) + rejected
    if total and rejected / total > settings.max_rejected_share:
        raise DataError(
            f"{of}: {rejected:,} of {total:,} rows ({rejected / total:.1%}) violate the contract; the limit "
            f"is {settings.max_rejected_share:.1%}",
            hint=_LATEST,
        )
    return kept


_LATEST = "change schema.py, or set history to newest if the table is a fixed lookup"


def _require_times(project: Project, table: str, rows: "duckdb.DuckDBPyRelation") -> None:
    kinds = dict(zip(rows.columns, map(str, rows.types), strict=True))
    for setting, name in _validity(project, table):
        if kinds.get(name) not in ("TIMESTAMP", "DATE"):
            found = f"a {kinds[name]}" if name in kinds else "not a column of the contract"
            raise DataError(
                f"{project.subject(table)}: `{setting}` names {name}, which is {found}",
                hint="declare it in schema.py as pa.DateTime",
            )


def _validity(project: Project, table: str) -> Iterator[tuple[str, str]]:
    settings = project.settings.tables[table]
    for setting, name in (("valid_from", settings.valid_from), ("valid_to", settings.valid_to)):
        if name:
            yield setting, name
