"""A table's source as its project declares it, for assets, sensors, schedules and the command."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg

from mlops_assets.components.model_project.project.metadata_names import SOURCE
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core.errors import ProjectError
from mlops_assets.stores.sources.base import Declared, Intake

if TYPE_CHECKING:
    from mlops_assets.ml.contracts.contract import Contract


Kind = Literal["files", "query", "asset"]


def declared_source(project: Project, table: str) -> Declared:
    """The source without what is not said; a query that lies in a file is read.

    Raises
    ------
    ProjectError
        When the query's file is not there.
    """
    declared = project.settings.tables[table].source
    if isinstance(declared, str):
        return declared
    told: dict[str, Any] = {name: value for name, value in declared.model_dump().items() if value}
    query = told.get("sql", "")
    if query.endswith(".sql"):
        path = project.files.folder / query
        if not path.is_file():
            raise ProjectError(
                f"{project.subject(table)}: there is no {path}, which `source.sql` names",
                hint="write the query there, or into `sql` itself",
            )
        told |= {"sql": project.files.text(query), "file": str(path)}
    return told


def in_metadata(declared: Declared) -> str | dg.MetadataValue:
    """A declared source as an entry of an asset's metadata."""
    return declared if isinstance(declared, str) else dg.MetadataValue.json(dict(declared))


def from_metadata(metadata: Mapping[str, Any]) -> Declared:
    """The declared source that an asset's metadata holds."""
    found = metadata[SOURCE]
    return found if isinstance(found, str) else dict(found.value)


def kind_of(declared: Declared) -> Kind:
    """What a source is, as far as Dagster is concerned."""
    if isinstance(declared, str) or "url" in declared:
        return "files"
    return "query" if "sql" in declared else "asset"


def upstream_of(declared: Declared) -> dg.AssetKey | None:
    """The asset whose table is read."""
    asset = None if isinstance(declared, str) else declared.get("asset")
    return dg.AssetKey(asset.split("/")) if asset else None


def reject_circular_sources(project: Project, made: Collection[dg.AssetKey]) -> None:
    """Raise for a table whose source is one of the assets that the project makes of its tables."""
    for table in project.settings.tables:
        upstream = upstream_of(declared_source(project, table))
        if upstream and upstream in made:
            raise ProjectError(
                f"{project.subject(table)}: its source, {upstream.to_user_string()}, is made of this "
                "project's tables itself",
                hint=f"name another project's asset, or one of your own, in tables.{table}.source.asset",
            )


def is_remote(declared: Declared) -> bool:
    """Whether files are declared that are not on this machine."""
    url = declared if isinstance(declared, str) else declared.get("url", "")
    return "://" in url and not url.startswith("file://")


def intake_of(project: Project, table: str) -> Intake:
    """What is asked of a table's source."""
    is_cut = project.timeline is not None and table in project.event_tables
    periods = project.timeline.periods if project.timeline and is_cut else None
    settings = project.settings.tables[table]
    return Intake(project.name, table, periods, settings.arrival, settings.csv.dialect)


def in_words(declared: Declared) -> str:
    """A declared source in a sentence: `data/*.csv`, or a query of `sqlite:///crm.db`."""
    match kind_of(declared):
        case "files":
            return f"`{declared if isinstance(declared, str) else declared['url']}`"
        case "query":
            assert isinstance(declared, Mapping)
            return f"a query of `{declared['database']}`"
        case "asset":
            assert isinstance(declared, Mapping)
            return f"the table of `{declared['asset']}`"


def declared_contract(project: Project, table: str) -> "Contract":
    """The contract of a table; the time of an event is never missing."""
    settings = project.settings.tables[table]
    known = (settings.time,) if table in project.event_tables and settings.time else ()
    csv = settings.csv
    declared = project.files.contract(
        table, key=settings.key, never_null=known, spelling=(csv.decimal, csv.thousands)
    )
    for name in known:
        found = next((column for column in declared.columns if column.name == name), None)
        if found is None or found.sql_type not in ("TIMESTAMP", "DATE"):
            raise ProjectError(
                f"{project.subject(table)}: its time, {name}, is "
                + (f"a {found.sql_type} in schema.py" if found else "not in schema.py"),
                hint="declare it as `pa.DateTime` (or pandas' datetime64) in the table's class",
            )
    return declared
