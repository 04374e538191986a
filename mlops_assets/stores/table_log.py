"""A Delta table's log: opening a table, and telling what is wrong with one that can't be opened.

Holds: `open_table`, `other_layout`.
Add here: another fault of a log that a person can mend.
Not here: what a commit tells of itself (`history.py`), and the commit (`commits.py`).
"""

from collections.abc import Sequence
from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from mlops_assets.errors import StoreError
from mlops_assets.names import view_name


def open_table(root: Path, table: Sequence[str], version: int | None = None) -> DeltaTable:
    """A table below `root` at a version, by default at its newest."""
    try:
        return DeltaTable(str(root.joinpath(*table)), version=version)
    except TableNotFoundError as error:
        raise StoreError(
            f"there is no table {view_name(tuple(table))} in {root}",
            hint=f"materialize {'/'.join(table)} first",
        ) from error
    except DeltaError as error:
        raise StoreError(
            f"table {view_name(tuple(table))} can't be read at version {version}: {error}",
            hint="its versions are in its history; a warehouse that was made anew starts again at 0",
        ) from error


def other_layout(table: Sequence[str], *, partitioned: bool) -> StoreError:
    """The error of a table that is written by partition, or not, and was asked for the other way."""
    return StoreError(
        f"table {view_name(tuple(table))} is {'' if partitioned else 'not '}written by partition",
        hint="remove its folder from the warehouse and materialize it again, if that was changed",
    )
