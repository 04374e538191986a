"""The current files of a Delta table, read from the commits of its log without delta-rs."""

import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from mlops_assets.core.names import PARTITION
from mlops_assets.stores.delta.damage import find_damage
from mlops_assets.stores.delta.data_files import DataFile

_COMMIT = re.compile(r"\d{20}\.json")
_LONGEST = 200
"""Commits of a longer log take more time than delta-rs takes to open the table at its checkpoint."""
_PATH = attrgetter("path")
_FEATURES = frozenset({"timestampNtz"})
"""Features of a newer format in which a commit, too, only adds and removes whole files."""


@dataclass(frozen=True)
class TableFiles:
    """The files of a version of a table, sorted by path."""

    version: int
    partitioned: bool
    files: tuple[DataFile, ...]

    def of_partitions(self, partitions: Collection[str]) -> tuple[DataFile, ...]:
        """The files of some partitions."""
        wanted = set(partitions)
        return tuple(file for file in self.files if file.partition in wanted)


def current_files(root: Path, table: Sequence[str]) -> TableFiles | None:
    """The current files of a table below `root`; None if there is no table.

    delta-rs reads a log that is long, damaged, or of another program in a newer format: the result is the
    same, and takes several milliseconds and the import of a library more.

    Raises
    ------
    StoreError
        If the log is damaged; see `open_table`.
    """
    directory = root.joinpath(*table)
    try:
        return _replayed(directory)
    except FileNotFoundError:
        if not directory.is_dir():
            return None
    except (OSError, ValueError, KeyError, TypeError):  # delta-rs reads it, or names the damage
        pass
    from mlops_assets.stores.delta.data_files import data_files, is_partitioned
    from mlops_assets.stores.delta.log import is_table, open_table

    if not is_table(root, table):
        return None
    delta = open_table(root, table)
    return TableFiles(delta.version(), is_partitioned(delta), tuple(data_files(directory, delta)))


def require_intact(root: Path, table: Sequence[str], current: TableFiles) -> None:
    """Check that files exist and have the sizes in the log; see `require_data_files`."""
    if any(find_damage(current.files)):
        from mlops_assets.stores.delta.log import require_data_files

        require_data_files(root.joinpath(*table), table, current.version, current.files)


def _replayed(directory: Path) -> TableFiles:
    """The files that all commits of a log leave.

    Raises
    ------
    ValueError
        If the log is not a complete, short one of our format.
    """
    log = directory / "_delta_log"
    with os.scandir(log) as entries:
        commits = sorted(entry.name for entry in entries if _COMMIT.fullmatch(entry.name))
    is_complete = commits == [f"{version:020}.json" for version in range(len(commits))]
    if not commits or not is_complete or len(commits) > _LONGEST:
        raise ValueError(log)
    current: dict[str, dict[str, Any]] = {}
    partitioned: bool | None = None
    for commit in commits:
        changes = _changes(log / commit)
        for path in changes.removed:
            current.pop(path, None)
        current |= changes.added  # a commit may remove and add the same file
        partitioned = partitioned if changes.partitioned is None else changes.partitioned
    if partitioned is None:
        raise ValueError(log)
    files = sorted((_file(directory, add) for add in current.values()), key=_PATH)
    return TableFiles(len(commits) - 1, partitioned, tuple(files))


def with_commit(directory: Path, before: TableFiles) -> TableFiles:
    """The files of a table after the commit that follows a version.

    Raises
    ------
    ValueError, KeyError, TypeError
        If the commit is damaged, or not one of our format.
    OSError
        If it can't be read.
    """
    version = before.version + 1
    changes = _changes(directory / "_delta_log" / f"{version:020}.json")
    added = [_file(directory, add) for add in changes.added.values()]
    gone = {*(f"{directory}/{unquote(path)}" for path in changes.removed), *map(_PATH, added)}
    files = sorted([*(file for file in before.files if file.path not in gone), *added], key=_PATH)
    partitioned = before.partitioned if changes.partitioned is None else changes.partitioned
    return TableFiles(version, partitioned, tuple(files))


@dataclass(frozen=True)
class _Changes:
    """What a commit changes; paths are those of the log."""

    added: Mapping[str, dict[str, Any]]
    removed: Sequence[str]
    partitioned: bool | None
    """None if the commit does not change it."""


def _changes(commit: Path) -> _Changes:
    if not (lines := commit.read_bytes().splitlines()):
        raise ValueError(commit)
    added: dict[str, dict[str, Any]] = {}
    removed: list[str] = []
    partitioned: bool | None = None
    for line in lines:
        action = json.loads(line)
        if "add" in action:
            added[action["add"]["path"]] = action["add"]
        elif "remove" in action:
            removed.append(action["remove"]["path"])
        elif "metaData" in action:
            partitioned = bool(action["metaData"]["partitionColumns"])
        elif "protocol" in action and not _is_known(action["protocol"]):
            raise ValueError(commit)
    return _Changes(added, removed, partitioned)


def _is_known(protocol: dict[str, Any]) -> bool:
    """Whether the format of a log is the first one, or has no other features than known ones."""
    version, features = protocol["minReaderVersion"], protocol.get("readerFeatures") or []
    return version == 1 or (version == 3 and _FEATURES.issuperset(features))


def _file(directory: Path, add: dict[str, Any]) -> DataFile:
    path = unquote(add["path"])
    if path.startswith("/") or "://" in path:  # a file of another table
        raise ValueError(path)
    rows = json.loads(add["stats"]).get("numRecords") if add.get("stats") else None
    partition = add["partitionValues"].get(PARTITION)
    return DataFile(f"{directory}/{path}", partition, rows, add["size"])
