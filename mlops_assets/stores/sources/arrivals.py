"""The partitions that are available in a source of files, with the fingerprints of their content.

A source without periods has one partition, None. With periods, a partition is the files with a date of the
period in their names or, with a time column, the rows with a time in the period.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from mlops_assets.core.digests import text_digest
from mlops_assets.core.errors import DataError
from mlops_assets.core.periods import Periods
from mlops_assets.core.sql_quoting import literal
from mlops_assets.ml.contracts.time_sql import ISO_IN_UTC, TimeText
from mlops_assets.stores.delta.content_digest import row_hashes
from mlops_assets.stores.files.locations import Files, as_files
from mlops_assets.stores.files.reader import read_files, scan_file
from mlops_assets.stores.files.readers.read_errors import read_error
from mlops_assets.stores.files.source_file import SourceFile
from mlops_assets.stores.sources.partition_dates import (
    date_files,
    enumerated,
    late_rows,
    newest_period,
    now,
    period_of,
    period_sql,
)


@dataclass(frozen=True)
class Arrival:
    """The available content of one partition.

    Attributes
    ----------
    partition
        The partition key; None for a source without partitions.
    fingerprint
        Digest of the content. It depends neither on the names of files nor on the order of rows.
    files
        The files that contain the partition; with a time column they may contain other partitions, too.
    """

    partition: str | None
    fingerprint: str
    files: tuple[SourceFile, ...]


@dataclass(frozen=True)
class Arrivals:
    """The available content of a source.

    Attributes
    ----------
    left_out
        A message for each reason why files or rows belong to no partition, or a partition has no file.
    """

    by_partition: dict[str | None, Arrival]
    left_out: tuple[str, ...] = ()


def fingerprint(digests: Iterable[str]) -> str:
    """Digest of the content of several files, independent of their names and order."""
    return text_digest(*sorted(digests))


def find_arrivals(
    connection: duckdb.DuckDBPyConnection,
    source: Path | Files,
    periods: Periods | None,
    column: str | None,
    *,
    subject: str,
    until: datetime | None = None,
    time_text: TimeText = ISO_IN_UTC,
) -> Arrivals:
    """All available partitions. Every file is hashed, and with a time column read once.

    Parameters
    ----------
    source
        A file, a glob or a folder; a path is local. If partitions are assigned by file names, the subfolders
        of a folder are included.
    periods
        The partitions; None for a table without partitions.
    column
        The column whose time assigns a row to a partition; None to assign files by the dates in their names.
        Rows without a valid time, and rows before the first period, belong to the first partition, where the
        contract validates them. A period without rows between others is an empty partition, except by batch.
    subject
        Project and table for error messages, such as `customer_churn: table transactions`.
    until
        Only periods that begin before this time; by default now.
    time_text
        How times in `column` are written.

    Raises
    ------
    DataError
        If there is no file, a file can't be read or has no date in its name, or no file has the column.
    """
    place = as_files(source)
    if periods is None:
        return Arrivals({None: _of_files(None, _all_files(place, subject))})
    if column is not None:
        files = [place.local_copy(file, subject=subject) for file in _all_files(place, subject)]
        until = until or now()
        return row_arrivals(
            connection, files, periods, column, subject=subject, until=until, time_text=time_text
        )
    dated = date_files(place.require_files(deep=True, subject=subject), periods, until or now())
    if dated.undated:
        raise DataError(
            f"{subject}: {enumerated(dated.undated)} at {place.display_name}: no {_date_of(periods)} in the "
            "name",
            hint=f"rename the files, for example to {_example(periods)}, or set {_setting(periods)} to "
            "the column with the time of a row",
        )
    arrivals = {
        partition: _of_files(partition, place.hash_files(files, subject=subject))
        for partition, files in dated.by_partition.items()
    }
    return Arrivals(arrivals, dated.left_out)


def arrival_of(
    connection: duckdb.DuckDBPyConnection,
    source: Path | Files,
    periods: Periods | None,
    column: str | None,
    partition: str | None,
    *,
    subject: str,
    time_text: TimeText = ISO_IN_UTC,
) -> Arrival:
    """The available content of one partition; without a time column, no other files are opened.

    Raises
    ------
    DataError
        If there is no data for the partition, or one of its files can't be read.
    """
    place = as_files(source)
    if periods is None:
        return _of_files(None, _all_files(place, subject))
    available: Iterable[str | None]
    if column is None:
        found = place.require_files(deep=True, subject=subject)
        dates = [period_of(file.name, periods) for file in found]
        mine = [file for file, date in zip(found, dates, strict=True) if date == partition]
        if mine:
            return _of_files(partition, place.hash_files(mine, subject=subject))
        what, available = "file", dates
        hint = f"put a file there, for example {_example(periods, partition)}"
    else:
        files = [place.local_copy(file, subject=subject) for file in _all_files(place, subject)]
        arrivals = row_arrivals(
            connection, files, periods, column, subject=subject, time_text=time_text
        ).by_partition
        if partition in arrivals:
            return arrivals[partition]
        what, available = "row", arrivals
        hint = f"add rows with a {column} in this period"
    keys = sorted(key for key in set(available) if key)
    known = f"; available are {keys[0]} to {keys[-1]}" if keys else ""
    raise DataError(
        f"{subject}: no {what} for partition {partition} at {place.display_name}{known}", hint=hint
    )


def partition_relations(
    connection: duckdb.DuckDBPyConnection,
    arrival: Arrival,
    periods: Periods | None,
    column: str | None,
    *,
    subject: str,
    time_text: TimeText = ISO_IN_UTC,
) -> list[duckdb.DuckDBPyRelation]:
    """The unmodified rows of one partition, one relation per local file; see `read_files`.

    `_row` is the row number in the file, not in the partition.
    """
    relations = read_files(connection, arrival.files, subject=subject)
    if periods is None or column is None or arrival.partition is None:
        return relations
    return [
        relation.filter(
            f"{period_sql(relation, column, periods, None, time_text)} = {literal(arrival.partition)}"
        )
        for relation in relations
    ]


def row_arrivals(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[SourceFile],
    periods: Periods,
    column: str,
    *,
    subject: str,
    until: datetime | None = None,
    time_text: TimeText = ISO_IN_UTC,
) -> Arrivals:
    """Assign the rows of hashed files to partitions by their time column, in one scan of each file.

    Row hashes are summed separately for files with different columns: a file with an additional column
    changes only the fingerprints of its own partitions.

    Raises
    ------
    DataError
        If a file can't be read, or no file has the column.
    """
    newest = periods.last if until is None else newest_period(periods, until)
    sums: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    files_of: dict[str, list[SourceFile]] = defaultdict(list)
    known, late, latest = False, 0, list[SourceFile]()
    for file in files:
        relation = scan_file(connection, file, subject=subject)
        kinds = dict(zip(relation.columns, map(str, relation.types), strict=True))
        known |= column.lower() in map(str.lower, kinds)
        key = period_sql(relation, column, periods, newest, time_text)
        try:
            found = row_hashes(relation, sorted(kinds), by=key)
        except duckdb.Error as error:
            raise read_error(file, subject, error) from error
        for partition, (count, total) in found.items():
            if partition is None:
                late += count
                continue
            tally = sums[partition][repr(sorted(kinds.items()))]
            tally[0] += count
            tally[1] += total
            files_of[partition].append(file)
    if not known:
        raise DataError(
            f"{subject}: no column {column} in {enumerated([file.name for file in files])}",
            hint=f"set {_setting(periods)} to the name of a column in the files",
        )
    arrivals: dict[str | None, Arrival] = {}
    keys = sorted(sums) if periods.by_batch or not sums else periods.between(min(sums), max(sums))
    for key in keys:
        # A period without rows before later ones is information, unlike a missing file: it has the columns of
        # the files of the period before it.
        latest = files_of.get(key) or latest
        arrivals[key] = Arrival(key, _rows_digest(sums.get(key, {})), tuple(latest))
    return Arrivals(arrivals, late_rows(late, column, newest))


def _all_files(place: Files, subject: str) -> list[SourceFile]:
    return place.hash_files(place.require_files(subject=subject), subject=subject)


def _of_files(partition: str | None, files: list[SourceFile]) -> Arrival:
    return Arrival(partition, fingerprint(file.sha256 for file in files), tuple(files))


def _rows_digest(tallies: dict[str, list[int]]) -> str:
    parts = [f"{columns} {rows} {total}" for columns, (rows, total) in sorted(tallies.items())]
    return text_digest(duckdb.__version__, *parts)


def _date_of(periods: Periods) -> str:
    return "month" if periods.cadence == "monthly" else "day"


def _setting(periods: Periods) -> str:
    return "scoring.arrival" if periods.by_batch else "tables.<table>.arrival"


def _example(periods: Periods, partition: str | None = None) -> str:
    return f"orders_{partition or periods.first}.csv"
