"""Arrivals: what there is of each partition in a source.

A source without periods arrives as a whole: its one partition is None. With periods, a partition is the files
whose names have a date in the period, or, with a time column, the rows whose time lies in it.
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
from mlops_assets.core.sql_quoting import literal, quoted_list
from mlops_assets.stores.files.locations import Files, as_files
from mlops_assets.stores.files.read_errors import read_fault
from mlops_assets.stores.files.reader import read_files, scan_file
from mlops_assets.stores.files.source_file import SourceFile
from mlops_assets.stores.sources.partition_dates import (
    date_files,
    listed,
    newest_period,
    now,
    period_of,
    period_sql,
)


@dataclass(frozen=True)
class Arrival:
    """What there is of one partition.

    Attributes
    ----------
    partition
        Its key; None is the whole of a source without partitions.
    fingerprint
        Of its content: of whole files whatever their names, of rows whatever their order and file.
    files
        That hold it; with a time column they hold others too.
    """

    partition: str | None
    fingerprint: str
    files: tuple[SourceFile, ...]


@dataclass(frozen=True)
class Arrivals:
    """What there is in a source.

    Attributes
    ----------
    left_out
        A sentence for each reason why files or rows belong to no partition.
    """

    by_partition: dict[str | None, Arrival]
    left_out: tuple[str, ...] = ()


def fingerprint(digests: Iterable[str]) -> str:
    """One digest for the content of all files, whatever their names."""
    return text_digest(*sorted(digests))


def find_arrivals(
    connection: duckdb.DuckDBPyConnection,
    source: Path | Files,
    periods: Periods | None,
    column: str | None,
    *,
    subject: str,
    until: datetime | None = None,
) -> Arrivals:
    """All that there is now; every file is hashed, and with a time column read once.

    Parameters
    ----------
    source
        A file, a glob or a folder; a path is on this machine. Of files that are dated by name, a folder
        holds its subfolders' too.
    periods, column
        None for a table without partitions; with a column, rows are dated by it, else files by their names.
        Rows without a time that can be read, or from before the first period, are the first partition's:
        the contract judges them there.
    subject
        What is read, for error messages: `customer_churn: table transactions`.
    until
        The moment up to which periods have begun; now.

    Raises
    ------
    DataError
        When there is no file, one can't be read, one has no date in its name, or no file has the column.
    """
    place = as_files(source)
    if periods is None:
        return Arrivals({None: _of_files(None, _all_files(place, subject))})
    if column is not None:
        files = [place.bring(file, subject=subject) for file in _all_files(place, subject)]
        return row_arrivals(connection, files, periods, column, subject=subject, until=until or now())
    dated = date_files(place.some(deep=True, subject=subject), periods, until or now())
    if dated.undated:
        raise DataError(
            f"{subject}: {listed(dated.undated)} at {place.shown}: no {_date_of(periods)} in the name",
            hint=f"rename to such as {_example(periods)}, or name the column of the rows' time in `column`",
        )
    arrivals = {
        partition: _of_files(partition, place.open(files, subject=subject))
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
) -> Arrival:
    """One partition's; files of others are not opened, unless rows are dated by a column.

    Raises
    ------
    DataError
        When there is none, or a file of it can't be read.
    """
    place = as_files(source)
    if periods is None:
        return _of_files(None, _all_files(place, subject))
    there: Iterable[str | None]
    if column is None:
        found = place.some(deep=True, subject=subject)
        dates = [period_of(file.name, periods) for file in found]
        mine = [file for file, date in zip(found, dates, strict=True) if date == partition]
        if mine:
            return _of_files(partition, place.open(mine, subject=subject))
        what, there = "file", dates
        way_out = f"put one there that is named such as {_example(periods, partition)}"
    else:
        files = [place.bring(file, subject=subject) for file in _all_files(place, subject)]
        arrivals = row_arrivals(connection, files, periods, column, subject=subject).by_partition
        if partition in arrivals:
            return arrivals[partition]
        what, there = "row", arrivals
        way_out = f"bring rows whose {column} lies in it"
    keys = sorted(key for key in set(there) if key)
    known = f"; there are {what}s for {keys[0]} to {keys[-1]}" if keys else ""
    raise DataError(f"{subject}: no {what} for partition {partition} at {place.shown}", hint=way_out + known)


def partition_relations(
    connection: duckdb.DuckDBPyConnection,
    arrival: Arrival,
    periods: Periods | None,
    column: str | None,
    *,
    subject: str,
) -> list[duckdb.DuckDBPyRelation]:
    """The rows of one partition as they came, one relation a file of this machine; see `read_files`.

    `_row` counts the rows of the file, not of the partition.
    """
    relations = read_files(connection, arrival.files, subject=subject)
    if periods is None or column is None or arrival.partition is None:
        return relations
    return [
        relation.filter(f"{period_sql(relation, column, periods, None)} = {literal(arrival.partition)}")
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
) -> Arrivals:
    """Date the rows of hashed files by their time column, in one scan of each.

    Rows add up by the columns of the file that they stand in: a file with one column more changes the
    fingerprints of its own partitions only. See `relation_digest` for how rows are digested.

    Raises
    ------
    DataError
        When a file can't be read, or none has the column.
    """
    newest = periods.last if until is None else newest_period(periods, until)
    sums: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    holders: dict[str, list[SourceFile]] = defaultdict(list)
    known, late = False, 0
    for file in files:
        relation = scan_file(connection, file, subject=subject)
        kinds = dict(zip(relation.columns, map(str, relation.types), strict=True))
        known |= column.lower() in map(str.lower, kinds)
        key = period_sql(relation, column, periods, newest)
        total = f"sum(hash({quoted_list(sorted(kinds))})::hugeint)"
        try:
            found = relation.aggregate(f"{key} as k, count(*) as n, {total} as total").fetchall()
        except duckdb.Error as error:
            raise read_fault(file, subject, error) from error
        for partition, count, hashes in found:
            if partition is None:
                late += count
                continue
            tally = sums[partition][repr(sorted(kinds.items()))]
            tally[0] += count
            tally[1] += hashes
            holders[partition].append(file)
    if not known:
        raise DataError(
            f"{subject}: no column {column} in {listed([file.name for file in files])}",
            hint="name the column of the rows' time in `column`, as the files spell it",
        )
    arrivals: dict[str | None, Arrival] = {
        key: Arrival(key, _rows_digest(sums[key]), tuple(holders[key])) for key in sorted(sums)
    }
    told = f"{late} {'row' if late == 1 else 'rows'}: {column} lies after {newest}, the newest partition"
    return Arrivals(arrivals, (told,) if late else ())


def _all_files(place: Files, subject: str) -> list[SourceFile]:
    return place.open(place.some(subject=subject), subject=subject)


def _of_files(partition: str | None, files: list[SourceFile]) -> Arrival:
    return Arrival(partition, fingerprint(file.sha256 for file in files), tuple(files))


def _rows_digest(tallies: dict[str, list[int]]) -> str:
    parts = [f"{columns} {rows} {total}" for columns, (rows, total) in sorted(tallies.items())]
    return text_digest(duckdb.__version__, *parts)


def _date_of(periods: Periods) -> str:
    return "month" if periods.cadence == "monthly" else "day"


def _example(periods: Periods, partition: str | None = None) -> str:
    return f"orders_{partition or periods.first}.csv"
