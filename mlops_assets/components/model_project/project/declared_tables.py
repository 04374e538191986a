"""SourceSpec source and contract of a table, for assets, sensors, schedules and commands."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg

from mlops_assets.components.model_project.project.metadata_names import CLOCK, FORMATS, SOURCE
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names
from mlops_assets.core.errors import ProjectError
from mlops_assets.core.text.suggestions import suggest_name
from mlops_assets.ml.contracts.column_format import ColumnFormat
from mlops_assets.ml.contracts.time_sql import UTC_ZONE, Ambiguous, TimeText
from mlops_assets.stores.sources.base import Ingestion, SourceSpec

if TYPE_CHECKING:
    from mlops_assets.components.model_project.settings.tables import TableSettings
    from mlops_assets.ml.contracts.contract import Contract


Kind = Literal["files", "query", "asset"]


def declared_source(project: Project, table: str) -> SourceSpec:
    """The source with the declared options only; a query in a `.sql` file is replaced by its text.

    Raises
    ------
    ProjectError
        When the file of the query does not exist.
    """
    declared = project.read_tables[table].source
    if isinstance(declared, str):
        return declared
    given: dict[str, Any] = {name: value for name, value in declared.model_dump().items() if value}
    query = given.get("sql", "")
    if query.endswith(".sql"):
        path = project.files.folder / query
        if not path.is_file():
            raise ProjectError(
                f"{project.subject(table)}: `source.sql` names {path}, which does not exist",
                hint="write the query into that file, or into `sql`",
            )
        given |= {"sql": project.files.text(query), "file": str(path)}
    return given


def to_metadata(declared: SourceSpec) -> str | dg.MetadataValue:
    """A declared source as a metadata value of an asset."""
    return declared if isinstance(declared, str) else dg.MetadataValue.json(dict(declared))


def from_metadata(metadata: Mapping[str, Any]) -> SourceSpec:
    """The declared source in the metadata of an asset."""
    found = metadata[SOURCE]
    return found if isinstance(found, str) else dict(found.value)


def clock_of(metadata: Mapping[str, Any]) -> tuple[str, Ambiguous]:
    """The zone of a table's times without an offset, and what becomes of those that occurred twice."""
    found = metadata.get(CLOCK)
    if found is None:
        return UTC_ZONE, "quarantine"
    zone, ambiguous = found.value if isinstance(found, dg.MetadataValue) else found
    return zone, ambiguous


def formats_of(metadata: Mapping[str, Any]) -> tuple[tuple[str, ColumnFormat], ...]:
    """The formats of single columns of a table."""
    found = metadata.get(FORMATS)
    declared = found.value if isinstance(found, dg.MetadataValue) else found
    return tuple((name, ColumnFormat.from_settings(one)) for name, one in (declared or {}).items())


def arrival_text(metadata: Mapping[str, Any], column: str | None) -> TimeText:
    """How times of the arrival column of a table are written."""
    return TimeText(clock_of(metadata)[0], dict(formats_of(metadata)).get(column or "", ColumnFormat()).time)


def kind_of(declared: SourceSpec) -> Kind:
    """The kind of a source, which determines how Dagster follows it: sensor, schedule or condition."""
    if isinstance(declared, str) or "url" in declared:
        return "files"
    return "query" if "sql" in declared else "asset"


def upstream_of(declared: SourceSpec) -> dg.AssetKey | None:
    """The asset whose table is the source, if it is one."""
    asset = None if isinstance(declared, str) else declared.get("asset")
    return dg.AssetKey(asset.split("/")) if asset else None


def reject_circular_sources(project: Project, generated: Collection[dg.AssetKey]) -> None:
    """Raise for a table whose source is one of the project's generated assets."""
    for table in project.read_tables:
        upstream = upstream_of(declared_source(project, table))
        if upstream and upstream in generated:
            raise ProjectError(
                f"{project.subject(table)}: its source, {upstream.to_user_string()}, is itself derived from "
                "this project's tables",
                hint="name an asset of another project or a custom asset in "
                f"{'scoring' if table == names.SCORING else f'tables.{table}'}.source.asset",
            )


