"""The source watch: what changed in a source between two looks.

A file counts once two looks in a row saw the same size and time: a half-written file waits. Only then it is
opened, once; a look at files that are known opens none. A source of rows dated by a column is scanned when
all its files are still and one of them, or the newest period, is another: a file that never stops growing
waits.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from pathlib import Path

import duckdb

from mlops_assets.core.digests import text_digest
from mlops_assets.core.errors import DataError
from mlops_assets.core.periods import Periods
from mlops_assets.stores.files.csv_dialect import Dialect
from mlops_assets.stores.files.locations import Files, as_files
from mlops_assets.stores.files.read_errors import unreadable
from mlops_assets.stores.files.source_file import FoundFile, SourceFile, format_of
from mlops_assets.stores.sources.arrivals import fingerprint, row_arrivals
from mlops_assets.stores.sources.partition_dates import DatedFiles, date_files, listed, newest_period, now
from mlops_assets.stores.sources.watch_snapshot import FileState, RowScan, Snapshot, SnapshotStore

__all__ = ["FileState", "Look", "RowScan", "Snapshot", "SnapshotStore", "look"]

Connect = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]


@dataclass(frozen=True)
class Look:
    """What one look saw.

    Attributes
    ----------
    seen
        What is known now, with what had been asked for before.
    fingerprints
        Of the partitions that are complete: none of their files waits.
    waiting
        Names of files that are not still yet.
    left_out
        A sentence for each reason why something in the source, or no longer in it, is not asked for.
    """

    seen: Snapshot
    fingerprints: dict[str | None, str]
    waiting: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def changed(self) -> dict[str | None, str]:
        """Complete partitions whose fingerprint is not the one that was last asked for, in their order."""
        requested = self.seen.requested
        return {key: text for key, text in self.fingerprints.items() if requested.get(key) != text}

    @property
    def snapshot(self) -> Snapshot:
        """What to remember when all changed partitions are asked for."""
        return self.seen.asking(self.changed)

    def asked(self, partitions: Iterable[str | None]) -> Snapshot:
        """What to remember when only these are asked for: the others are changed in the next look too."""
        return self.seen.asking({key: self.changed[key] for key in partitions})

    def run_key(self, partition: str | None) -> str:
        """A key for the request of a changed partition.

        It is the same when the look is repeated because its cursor was lost, and another when a content
        comes back that had been asked for before.
        """
        return f"{partition or 'all'}:{self.changed[partition][:16]}:{self.seen.turn}"


def look(
    previous: Snapshot,
    source: Path | Files,
    periods: Periods | None,
    column: str | None,
    *,
    subject: str,
    until: datetime | None = None,
    connect: Connect = duckdb.connect,
) -> Look:
    """Compare a source with the last snapshot of it.

    No file is no error; a folder that may not be read is one. The parameters are those of `find_arrivals`.

    Parameters
    ----------
    connect
        Opens the DuckDB that scans rows.
    """
    until, place = until or now(), as_files(source)
    by_row = periods is not None and column is not None
    try:
        found, dated, told = _dated(place, periods, by_row=by_row, until=until)
    except OSError as error:
        raise unreadable(place.shown, subject, error) from error
    states = _states(found, previous.files)
    waiting = _hash_still(place, chain(*dated.by_partition.values()), states, previous.files, told)
    scan = previous.scan
    if periods is None or column is None:
        fingerprints = _of_names(dated.by_partition, states)
    else:
        fingerprints = {}
        if found and not waiting:
            files = _source_files(found, states, place.dialect)
            new_scan = _scan(
                scan, place, files, periods, column, subject=subject, until=until, connect=connect
            )
            waiting = [file.name for file in found if not place.is_as_listed(file)]
            if not waiting:
                scan, fingerprints = new_scan, new_scan.fingerprints
                told.extend(scan.left_out)

    present = set(fingerprints if by_row else dated.by_partition)
    requested = {
        key: text for key, text in previous.requested.items() if key in present or _is_of(key, periods)
    }
    if not (by_row and waiting):
        told.extend(_gone(requested, present))
    seen = replace(previous, files=states, requested=requested, scan=scan)
    return Look(seen, fingerprints, tuple(waiting), tuple(told))


def _dated(
    place: Files, periods: Periods | None, *, by_row: bool, until: datetime
) -> tuple[list[FoundFile], DatedFiles, list[str]]:
    """The files that can be read, those whose content counts, and why others don't."""
    listing = place.listing(deep=periods is not None and not by_row)
    unknown = [file.name for file in listing if not format_of(file.name)]
    found = [file for file in listing if format_of(file.name)] if unknown else listing
    dated = date_files(found, None if by_row else periods, until)
    told = [] if found else [f"no file at {place.shown}"]
    if unknown:
        told.append(f"{listed(unknown)}: format not known by the name")
    if dated.undated:
        told.append(f"{listed(dated.undated)}: no date in the name")
    return found, dated, [*told, *dated.left_out]


