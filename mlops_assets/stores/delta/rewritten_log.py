"""Replacement of data files in all versions of a table: the log keeps its versions, and refers to other
files.

Delta never changes a commit that was made. Here commits are changed, because rows must vanish from every
version. Each commit file is replaced atomically, and the order keeps every version readable if the process is
killed: first a commit that removes a file removes its successor, too; then the commits that add a file add
its successor; at last the removals of the former files go, and the files themselves.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from mlops_assets.core.errors import StoreError
from mlops_assets.core.names import PARTITION
from mlops_assets.stores.delta.commit_metadata import FORGOTTEN
from mlops_assets.stores.system.disk_errors import write_atomically

Actions = list[dict[str, Any]]


@dataclass(frozen=True)
class Content:
    """The files that a commit added together, with the versions that did so: a restored version adds them
    again.

    Attributes
    ----------
    paths
        Paths as the log has them, relative to the table's folder and encoded.
    """

    paths: tuple[str, ...]
    partition: str | None
    versions: tuple[int, ...]

    def files(self, directory: Path) -> list[Path]:
        """The files, of which a vacuum may have removed some."""
        return [directory / unquote(path) for path in self.paths]


@dataclass(frozen=True)
class Successor:
    """The content that replaces another one.

    Attributes
    ----------
    files
        The name, the size in bytes and the number of rows of the file that replaces each path.
    rows, digest
        The number of rows and the digest of the whole content.
    removed
        The number of rows that it lacks.
    """

    files: Mapping[str, tuple[str, int, int]]
    rows: int
    digest: str
    removed: int


class TableLog:
    """The commits of a table.

    Parameters
    ----------
    directory
        The folder of the table.
    table
        The name of the table, for messages.

    Raises
    ------
    StoreError
        If a commit is missing or damaged: files that only it names would keep their rows.
    """

    def __init__(self, directory: Path, table: str) -> None:
        self.directory, self.table, self.folder = directory, table, directory / "_delta_log"
        self.commits: dict[int, Actions] = {}
        files = sorted(file for file in self.folder.glob("*.json") if file.stem.isdigit())
        for number, file in enumerate(files):
            try:
                actions = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
            except ValueError:
                actions = []
            if int(file.stem) != number or not actions:
                raise StoreError(
                    f"table {table}: the log is incomplete at version {number}, so which files hold rows of "
                    f"older "
                    "versions is unknown",
                    hint=f"restore {self.folder} from a backup, and run it again",
                )
            self.commits[number] = actions

    def require_own(self) -> None:
        """Check that the warehouse has written the table.

        Raises
        ------
        StoreError
            If another program has.
        """
        if not any(name.startswith("mlops.") for actions in self.commits.values() for name in _info(actions)):
            raise StoreError(
                f"table {self.table} was not written by mlops_assets, and holds rows of the entity",
                hint="remove them with the program that writes the table, vacuum it, and run this again",
            )

    def contents(self) -> list[Content]:
        """The contents of all versions."""
        found: dict[tuple[str, ...], tuple[str | None, list[int]]] = {}
        for version, actions in self.commits.items():
            added: dict[str | None, list[str]] = {}
            for add in (action["add"] for action in actions if "add" in action):
                added.setdefault((add.get("partitionValues") or {}).get(PARTITION), []).append(add["path"])
            for partition, paths in added.items():
                found.setdefault(tuple(sorted(paths)), (partition, []))[1].append(version)
        return [Content(paths, partition, tuple(versions)) for paths, (partition, versions) in found.items()]

    def named_files(self) -> set[Path]:
        """All files that any version names."""
        return {file for content in self.contents() for file in content.files(self.directory)}

    def versions_with(self, content: Content) -> set[int]:
        """The versions that have a content: from each commit that adds it until its removal."""
        found: set[int] = set()
        current = False
        for version, actions in self.commits.items():
            if any(action.get("remove", {}).get("path") in content.paths for action in actions):
                current = False
            if version in content.versions:
                current = True
            if current:
                found.add(version)
        return found

    def replace(self, successor: Successor, *, entity: str, at: str) -> None:
        """Put a successor in place of a content. The caller holds the lock for commits.

        Parameters
        ----------
        entity
            The keyed digest of the entity whose rows the successor lacks.
        at
            The time of the removal.
        """
        self._remove_checkpoints()
        names = {path: _renamed(path, name) for path, (name, _, _) in successor.files.items()}

        def also_removed(actions: Actions) -> Actions:
            gone = {action["remove"]["path"] for action in actions if "remove" in action}
            return [
                *actions,
                *(
                    {"remove": {**action["remove"], "path": names[action["remove"]["path"]]}}
                    for action in actions
                    if "remove" in action and names.get(action["remove"]["path"], "") not in {"", *gone}
                ),
            ]

        def added(actions: Actions) -> Actions:
            paths = {action["add"]["path"] for action in actions if "add" in action}
            if not paths & set(names):
                return actions
            return [_successor_of(action, names, successor, entity, at) for action in actions]

        def removed_once(actions: Actions) -> Actions:
            return [action for action in actions if action.get("remove", {}).get("path") not in names]

        for change in (also_removed, added, removed_once):
            self._rewrite(change)

    def _rewrite(self, change: Callable[[Actions], Actions]) -> None:
        for version, actions in self.commits.items():
            changed = change(actions)
            if changed != actions:
                text = "".join(f"{json.dumps(action, separators=(',', ':'))}\n" for action in changed)
                write_atomically(self.folder / f"{version:020}.json", text)
                self.commits[version] = changed

    def _remove_checkpoints(self) -> None:
        """Remove the checkpoints, which name the former files; the log is complete without them."""
        (self.folder / "_last_checkpoint").unlink(missing_ok=True)
        for file in self.folder.iterdir():
            if file.suffix in (".parquet", ".crc"):
                file.unlink()


def _info(actions: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    found: Iterator[Mapping[str, Any]] = (
        action["commitInfo"] for action in actions if "commitInfo" in action
    )
    return next(found, {})


def _renamed(path: str, name: str) -> str:
    folder, slash, _ = path.rpartition("/")
    return f"{folder}{slash}{name}"


def _successor_of(
    action: dict[str, Any], names: Mapping[str, str], successor: Successor, entity: str, at: str
) -> dict[str, Any]:
    if "commitInfo" in action:
        info = action["commitInfo"]
        before = json.loads(info.get(FORGOTTEN, "[]"))
        if info.get("mlops.digest") == successor.digest:
            return action
        entry = {
            "entity": entity,
            "at": at,
            "rows": successor.removed,
            "digest": info.get("mlops.digest", ""),
        }
        new = {"mlops.digest": successor.digest, "mlops.rows": str(successor.rows)}
        return {"commitInfo": {**info, **new, FORGOTTEN: json.dumps([*before, entry])}}
    if action.get("add", {}).get("path") not in names:
        return action
    add = action["add"]
    _, size, rows = successor.files[add["path"]]
    stats = json.dumps({"numRecords": rows})
    return {"add": {**add, "path": names[add["path"]], "size": size, "stats": stats}}
