"""The detection of commits by other programs, whose rows no contract has checked and no version records."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from mlops_assets.core.errors import StoreError
from mlops_assets.core.names import PARTITION, view_name
from mlops_assets.stores.delta.commit_metadata import all_versions
from mlops_assets.stores.delta.content_digest import named_digest
from mlops_assets.stores.delta.current_files import TableFiles
from mlops_assets.stores.delta.log import open_table

_CHECKED: WeakValueDictionary[int, TableFiles] = WeakValueDictionary()
"""Tables that have passed, as long as the log is unchanged; see `opened_table`."""


@dataclass(frozen=True)
class _Commit:
    version: int
    info: Mapping[str, Any]
    partitions: frozenset[str | None]
    """The partitions whose files it changes; None for a table without partitions."""

    @property
    def is_own(self) -> bool:
        return any(name.startswith("mlops.") for name in self.info)


def require_own_content(root: Path, table: Sequence[str], opened: TableFiles) -> None:
    """Check that no other program has changed the files of a table's version.

    A table without any commit of the warehouse belongs to another program, such as a custom asset, and
    passes. So do commits that change no files, such as that of a table property.

    Raises
    ------
    StoreError
        If another program has committed files since the last own commit, or current files are not own ones.
    """
    if _CHECKED.get(id(opened)) is opened:
        return
    foreign, own = _newest_commits(root.joinpath(*table), opened.version)
    if own is None:
        return
    if foreign is not None:
        operation = foreign.info.get("operation", "an unknown operation")
        program = foreign.info.get("engineInfo") or foreign.info.get("clientVersion") or "an unknown program"
        what = f", version {foreign.version}, was written by another program: {operation} by {program}"
        raise _error(root, table, opened.version, what, foreign.partitions)
    digests: dict[str | None, set[str | None]] = {}
    for file in opened.files:
        digests.setdefault(file.partition, set()).add(named_digest([file.path]))
    others = {partition for partition, found in digests.items() if None in found}
    if others:
        what = " contains files that another program has written"
        raise _error(root, table, opened.version, what, others)
    mixed = [partition for partition, found in digests.items() if len(found) > 1]
    if mixed:  # a commit that replaces a partition has lost a part of its actions
        what = " contains files of several writes of a partition: its log is damaged"
        raise _error(root, table, opened.version, what, mixed)
    _CHECKED[id(opened)] = opened


def _newest_commits(directory: Path, newest: int) -> tuple[_Commit | None, _Commit | None]:
    """The newest commit of another program since the last own commit, and that one."""
    foreign = None
    for version in range(newest, -1, -1):
        commit = _read(directory, version)
        if commit is None:  # removed from the log, which its diagnosis reports
            break
        if commit.is_own:
            return foreign, commit
        if commit.partitions:
            foreign = foreign or commit
    return foreign, None


def _read(directory: Path, version: int) -> _Commit | None:
    file = directory / "_delta_log" / f"{version:020}.json"
    try:
        actions = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    except (OSError, ValueError):
        return None
    info: Mapping[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
    changes = [action.get("add") or action.get("remove") for action in actions]
    partitions = {(change.get("partitionValues") or {}).get(PARTITION) for change in changes if change}
    return _Commit(version, info, frozenset(partitions))


def _error(
    root: Path, table: Sequence[str], version: int, what: str, partitions: Collection[str | None]
) -> StoreError:
    name = f"{table[0]} {'_'.join(table[1:])}"
    history = all_versions(open_table(root, table, version))
    restores = []
    for partition in sorted(partitions, key=str):
        known = next((found.version for found in history if found.partition == partition), None)
        if known is not None:
            of = "" if partition is None else f" --partition {partition}"
            restores.append(f"mlops data restore {name} {known}{of}")
    more = f" (and {len(restores) - 1} other partitions)" if len(restores) > 1 else ""
    back = f"return to the last own version: {restores[0]}{more}; or " if restores else ""
    return StoreError(
        f"table {view_name(tuple(table))}{what}; its rows are not validated, and no version records them",
        hint=f"{back}compute the table again: mlops run {table[0]} --force. Other programs may read the "
        "table, but not write it",
    )
