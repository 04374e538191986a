"""Tables as this process knows them: each is opened once, and then follows the commits of its log."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from mlops_assets.stores.delta.current_files import TableFiles, with_commit
from mlops_assets.stores.delta.data_files import data_files, is_partitioned
from mlops_assets.stores.delta.log import open_table

_POINTER = "_last_checkpoint"
_Stamps = Mapping[str, tuple[int, int, int]]
"""The files of a log, each with its inode, its time of change and its size."""


@dataclass(frozen=True)
class _Known:
    log: _Stamps
    """The log as it was just before it was read."""
    table: TableFiles


_KNOWN: dict[Path, _Known] = {}
_WRITERS: dict[Path, tuple[_Stamps, DeltaTable]] = {}
_MOST = 50
"""Of more tables, those that were opened first are opened anew."""


def opened_table(root: Path, table: Sequence[str]) -> TableFiles:
    """The newest version of a table below `root`.

    Only the commits that were made since the last call are read. Whatever else has changed in the log, such
    as a commit that `mlops forget` has rewritten, the table is opened anew.

    Raises
    ------
    StoreError
        If the table does not exist, or the log is damaged; see `open_table`.
    """
    directory = root.joinpath(*table)
    known, log = _KNOWN.get(directory), _stamps(directory)
    if known is not None and known.log == log and log:
        return known.table
    found = _followed(directory, known.table, log) if known and _continues(known.log, log) else None
    if found is None:
        found = version_files(root, table, None)
    _keep(_KNOWN, directory, _Known(log, found))
    return found


def version_files(root: Path, table: Sequence[str], version: int | None) -> TableFiles:
    """The files of a version of a table, as delta-rs finds them.

    Raises
    ------
    StoreError
        If the table or the version does not exist, or the log is damaged; see `open_table`.
    """
    delta = open_table(root, table, version)
    files = data_files(root.joinpath(*table), delta)
    return TableFiles(int(delta.version()), is_partitioned(delta), tuple(files))


def take_writer(directory: Path) -> DeltaTable | None:
    """The table that this process has written last, at its newest version; None if it must be opened.

    The caller holds the lock for commits, and gives the table back after its commit.
    """
    log, delta = _WRITERS.pop(directory, ({}, None))
    if delta is None or not _continues(log, _stamps(directory)):
        return None
    try:
        delta.update_incremental()
    except DeltaError:  # opening it anew names the damage
        return None
    return delta


def give_writer(directory: Path, delta: DeltaTable) -> None:
    """Keep a table at its newest version for the next commit."""
    _keep(_WRITERS, directory, (_stamps(directory), delta))


def _keep(cache: dict[Path, Any], directory: Path, value: Any) -> None:
    cache.pop(directory, None)
    cache[directory] = value
    for oldest in list(cache)[:-_MOST]:
        cache.pop(oldest, None)


def _stamps(directory: Path) -> _Stamps:
    try:
        with os.scandir(directory / "_delta_log") as entries:
            found = {entry.name: entry.stat() for entry in entries if _belongs_to_log(entry.name)}
    except OSError:  # opening the table names it
        return {}
    return {name: (stat.st_ino, stat.st_mtime_ns, stat.st_size) for name, stat in found.items()}


def _belongs_to_log(name: str) -> bool:
    """Whether a file is no temporary one of a commit that is being made."""
    return (name[:20].isdigit() and name.endswith((".json", ".parquet"))) or name == _POINTER


def _continues(before: _Stamps, log: _Stamps) -> bool:
    """Whether nothing of a log has changed but its end."""
    return bool(before) and all(log.get(name) == stamp for name, stamp in before.items() if name != _POINTER)


def _followed(directory: Path, table: TableFiles, log: _Stamps) -> TableFiles | None:
    """A table after the commits that follow; None if one of them must be read by delta-rs."""
    newest = max(int(name[:20]) for name in log if name.endswith(".json"))
    try:
        while table.version < newest:
            table = with_commit(directory, table)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return table
