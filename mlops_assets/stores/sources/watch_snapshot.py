"""Snapshots of a source: the state of a sensor between two ticks.

Dagster commits the cursor with the tick. The cursor is the digest of the snapshot's content: if a daemon
stops before the commit, the old cursor still refers to the old snapshot, and the next tick finds the changes
again.
"""

import json
import os
import re
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from mlops_assets.core.digests import text_digest
from mlops_assets.stores.system.disk_errors import translated_disk_errors
from mlops_assets.stores.system.durable import flush_files

_MAX_SNAPSHOTS = 5
_STALE_SECONDS = 3600
_CURSOR = re.compile(r"[0-9a-f]{32}")


class FileState(NamedTuple):
    """The observed state of a file; the digest is None until two polls observed the same size and time."""

    size: int
    mtime_ns: int
    sha256: str | None = None


@dataclass(frozen=True)
class RowScan:
    """The result of a scan of rows by their time column.

    Attributes
    ----------
    input_digest
        Digest of the scanned files, the periods and the column.
    """

    input_digest: str
    fingerprints: dict[str | None, str]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class WatchSnapshot:
    """The observed state of a source.

    Attributes
    ----------
    files
        The state of each file, by name.
    requested
        The fingerprint of each partition that was last requested or found already ingested.
    scan
        The last scan of a source with a time column.
    turn
        A digest of the history of requests. It changes with each request, and repeated histories have the
        same digest.
    """

    files: dict[str, FileState] = field(default_factory=dict)
    requested: dict[str | None, str] = field(default_factory=dict)
    scan: RowScan | None = None
    turn: str = ""

    def with_ingested(self, ingested: Mapping[str | None, str]) -> "WatchSnapshot":
        """A copy with fingerprints that are already ingested and need no request."""
        return replace(self, requested={**self.requested, **ingested})

    def with_requests(self, fingerprints: Mapping[str | None, str]) -> "WatchSnapshot":
        """A copy after a request for these partitions."""
        if not fingerprints:
            return self
        requests = sorted((partition or "", text) for partition, text in fingerprints.items())
        turn = text_digest(self.turn, repr(requests))[:16]
        return replace(self, requested={**self.requested, **fingerprints}, turn=turn)


class SnapshotStore:
    """The snapshots of one source, in a folder.

    Parameters
    ----------
    folder
        A folder for this source alone; it is created with the first snapshot.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loaded: str | None = None

    def load(self, cursor: str | None) -> WatchSnapshot:
        """The snapshot of a cursor; an empty one for None, and if the snapshot is missing or damaged."""
        if cursor is None:
            return WatchSnapshot()
        # The requests of a lost snapshot are unknown: its successor must not repeat the first turns.
        lost = WatchSnapshot(turn=text_digest(cursor)[:16])
        if not _CURSOR.fullmatch(cursor):
            return lost
        self._loaded = cursor
        path = self._path(cursor)
        try:
            text = path.read_text("utf-8")
            os.utime(path)  # still in use: do not prune it first
            return _parsed(text) if _digest(text) == cursor else lost
        except (OSError, ValueError, KeyError, TypeError):
            return lost

    def save(self, snapshot: WatchSnapshot) -> str:
        """Save a snapshot and return its cursor; equal snapshots have equal cursors."""
        text = _text(snapshot)
        cursor = _digest(text)
        path = self._path(cursor)
        if path.is_file() and path.stat().st_size == len(text):
            os.utime(path)
        else:
            self._write(path, text)
        self._prune({self._loaded, cursor})
        return cursor

    def _write(self, path: Path, text: str) -> None:
        written = path.with_name(f"{uuid.uuid4().hex}.tmp")
        with translated_disk_errors("the snapshot of a sensor", self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                written.write_text(text, "utf-8")
                flush_files([written])  # Dagster commits the cursor that names it
            except OSError:  # a partial file would fill the disk until it is pruned
                written.unlink(missing_ok=True)
                raise
            written.replace(path)

    def _path(self, cursor: str) -> Path:
        return self.folder / f"{cursor}.json"

    def _prune(self, used: Iterable[str | None]) -> None:
        names = {f"{cursor}.json" for cursor in used}
        with os.scandir(self.folder) as entries:
            others = [(entry.stat().st_mtime, entry) for entry in entries if entry.name not in names]
        newest_first = sorted(others, key=lambda pair: pair[0], reverse=True)
        snapshots = [entry for _, entry in newest_first if entry.name.endswith(".json")]
        old = snapshots[_MAX_SNAPSHOTS - len(names) :]
        stale = time.time() - _STALE_SECONDS  # left by processes that were killed
        left = [entry for written, entry in others if entry.name.endswith(".tmp") and written < stale]
        for entry in (*old, *left):
            with suppress(FileNotFoundError):
                os.unlink(entry)  # noqa: PTH108


def _digest(text: str) -> str:
    return text_digest(text)[:32]


def _text(snapshot: WatchSnapshot) -> str:
    """Canonical JSON, in ASCII for any file name."""
    scan = snapshot.scan
    return json.dumps(
        {
            "files": snapshot.files,
            "requested": {partition or "": text for partition, text in snapshot.requested.items()},
            "scan": scan and [scan.input_digest, scan.fingerprints, scan.left_out],
            "turn": snapshot.turn,
        },
        sort_keys=True,
        separators=(",", ":"),
    )


def _parsed(text: str) -> WatchSnapshot:
    found = json.loads(text)
    scan = found["scan"]
    return WatchSnapshot(
        files={name: FileState(*state) for name, state in found["files"].items()},
        requested={partition or None: text for partition, text in found["requested"].items()},
        scan=scan and RowScan(scan[0], scan[1], tuple(scan[2])),
        turn=found["turn"],
    )
