"""Open a source of any kind as it is declared."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_assets.stores.sources.base import Declared, Intake, Source, scratch_of

if TYPE_CHECKING:
    from mlops_assets.stores.warehouse.warehouse import Warehouse


@contextmanager
def open_source(
    declared: Declared, intake: Intake, *, root: Path, warehouse: "Warehouse"
) -> Iterator[Source]:
    """A source as it is declared; what it copies is removed at the end.

    Parameters
    ----------
    root
        Where relative paths start.
    warehouse
        That holds the tables of assets; copies are made beside them.
    """
    if isinstance(declared, Mapping) and "asset" in declared:
        from mlops_assets.stores.sources.table_source import TableSource

        yield TableSource(declared["asset"], intake, warehouse)
    elif isinstance(declared, Mapping) and "sql" in declared:
        from mlops_assets.stores.databases.open import database_of
        from mlops_assets.stores.delta.staging import staging
        from mlops_assets.stores.sources.query_source import QuerySource

        database = database_of(declared["database"], root, subject=intake.subject)
        with staging(scratch_of(warehouse)) as scratch:
            yield QuerySource(declared["sql"], database, intake, scratch, file=declared.get("file"))
    else:
        from mlops_assets.stores.sources.file_source import open_files

        with open_files(declared, intake, root=root, scratch=scratch_of(warehouse)) as source:
            yield source
