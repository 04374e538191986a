"""The data files that are read on a connection: they are verified if its result is an error or a doubt."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import duckdb

from mlops_assets.core.errors import MlopsError, StoreError
from mlops_assets.core.names import view_name
from mlops_assets.stores.delta.damage import find_damage
from mlops_assets.stores.delta.data_files import DataFile
from mlops_assets.stores.delta.log import damage_hint


@dataclass(frozen=True)
class _Opened:
    table: tuple[str, ...]
    version: int
    files: Sequence[DataFile]


_OPENED: WeakKeyDictionary[duckdb.DuckDBPyConnection, list[_Opened]] = WeakKeyDictionary()


def record(
    connection: duckdb.DuckDBPyConnection, table: Sequence[str], version: int, files: Sequence[DataFile]
) -> None:
    """Record the files of a table that a relation of a connection reads."""
    _OPENED.setdefault(connection, []).append(_Opened(tuple(table), version, files))


def require_intact(connection: duckdb.DuckDBPyConnection) -> None:
    """Verify the content of all files that were recorded for a connection.

    DuckDB reads a file with a changed value without an error, or reports one that names no file.

    Raises
    ------
    StoreError
        If a file was changed after it was written.
    """
    for opened in _OPENED.get(connection, ()):
        for damage in find_damage(opened.files, content=True):
            raise StoreError(
                f"table {view_name(opened.table)}, version {opened.version}: {damage}",
                hint=damage_hint(opened.table, content=True),
            )


@contextmanager
def translated_damage(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Replace an error that has no message for users by that of a damaged file, if one was read.

    Raises
    ------
    StoreError
        In place of the error of DuckDB, Arrow or the code that used the rows.
    """
    try:
        yield
    except MlopsError:
        raise
    except Exception:  # the values of a damaged file may make any code fail
        with suppress(OSError):  # of a file that can't be read, which the first error reports
            require_intact(connection)
        raise
