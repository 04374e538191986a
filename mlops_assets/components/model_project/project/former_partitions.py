"""Tables of rows to predict that were written before `scoring.partitions` was declared or removed."""

from typing import TYPE_CHECKING

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names
from mlops_assets.core.errors import DataError

if TYPE_CHECKING:
    from mlops_assets.stores.warehouse.reader import TableReader


def require_same_partitioning(project: Project, store: "TableReader", table: str) -> None:
    """Raise if tables of the rows to predict were written with partitions and have none now, or the reverse.

    The warehouse rejects such a write table by table; this error names all folders at once.

    Raises
    ------
    DataError
        With the folders to move.
    """
    if table != names.SCORING:
        return
    declared = project.periods_of(table) is not None
    keys = [
        *(project.table_key(layer, table) for layer in names.TABLE_LAYERS),
        project.key(names.PREDICTIONS),
    ]
    former = [key for key in keys if store.exists(key.path) and store.is_partitioned(key.path) != declared]
    if former:
        written, now = ("without", "declares") if declared else ("with", "does not declare")
        folders = ", ".join(str(store.root.joinpath(*key.path)) for key in former)
        raise DataError(
            f"{project.subject(table)}: {', '.join(key.path[-1] for key in former)} "
            f"{'was' if len(former) == 1 else 'were'} written {written} partitions, and defs.yaml {now} "
            "`scoring.partitions`",
            hint=f"move {folders} out of the warehouse, or undo the change of defs.yaml; nothing was changed",
        )
