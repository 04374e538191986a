"""Change detection for sources of files: the difference between a source and the last snapshot of it.

A file counts once two polls in a row observed the same size and time, so half-written files are pending. It
is opened only then, and once: a poll opens no known file. A source with a time column is scanned when none
of its files is pending, and one of the files or the newest period has changed.
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
from mlops_assets.ml.contracts.time_sql import ISO_IN_UTC, TimeText
from mlops_assets.stores.files.csv_dialect import Dialect
from mlops_assets.stores.files.locations import Files, as_files
from mlops_assets.stores.files.readers.read_errors import unreadable
from mlops_assets.stores.files.source_file import FoundFile, SourceFile, format_of
from mlops_assets.stores.sources.arrivals import fingerprint, row_arrivals
from mlops_assets.stores.sources.partition_dates import (
    DatedFiles,
    date_files,
    enumerated,
    newest_period,
    now,
)
from mlops_assets.stores.sources.watch_snapshot import FileState, RowScan, WatchSnapshot

Connect = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]


@dataclass(frozen=True)
class PollResult:
    """The result of one poll.

    Attributes
    ----------
    observed
        The observed state, with the requests of earlier polls.
    fingerprints
        The fingerprint of each complete partition: one without pending files.
    pending
        The names of files that may still be written to.
    left_out
        A message for each reason why a part of the source, or of the last snapshot, is not requested.
    """

    observed: WatchSnapshot
    fingerprints: dict[str | None, str]
    pending: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def changed(self) -> dict[str | None, str]:
        """The complete partitions whose fingerprint differs from the last request, in order."""
        requested = self.observed.requested
        return {key: text for key, text in self.fingerprints.items() if requested.get(key) != text}

    @property
    def snapshot(self) -> WatchSnapshot:
        """The snapshot after a request for all changed partitions."""
        return self.observed.with_requests(self.changed)

    def requesting(self, partitions: Iterable[str | None]) -> WatchSnapshot:
        """The snapshot after a request for these partitions; the next poll finds the others again."""
        return self.observed.with_requests({key: self.changed[key] for key in partitions})

    def run_key(self, partition: str | None) -> str:
        """The run key of the request for a changed partition.

        It is the same if the poll is repeated because its cursor was lost, and a new one if a content returns
        that was requested before.
        """
        return f"{partition or 'all'}:{self.changed[partition][:16]}:{self.observed.turn}"


def poll_source(
    previous: WatchSnapshot,
    source: Path | Files,
    periods: Periods | None,
    column: str | None,
    *,
    subject: str,
    until: datetime | None = None,
    connect: Connect = duckdb.connect,
    time_text: TimeText = ISO_IN_UTC,
) -> PollResult:
    """Compare a source with the last snapshot of it.

    A source without files is not an error. The other parameters are those of `find_arrivals`.

    Parameters
    ----------
    connect
        Opens the DuckDB connection that scans rows.

    Raises
    ------
    DataError
        If a folder can't be read.
    """
    until, place = until or now(), as_files(source)
    by_row = periods is not None and column is not None
    try:
        found, dated, left_out = _dated(place, periods, by_row=by_row, until=until)
    except OSError as error:
        raise unreadable(place.display_name, subject, error) from error
    states = _states(found, previous.files)
    dated_files = chain(*dated.by_partition.values())
    pending = _hash_stable(place, dated_files, states, previous.files, left_out)
    scan = previous.scan
    if periods is None or column is None:
        fingerprints = _file_fingerprints(dated.by_partition, states)
    else:
        fingerprints = {}
        if found and not pending:
            files = _source_files(found, states, place.dialect)
            new_scan = _scan(
                scan,
                place,
                files,
                periods,
                column,
                subject=subject,
                until=until,
                connect=connect,
                time_text=time_text,
            )
            pending = [file.name for file in found if not place.is_unchanged(file)]
            if not pending:
                scan, fingerprints = new_scan, new_scan.fingerprints
                left_out.extend(scan.left_out)

    present = set(fingerprints if by_row else dated.by_partition)
    requested = {
        key: text for key, text in previous.requested.items() if key in present or _is_of(key, periods)
    }
    if not (by_row and pending):
        left_out.extend(_removed(requested, present))
    observed = replace(previous, files=states, requested=requested, scan=scan)
    return PollResult(observed, fingerprints, tuple(pending), tuple(left_out))


def _dated(
    place: Files, periods: Periods | None, *, by_row: bool, until: datetime
) -> tuple[list[FoundFile], DatedFiles, list[str]]:
    """The readable files, the same by partition, and messages about the others."""
    listing = place.list_files(deep=periods is not None and not by_row)
    unknown = [file.name for file in listing if not format_of(file.name)]
    found = [file for file in listing if format_of(file.name)] if unknown else listing
    dated = date_files(found, None if by_row else periods, until)
    left_out = [] if found else [f"no file at {place.display_name}"]
    if unknown:
        left_out.append(f"{enumerated(unknown)}: unknown format")
    if dated.undated:
        left_out.append(f"{enumerated(dated.undated)}: no date in the name")
    return found, dated, [*left_out, *dated.left_out]


def _states(found: Iterable[FoundFile], before: Mapping[str, FileState]) -> dict[str, FileState]:
    """The state of each file; the known digest is kept if size and time are the same."""
    states = {}
    for name, _, size, mtime_ns in found:
        known = before.get(name)
        same = known is not None and known.size == size and known.mtime_ns == mtime_ns
        states[name] = known if known is not None and same else FileState(size, mtime_ns)
    return states


def _hash_stable(
    place: Files,
    files: Iterable[FoundFile],
    states: dict[str, FileState],
    before: Mapping[str, FileState],
    left_out: list[str],
) -> list[str]:
    """Hash the files that are stable and not hashed yet; return the names of the pending ones."""
    pending = []
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
                left_out.append(f"{file.name} can't be read: {error.strerror}")
            else:
                if place.is_unchanged(file):
                    states[file.name] = state._replace(sha256=digest)
                    continue
        pending.append(file.name)
    return pending


def _file_fingerprints(
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
    time_text: TimeText,
) -> RowScan:
    """Assign the rows to partitions, unless the last scan had the same files and periods.

    If the source can't be scanned, the fingerprints of the last scan remain; it is scanned again when one of
    its files changes.
    """
    newest = newest_period(periods, until)
    digests = sorted(file.sha256 for file in files)
    dialects = sorted({repr(file.dialect.parsing_options()) for file in files} - {"{}"})
    written = [*dialects, *time_text.declared]
    input_digest = text_digest(duckdb.__version__, repr(periods), newest, column, *digests, *written)
    if before and before.input_digest == input_digest:
        return before
    try:
        with connect() as connection:
            local = [place.local_copy(file, subject=subject) for file in files]
            arrivals = row_arrivals(
                connection, local, periods, column, subject=subject, until=until, time_text=time_text
            )
    except DataError as error:
        message = str(place.with_source_path(error))
        return RowScan(input_digest, before.fingerprints if before else {}, (message,))
    found = {key: arrival.fingerprint for key, arrival in arrivals.by_partition.items()}
    return RowScan(input_digest, found, arrivals.left_out)


def _removed(requested: Mapping[str | None, str], present: Collection[str | None]) -> list[str]:
    removed = sorted(key or "the table" for key in requested if key not in present)
    if not removed:
        return []
    return [f"{enumerated(removed)}: no longer in the source; the ingested rows are kept"]


def _source_files(
    found: Iterable[FoundFile], states: Mapping[str, FileState], dialect: Dialect
) -> list[SourceFile]:
    return [
        SourceFile(Path(file.path), file.name, kind, digest, dialect)
        for file in found
        if (kind := format_of(file.name)) and (digest := states[file.name].sha256)
    ]


def _is_of(partition: str | None, periods: Periods | None) -> bool:
    """Whether a partition is one of the declared periods: the declaration may have changed since."""
    if periods is None or partition is None:
        return periods is None and partition is None
    return partition in periods
