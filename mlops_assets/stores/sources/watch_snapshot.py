"""Snapshots: what a sensor remembers from one tick to the next.

Dagster commits the cursor with the tick. The cursor is the digest of the snapshot's content: when a daemon
dies before the commit, the old cursor still names the old snapshot, and the next tick sees the changes again.
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

_KEPT = 5
_STALE_SECONDS = 3600
_CURSOR = re.compile(r"[0-9a-f]{32}")


class FileState(NamedTuple):
    """A file as it was seen; its digest is None until it was seen the same twice."""

    size: int
    mtime_ns: int
    sha256: str | None = None


@dataclass(frozen=True)
class RowScan:
    """What a scan of rows by their time column found.

    Attributes
    ----------
    of
        Digest of what was scanned and by which periods.
    """

    of: str
    fingerprints: dict[str | None, str]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """What is known of a source.

    Attributes
    ----------
    files
        By their names.
    requested
        Partition and the fingerprint that was last asked for, or found ingested.
    scan
        The last scan of a source whose rows are dated by a column.
    turn
        A text that is another after each request; the same again when the same requests are repeated.
    """

    files: dict[str, FileState] = field(default_factory=dict)
    requested: dict[str | None, str] = field(default_factory=dict)
    scan: RowScan | None = None
    turn: str = ""

    def knowing(self, ingested: Mapping[str | None, str]) -> "Snapshot":
        """The same, with fingerprints that were found ingested: they need not be asked for."""
        return replace(self, requested={**self.requested, **ingested})

    def asking(self, fingerprints: Mapping[str | None, str]) -> "Snapshot":
        """The same after a request for these partitions."""
        if not fingerprints:
            return self
        asked = sorted((partition or "", text) for partition, text in fingerprints.items())
        turn = text_digest(self.turn, repr(asked))[:16]
        return replace(self, requested={**self.requested, **fingerprints}, turn=turn)


class SnapshotStore:
    """Snapshots of one source in a folder of their own.

    Parameters
    ----------
    folder
        It is made when the first snapshot is saved.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loaded: str | None = None

    def load(self, cursor: str | None) -> Snapshot:
        """The snapshot that a cursor names; an empty one for None, or when that one is lost or damaged."""
        if cursor is None:
            return Snapshot()
        # What a lost snapshot had asked for is unknown: its successor must not repeat the turns of the first.
        lost = Snapshot(turn=text_digest(cursor)[:16])
        if not _CURSOR.fullmatch(cursor):
            return lost
        self._loaded = cursor
        path = self._path(cursor)
        try:
            text = path.read_text("utf-8")
            os.utime(path)  # still in use: not the first one to be pruned
            return _parsed(text) if _digest(text) == cursor else lost
        except (OSError, ValueError, KeyError, TypeError):
            return lost

    def save(self, snapshot: Snapshot) -> str:
        """Keep a snapshot, and return the cursor that names it; equal snapshots have equal cursors."""
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
        with translated_disk_errors("what a sensor has seen", self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                written.write_text(text, "utf-8")
            except OSError:  # what there is of it would only fill the disk until it is pruned
                written.unlink(missing_ok=True)
                raise
            written.replace(path)

    def _path(self, cursor: str) -> Path:
        return self.folder / f"{cursor}.json"

    def _prune(self, used: Iterable[str | None]) -> None:
        names = {f"{cursor}.json" for cursor in used}
        with os.scandir(self.folder) as entries:
            seen = [(entry.stat().st_mtime, entry) for entry in entries if entry.name not in names]
        newest_first = sorted(seen, key=lambda pair: pair[0], reverse=True)
        old = [entry for _, entry in newest_first if entry.name.endswith(".json")][_KEPT - len(names) :]
        stale = time.time() - _STALE_SECONDS  # of writers that were killed
        left = [entry for written, entry in seen if entry.name.endswith(".tmp") and written < stale]
        for entry in (*old, *left):
            with suppress(FileNotFoundError):
                os.unlink(entry)  # noqa: PTH108


def _digest(text: str) -> str:
    return text_digest(text)[:32]


def _text(snapshot: Snapshot) -> str:
    """Canonical JSON, in ASCII whatever the files' names."""
    scan = snapshot.scan
    return json.dumps(
        {
            "files": snapshot.files,
            "requested": {partition or "": text for partition, text in snapshot.requested.items()},
            "scan": scan and [scan.of, scan.fingerprints, scan.left_out],
            "turn": snapshot.turn,
        },
        sort_keys=True,
        separators=(",", ":"),
    )


def _parsed(text: str) -> Snapshot:
    found = json.loads(text)
    scan = found["scan"]
    return Snapshot(
        files={name: FileState(*state) for name, state in found["files"].items()},
        requested={partition or None: text for partition, text in found["requested"].items()},
        scan=scan and RowScan(scan[0], scan[1], tuple(scan[2])),
        turn=found["turn"],
    )
