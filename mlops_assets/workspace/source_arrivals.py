"""What has arrived in the sources of a project's tables."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from mlops_assets.components.model_project.project.declared_tables import arrival_text, from_metadata
from mlops_assets.components.model_project.project.metadata_names import ARRIVAL, DIALECT
from mlops_assets.components.model_project.project.partitions import declared_periods
from mlops_assets.core import names
from mlops_assets.core.periods import Periods
from mlops_assets.stores.files.csv_dialect import Dialect
from mlops_assets.stores.sources.arrivals import Arrivals
from mlops_assets.stores.sources.base import Ingestion, Source
from mlops_assets.stores.sources.file_source import FileSource
from mlops_assets.stores.sources.open import open_source
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.workspace import Workspace


def find_arrivals_of(
    workspace: Workspace, project: str, tables: Warehouse, *, source: Path | None, scope: str | None
) -> Iterator[tuple[str, Arrivals]]:
    """Yield the name of each table with the arrivals in its source.

    Parameters
    ----------
    source
        File or folder to read instead of the declared source.
    scope
        A partition or a range of partitions; by default all.
    """
    for table, opened, periods in open_sources(workspace, project, tables, source=source):
        to_predict = names.is_scoring(names.table_asset(project, names.RAW, table))
        if to_predict and isinstance(opened, FileSource) and not opened.list_files():
            yield table, Arrivals({}, (f"no file at {opened.display_name}, so no row to predict",))
            continue
        with tables.connect() as connection:
            yield (
                table,
                opened.arrivals(
                    connection,
                    until=periods.start_of(periods.newest(datetime.now(UTC))) if periods else None,
                    wanted=periods.parse_range(scope) if periods and scope else None,
                ),
            )


def open_sources(
    workspace: Workspace, project: str, tables: Warehouse, *, source: Path | None = None
) -> Iterator[tuple[str, Source, Periods | None]]:
    """Yield the name of each table with its source, which is open until the next one, and its partitions.

    Parameters
    ----------
    source
        File or folder to read instead of the declared source.
    """
    keys, timeline = workspace.project(project), workspace.timeline(project)
    graph = workspace.definitions.resolve_asset_graph()
    for spec in workspace.definitions.resolve_all_asset_specs():
        if spec.key not in keys or names.layer_of(spec.key.path) != names.RAW:
            continue
        partitions = graph.get(spec.key).partitions_def
        periods = timeline.periods if timeline and partitions else declared_periods(partitions)
        replaced = source and not names.is_scoring(spec.key.path)
        declared = str(source) if replaced else from_metadata(spec.metadata)
        dialect = Dialect.from_settings(spec.metadata.get(DIALECT))
        table = names.table_of(spec.key.path)
        column = spec.metadata.get(ARRIVAL)
        ingestion = Ingestion(project, table, periods, column, dialect, arrival_text(spec.metadata, column))
        with open_source(declared, ingestion, root=workspace.root, warehouse=tables) as opened:
            yield table, opened, periods
