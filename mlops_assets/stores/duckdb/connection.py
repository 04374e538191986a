"""The DuckDB connection of the warehouse's readers and writers, and its confinement for SQL of a project."""

import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from mlops_assets.core.sql_quoting import UTC_SESSION, literal
from mlops_assets.core.sql_tree import Node, parse_query, tree_nodes
from mlops_assets.ml.wide_queries import WRONG_OPTIMIZERS
from mlops_assets.stores.system.disk_errors import disk_error, translated_disk_errors

SPILL = ".spill"
"""Folder of DuckDB's temporary files, below the warehouse."""
_STALE_SECONDS = 24 * 3600
_OWN = "memory"
"""DuckDB's name of the database of a connection that shares none."""


@contextmanager
def connect(
    root: Path, *, memory_limit: str, threads: int | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory DuckDB that spills below `root` and installs no extensions from the network.

    A connection spills to a folder of its own, because DuckDB lets queries read it.

    Raises
    ------
    StoreError
        If the disk is full, or `root` can't be written.
    """
    spill = new_spill_folder(root)
    with translated_errors(root, spill):
        try:
            with open_database(spill, memory_limit=memory_limit, threads=threads) as connection:
                connection.execute(UTC_SESSION)
                yield connection
        finally:
            shutil.rmtree(spill, ignore_errors=True)


def new_spill_folder(root: Path) -> Path:
    """A folder for the temporary files of a database, which DuckDB creates when it spills."""
    return root / SPILL / uuid.uuid4().hex


def open_database(spill: Path, *, memory_limit: str, threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB; see `connect`."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "temp_directory": str(spill),
        "autoinstall_known_extensions": "false",
        "python_enable_replacements": "false",
        "disabled_optimizers": WRONG_OPTIMIZERS,
        **({"threads": threads} if threads else {}),
    }
    return duckdb.connect(config=config)


def confine(
    connection: duckdb.DuckDBPyConnection,
    relations: Iterable[duckdb.DuckDBPyRelation],
    *,
    folders: Sequence[Path] = (),
) -> None:
    """Deny a connection all access but to the files of relations and to folders; this can't be undone.

    Neither files, network and extensions nor settings can be reached by a statement from then on, whatever it
    is. DuckDB permits reading and writing alike, so `folders` are for the result.

    Raises
    ------
    ValueError
        If the connection is one to the shared database, whose other users it would confine, too.
    """
    [[database]] = connection.execute("select current_database()").fetchall()
    if database != _OWN:
        raise ValueError("only a connection with a database of its own can be confined")
    files = sorted({file for relation in relations for file in _files(connection, relation)})
    allowed = [str(folder.absolute()) for folder in folders]
    connection.execute(f"set allowed_paths = [{', '.join(map(literal, files))}]")
    connection.execute(f"set allowed_directories = [{', '.join(map(literal, allowed))}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def _files(connection: duckdb.DuckDBPyConnection, relation: duckdb.DuckDBPyRelation) -> Iterator[str]:
    """The files that a relation reads, from its SQL."""
    for node in tree_nodes(parse_query(connection, relation.sql_query())):
        if node.get("type") == "TABLE_FUNCTION" and node["function"]["function_name"] == "read_parquet":
            yield from _texts(node["function"]["arguments"][0])


def _texts(argument: Node) -> Iterator[str]:
    for node in tree_nodes(argument):
        constant = node.get("literal") or {}
        if constant.get("kind") == "STRING":
            yield str(constant["text"])


def remove_left_spill(root: Path) -> None:
    """Remove the spill folders of processes that were killed: those that were not changed for a day."""
    for folder in (root / SPILL).glob("*"):
        with suppress(FileNotFoundError):  # its connection was closed meanwhile
            newest = max(path.stat().st_mtime for path in (folder, *folder.glob("*")))
            if time.time() - newest > _STALE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def translated_errors(root: Path, spill: Path) -> Iterator[None]:
    """Translate the disk errors of DuckDB; other errors on the connection pass unchanged."""
    with translated_disk_errors("the warehouse", root):
        spill.parent.mkdir(
            parents=True, exist_ok=True
        )  # DuckDB creates the spill folder, but not its parents
    try:
        yield
    except duckdb.Error as error:
        spilled = spill.parent.name in str(error) or "max_temp_directory_size" in str(error)
        subject, folder = ("the spill file of DuckDB", spill) if spilled else ("a file of a table", root)
        if translated := disk_error(error, subject, folder):
            raise translated from error
        raise