def is_remote(declared: SourceSpec) -> bool:
    """Whether the source is files behind a URL."""
    url = declared if isinstance(declared, str) else declared.get("url", "")
    return "://" in url and not url.startswith("file://")


def ingestion_of(project: Project, table: str) -> Ingestion:
    """The partitions, columns and format in which a table's source is read."""
    settings, periods = project.read_tables[table], project.periods_of(table)
    dialect = replace(settings.dialect, quotes_values=not project.sensitive)
    return Ingestion(project.name, table, periods, settings.arrival, dialect, settings.arrival_text)


def describe_source(declared: SourceSpec) -> str:
    """A declared source for descriptions: `data/*.csv`, or a query of `sqlite:///crm.db`."""
    match kind_of(declared):
        case "files":
            return f"`{declared if isinstance(declared, str) else declared['url']}`"
        case "query":
            assert isinstance(declared, Mapping)
            return f"a query of `{declared['database']}`"
        case "asset":
            assert isinstance(declared, Mapping)
            return f"the table of `{declared['asset']}`"


def _scoring_contract(project: Project) -> "Contract":
    """The contract of the rows to predict, without the target, the weight and what only the target reads.

    The arrival is never null, so that a row without it is quarantined.
    """
    from mlops_assets.components.model_project.project.target_columns import hidden_columns
    from mlops_assets.ml.contracts.columns import Column

    settings = project.read_tables[names.SCORING]
    arrival = [settings.arrival] if settings.arrival else []
    contract = _contract(project, project.table, settings, never_null=arrival)
    for name in hidden_columns(project, contract.names):
        contract = contract.without(name)
    for name in arrival:
        if name not in contract.names:
            zone, ambiguous = settings.clock
            time = Column(
                name,
                "TIMESTAMP",
                nullable=False,
                description="Time at which the row arrived.",
                time_zone=zone,
                ambiguous_times=ambiguous,
                format=settings.arrival_text.format,
            )
            contract = contract.with_columns([*contract.columns, time])
    return replace(contract, subject=project.subject(names.SCORING))


def _contract(
    project: Project, table: str, settings: "TableSettings", never_null: Sequence[str]
) -> "Contract":
    """The contract of a class of `schema.py`, for rows that are written as the settings declare."""
    return project.files.contract(
        table,
        key=settings.key,
        never_null=never_null,
        spelling=(settings.csv.decimal, settings.csv.thousands),
        clock=settings.clock,
        formats=settings.column_formats,
        sensitive=project.sensitive,
        others=[settings.arrival] if settings.arrival else [],
    )


def declared_contract(project: Project, table: str, *, for_training: bool = True) -> "Contract":
    """The contract of a table, in which the timestamp of an event is never null.

    Parameters
    ----------
    for_training
        Whether the rows are split into training and holdout: then the time of a split is not null, either.
    """
    if table == names.SCORING:
        return _scoring_contract(project)
    settings = project.read_tables[table]
    known = (settings.time,) if table in project.event_tables and settings.time else ()
    by_time = project.settings.split.column if for_training else None
    declared = _contract(project, table, settings, (*known, *([by_time] if by_time else [])))
    if unknown := next((name for name in settings.sensitive if name not in declared.names), None):
        raise ProjectError(
            f"{project.subject(table)}: sensitive names {unknown}, which is not a column of schema.py; "
            f"{suggest_name(unknown, declared.names)}",
            hint="correct the name in defs.yaml",
        )
    if by_time and by_time not in declared.names:
        raise ProjectError(
            f"{project.subject(table)}: split.column, {by_time}, is not declared in schema.py",
            hint=suggest_name(by_time, declared.names),
        )
    for name in known:
        found = next((column for column in declared.columns if column.name == name), None)
        if found is None or found.sql_type not in ("TIMESTAMP", "DATE"):
            raise ProjectError(
                f"{project.subject(table)}: its `time` column, {name}, is "
                + (f"declared as {found.sql_type} in schema.py" if found else "not declared in schema.py"),
                hint="declare it as `pa.DateTime` (or pandas' datetime64) in the class of the table",
            )
    return declared
