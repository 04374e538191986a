"""Rows blocked by the check `rejected_share`: no downstream asset reads them, however its run was started."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names
from mlops_assets.core.errors import DataError

if TYPE_CHECKING:
    from mlops_assets.stores.warehouse.reader import TableReader


def require_unblocked(
    project: Project, store: "TableReader", table: str, partitions: Collection[str | None]
) -> None:
    """Raise if the rows of a table are blocked because too many of them violate the contract.

    Dagster enforces a blocking check only within the run that evaluates it.

    Parameters
    ----------
    partitions
        The partitions to read; None for a table without partitions.

    Raises
    ------
    DataError
        When the share of rejected rows of a partition is above `max_rejected_share`.
    """
    limit = project.read_tables[table].max_rejected_share
    if not store.exists(project.table_key(names.QUARANTINE, table).path):
        return
    kept, rejected = (
        store.row_counts(project.table_key(layer, table).path)
        for layer in (names.VALIDATED, names.QUARANTINE)
    )
    for partition in sorted(partitions, key=str):
        bad = rejected.get(partition, 0)
        total = kept.get(partition, 0) + bad
        if total and bad / total > limit:
            of = f" of {partition}" if partition else ""
            raise DataError(
                f"{project.subject(table)}: {bad:,} of {total:,} rows{of} ({bad / total:.1%}) violate the "
                f"contract; the limit is {limit:.1%}",
                hint="correct the source or the contract; downstream tables were not changed",
            )