def _states(found: Iterable[FoundFile], before: Mapping[str, FileState]) -> dict[str, FileState]:
    """What is known of each file: its digest only if it has not changed."""
    states = {}
    for name, _, size, mtime_ns in found:
        known = before.get(name)
        same = known is not None and known.size == size and known.mtime_ns == mtime_ns
        states[name] = known if known is not None and same else FileState(size, mtime_ns)
    return states


def _hash_still(
    place: Files,
    files: Iterable[FoundFile],
    states: dict[str, FileState],
    before: Mapping[str, FileState],
    told: list[str],
) -> list[str]:
    """Hash the files that are still and not known yet; the names of those that must wait."""
    waiting = []
    for file in files:
        state = states[file.name]
        if state.sha256:
            continue
        if before.get(file.name) == state:
            try:
                digest = place.digest(file)
            except FileNotFoundError:
                pass
            except OSError as error:
                told.append(f"{file.name} can't be read: {error.strerror}")
            else:
                if place.is_as_listed(file):
                    states[file.name] = state._replace(sha256=digest)
                    continue
        waiting.append(file.name)
    return waiting


def _of_names(
    by_partition: Mapping[str | None, Sequence[FoundFile]], states: Mapping[str, FileState]
) -> dict[str | None, str]:
    fingerprints = {}
    for partition, files in by_partition.items():
        digests = [digest for file in files if (digest := states[file.name].sha256)]
        if len(digests) == len(files):
            fingerprints[partition] = fingerprint(digests)
    return fingerprints


def _scan(
    before: RowScan | None,
    place: Files,
    files: Sequence[SourceFile],
    periods: Periods,
    column: str,
    *,
    subject: str,
    until: datetime,
    connect: Connect,
) -> RowScan:
    """Date the rows, unless the last scan had the same files and periods.

    A source that can't be scanned changes nothing; it is scanned again when one of its files is another.
    """
    newest = newest_period(periods, until)
    digests = sorted(file.sha256 for file in files)
    dialects = sorted({repr(file.dialect.reading()) for file in files} - {"{}"})
    stamp = text_digest(duckdb.__version__, repr(periods), newest, column, *digests, *dialects)
    if before and before.of == stamp:
        return before
    try:
        with connect() as connection:
            brought = [place.bring(file, subject=subject) for file in files]
            arrivals = row_arrivals(connection, brought, periods, column, subject=subject, until=until)
    except DataError as error:
        told = str(place.told(error))
        return RowScan(stamp, before.fingerprints if before else {}, (told,))
    found = {key: arrival.fingerprint for key, arrival in arrivals.by_partition.items()}
    return RowScan(stamp, found, arrivals.left_out)


def _gone(requested: Mapping[str | None, str], present: Collection[str | None]) -> list[str]:
    gone = sorted(key or "the table" for key in requested if key not in present)
    if not gone:
        return []
    return [f"{listed(gone)}: nothing in the source any more; what was ingested stays"]


def _source_files(
    found: Iterable[FoundFile], states: Mapping[str, FileState], dialect: Dialect
) -> list[SourceFile]:
    return [
        SourceFile(Path(file.path), file.name, kind, digest, dialect)
        for file in found
        if (kind := format_of(file.name)) and (digest := states[file.name].sha256)
    ]


def _is_of(partition: str | None, periods: Periods | None) -> bool:
    """Whether a partition is one of these periods: they may have been declared otherwise since."""
    if periods is None or partition is None:
        return periods is None and partition is None
    return partition in periods
