"""The locations of artifacts in the SQLite store of a state directory, which MLflow stores as absolute paths.

A state directory that is moved keeps the locations of its old place, and a copy keeps those of the original:
the copy would read, write and delete the files of the original. Locations are therefore compared with the
actual folder when the store is opened. Only a store in the same folder as its artifacts is changed: a server,
or a database that several projects share, has locations of its own.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlops_assets.core.names import CHAMPION

SQLITE = "sqlite:///"
_BUSY_SECONDS = 60
_COLUMNS = (
    ("experiments", "experiment_id", "artifact_location"),
    ("runs", "run_uuid", "artifact_uri"),
    ("logged_models", "model_id", "artifact_location"),
    ("model_versions", "rowid", "storage_location"),
    ("model_versions", "rowid", "source"),
)
"""Table, key and column of each location in MLflow's schema."""


def local_path(location: str | None) -> Path | None:
    """Return the path of a location on this machine; None for another location, such as `s3://…`.

    Examples
    --------
    >>> local_path("file:///srv/my%20state/models")
    PosixPath('/srv/my state/models')
    >>> local_path("s3://bucket/models")
    """
    if location is None:
        return None
    parts = urlsplit(location)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    return Path(location) if location.startswith("/") else None


def missing_model_file(folder: Path) -> Path | None:
    """Return a file of a logged model that does not exist; None if the folder is complete."""
    manifests = [*folder.glob("data/*/manifest.json")]
    if not (folder / "MLmodel").is_file() or not manifests:
        return folder / ("data/model/manifest.json" if (folder / "MLmodel").is_file() else "MLmodel")
    for manifest in manifests:
        try:
            names = list(json.loads(manifest.read_text("utf-8"))["files"])
        except (ValueError, KeyError, TypeError):  # damaged: its digest differs, which loading reports
            continue
        for name in names:
            if not (manifest.parent / name).is_file():
                return manifest.parent / name
    return None


@dataclass(frozen=True)
class OwnArtifacts:
    """The artifacts of a SQLite store that lies in the same folder, as in a state directory.

    Attributes
    ----------
    database
        The SQLite file.
    folder
        The folder of the artifacts.
    """

    database: Path
    folder: Path

    @classmethod
    def of(cls, uri: str, artifacts: Path | None) -> "OwnArtifacts | None":
        """Return the artifacts of a tracking URI; None if the store does not lie beside them."""
        if artifacts is None or not uri.startswith(SQLITE):
            return None
        database = Path(uri.removeprefix(SQLITE))
        return cls(database, artifacts) if database.parent == artifacts.parent else None

    def relocate(self) -> int:
        """Replace locations of another place by those in the own folder; return how many there were.

        A location is replaced if it ends like one of this folder, `…/mlflow/artifacts/<project>/…`, and is
        not in this folder under another name. Locations in an object store, and folders that were chosen in
        MLflow, are not changed.
        """
        if not self.database.is_file():
            return 0
        changes = 0
        with closing(self._connect()) as connection:
            changed = [
                (table, key, column, row, moved)
                for table, key, column in _columns(connection)
                for row, location in connection.execute(f"select {key}, {column} from {table}")
                if (moved := self._moved(location))
            ]
            if not changed:
                return 0
            connection.execute("begin immediate")
            for table, key, column, row, moved in changed:
                found = connection.execute(f"update {table} set {column} = ? where {key} = ?", (moved, row))
                changes += found.rowcount
            connection.execute("commit")
        return changes

    def missing_versions(self) -> list[tuple[str, int, Path]]:
        """Return project, number and folder of each registered version whose folder does not exist."""
        if not self.database.is_file():
            return []
        query = """
            select name, version, storage_location from model_versions
            where current_stage <> 'Deleted_Internal' order by name, version
        """
        with closing(self._connect()) as connection:
            rows = connection.execute(query).fetchall()
        found = [(name, version, local_path(location)) for name, version, location in rows]
        return [(name, int(version), path) for name, version, path in found if path and not path.is_dir()]

    def champion_folder(self, project: str) -> Path | None:
        """Return the folder of the champion's files; None without a champion, or if it is not local."""
        if not self.database.is_file():
            return None
        query = """
            select v.storage_location from registered_model_aliases as a
            join model_versions as v on v.name = a.name and v.version = a.version
            where a.name = ? and a.alias = ?
        """
        with closing(self._connect()) as connection:
            row = connection.execute(query, (project, CHAMPION)).fetchone()
        return local_path(row[0]) if row else None

    @cached_property
    def _roots(self) -> dict[Path, bool]:
        return {}

    def _moved(self, location: str | None) -> str | None:
        """Return the location in the own folder that replaces a location; None if it stays."""
        path = local_path(location)
        if path is None:
            return None
        ours, parts = self.folder.parts[-2:], path.parts
        ends = [end for end in range(2, len(parts)) if parts[end - 2 : end] == ours]
        if not ends:
            return None
        root = Path(*parts[: ends[-1]])
        if root not in self._roots:
            self._roots[root] = root == self.folder or _is_same(root, self.folder)
        if self._roots[root]:
            return None
        return self.folder.joinpath(*parts[ends[-1] :]).as_uri()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.database, timeout=_BUSY_SECONDS, isolation_level=None)


def _columns(connection: sqlite3.Connection) -> Iterator[tuple[str, str, str]]:
    """Yield the columns that exist: an older MLflow, whose error is reported elsewhere, has fewer."""
    for table, key, column in _COLUMNS:
        if column in {row[1] for row in connection.execute(f"pragma table_info({table})")}:
            yield table, key, column


def _is_same(one: Path, other: Path) -> bool:
    """Whether two paths lead to the same folder, such as through a symbolic link or a mount."""
    try:
        return one.samefile(other)
    except OSError:
        return False
