"""Opening a declared source of any kind."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_assets.stores.sources.base import Ingestion, Source, SourceSpec, scratch_folder

if TYPE_CHECKING:
    from mlops_assets.stores.warehouse.warehouse import Warehouse


@contextmanager
def open_source(
    declared: SourceSpec, ingestion: Ingestion, *, root: Path, warehouse: "Warehouse"
) -> Iterator[Source]:
    """Open a source; its local copies and extracts are removed at the end.

    Parameters
    ----------
    declared
        A path or URL, or a mapping with `asset`, with `sql` and `database`, or with `url`.
    root
        The folder that relative paths start from.
    warehouse
        The warehouse of the asset's table. Copies and extracts are written below its root.
    """
    if isinstance(declared, Mapping) and "asset" in declared:
        from mlops_assets.stores.sources.table_source import TableSource

        yield TableSource(declared["asset"], ingestion, warehouse)
    elif isinstance(declared, Mapping) and "sql" in declared:
        from mlops_assets.stores.databases.open import resolve_database
        from mlops_assets.stores.delta.writing.staging import staging
        from mlops_assets.stores.sources.query_source import QuerySource

        database = resolve_database(declared["database"], root, subject=ingestion.subject)
        with staging(scratch_folder(warehouse)) as scratch:
            yield QuerySource(declared["sql"], database, ingestion, scratch, file=declared.get("file"))
    else:
        from mlops_assets.stores.sources.file_source import open_file_source

        with open_file_source(declared, ingestion, root=root, scratch=scratch_folder(warehouse)) as source:
            yield source
