"""A query of a database as a source.

Rows are extracted into a scratch file, every column as text. Their fingerprint is a digest of the rows
without order: which row comes first is promised only by a query that orders. Partitions without rows are
there, too, up to the last one with rows: that nothing happened in a month is known from a database.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb

from mlops_assets.core.digests import text_digest
from mlops_assets.core.errors import DataError
from mlops_assets.core.periods import Periods
from mlops_assets.core.sql_quoting import quoted_list
from mlops_assets.stores.databases.base import DAY, Cut, Database, Snapshot
from mlops_assets.stores.files.reader import read_files
from mlops_assets.stores.files.source_file import SourceFile
from mlops_assets.stores.sources.arrivals import Arrival, Arrivals
from mlops_assets.stores.sources.base import Fetched, Intake, faults_told
from mlops_assets.stores.sources.partition_dates import newest_period, now, period_sql


class QuerySource:
    """The rows that a query returns.

    Parameters
    ----------
    scratch
        A folder for extracts.
    file
        The file that the query is written in; else `defs.yaml` holds it.
    """

    def __init__(
        self, query: str, database: Database, intake: Intake, scratch: Path, *, file: str | None = None
    ) -> None:
        self.query, self.database, self.intake = query.strip().rstrip(";"), database, intake
        self._scratch = scratch
        self._place = file or f"tables.{intake.table}.source.sql of defs.yaml"

    @property
    def shown(self) -> str:
        return self.database.shown

    def arrivals(
        self,
        connection: duckdb.DuckDBPyConnection,
        *,
        until: datetime | None = None,
        wanted: Collection[str] | None = None,
    ) -> Arrivals:
        """What there is, all in one snapshot; rows of partitions that are not wanted are not read."""
        with self._snapshot() as snapshot:
            periods = self.intake.periods
            if periods is None:
                digest = self._extracted(connection, snapshot)[1]
                return Arrivals({None: Arrival(None, digest, ())})
            column = self._arrival_column(snapshot)
            newest = newest_period(periods, until or now())
            counts, late = _by_period(snapshot.days(column), periods, newest)
            if not counts:
                raise self._nothing(f"no rows up to {newest}, the newest partition")
            keys = periods.between(periods.first, max(counts))
            chosen = [key for key in keys if wanted is None or key in wanted]
            digests = self._digests_of(connection, snapshot, column, chosen) if chosen else {}
        told = f"{late} {'row' if late == 1 else 'rows'}: {column} lies after {newest}, the newest partition"
        by_partition: dict[str | None, Arrival] = {
            key: Arrival(key, digests.get(key, ""), ()) for key in keys
        }
        return Arrivals(by_partition, (told,) if late else ())

    def fetch(self, connection: duckdb.DuckDBPyConnection, partition: str | None) -> Fetched:
        """The rows of one partition and no others are read from the database."""
        with self._snapshot() as snapshot:
            cut = None
            if self.intake.periods and partition:
                column = self._arrival_column(snapshot)
                cut = _cut(column, self.intake.periods, partition, partition)
            path, digest, rows = self._extracted(connection, snapshot, cut)
            if cut and not rows:
                self._refuse_beyond(snapshot, cut, partition)
        file = SourceFile(path, f"sql:{self.intake.table}", "parquet", digest)
        relations = read_files(connection, [file], subject=f"{self.intake.subject}: the query")
        return Fetched(relations, digest, {"query": self.query})

    def rows(self, fetched: Fetched) -> AbstractContextManager[Iterator[duckdb.DuckDBPyRelation]]:
        return faults_told(fetched, self._broken)

    def _broken(self, error: Exception) -> DataError:
        return DataError(
            f"{self.intake.subject}: the extract of {self.shown} can't be read: {error}", hint="run again"
        )

    def _snapshot(self) -> Any:
        return self.database.snapshot(self.query, subject=self.intake.subject, place=self._place)

    def _extracted(
        self, connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, cut: Cut | None = None
    ) -> tuple[Path, str, int]:
        """The extract of a cut, its digest and its rows."""
        _refuse_columns(snapshot.columns, self.intake.subject, self._place)
        path = self._new_file()
        snapshot.extract(path, cut)
        count, total = _tallies(connection.read_parquet(str(path)), "null").get(None, (0, 0))
        if not count and cut is None:
            raise self._nothing("the query returns no rows")
        return path, _digest(snapshot.columns, count, total), count

    def _digests_of(
        self,
        connection: duckdb.DuckDBPyConnection,
        snapshot: Snapshot,
        column: str,
        keys: Sequence[str],
    ) -> Mapping[str, str]:
        """The digest of each of the partitions, of one extract that spans them."""
        periods = self.intake.periods
        assert periods is not None
        _refuse_columns(snapshot.columns, self.intake.subject, self._place)
        path = self._new_file()
        snapshot.extract(path, _cut(column, periods, keys[0], keys[-1]), day_of=column)
        extract = connection.read_parquet(str(path))
        tallies = _tallies(extract, period_sql(extract, DAY, periods, keys[-1]))
        path.unlink()
        return {key: _digest(snapshot.columns, *tallies.get(key, (0, 0))) for key in keys}

    def _new_file(self) -> Path:
        return self._scratch / f"{uuid4().hex}.parquet"

    def _arrival_column(self, snapshot: Snapshot) -> str:
        """The arrival column as the query spells it."""
        declared = self.intake.column or ""
        found = {name.lower(): name for name in snapshot.columns}.get(declared.lower())
        if found is None:
            raise DataError(
                f"{self.intake.subject}: the query returns no column {declared}, which dates the rows; it "
                f"returns {', '.join(snapshot.columns)}",
                hint=f"name one of them in tables.{self.intake.table}.arrival, or add it to the query in "
                f"{self._place}",
            )
        return found

    def _refuse_beyond(self, snapshot: Snapshot, cut: Cut, partition: str | None) -> None:
        """A partition without rows is sound where a later one has some; else its rows are yet to come."""
        known = sorted(day for day, _ in snapshot.days(cut.column) if day)
        if known and known[-1] >= cut.end.isoformat():
            return
        there = f"; there are rows of {known[0]} to {known[-1]}" if known else ""
        raise DataError(
            f"{self.intake.subject}: no row for partition {partition} in {self.shown}",
            hint=f"bring rows whose {cut.column} lies in it{there}",
        )

    def _nothing(self, what: str) -> DataError:
        return DataError(
            f"{self.intake.subject}: {self.shown}: {what}",
            hint=f"look at the query in {self._place}; the table keeps the content that it had",
        )


def _cut(column: str, periods: Periods, first: str, last: str) -> Cut:
    """The days from one period to another; the first period of all also takes what has no day."""
    start = None if first == periods.first else periods.start_of(first).date()
    return Cut(column, start, periods.end_of(last).date())


def _by_period(
    days: Sequence[tuple[str | None, int]], periods: Periods, newest: str
) -> tuple[Counter[str], int]:
    """How many rows each period has, and how many lie after the newest."""
    counts: Counter[str] = Counter()
    late = 0
    for day, rows in days:
        key = max(periods.key_of(date.fromisoformat(day)), periods.first) if day else periods.first
        if key > newest:
            late += rows
        else:
            counts[key] += rows
    return counts, late


def _tallies(rows: duckdb.DuckDBPyRelation, key: str) -> dict[str | None, tuple[int, int]]:
    """For each key, how many rows there are, and the sum of their hashes: equal rows add up."""
    names = quoted_list(sorted(name for name in rows.columns if name != DAY))
    found = rows.aggregate(f"{key} as k, count(*) as n, sum(hash({names})::hugeint) as total").fetchall()
    return {partition: (count, total or 0) for partition, count, total in found}


def _digest(columns: Sequence[str], rows: int, total: int) -> str:
    return text_digest(duckdb.__version__, repr(sorted(columns)), str(rows), str(total))


def _refuse_columns(columns: Sequence[str], subject: str, place: str) -> None:
    counts = Counter(name.lower() for name in columns)
    fault = None
    if not columns or "" in counts:
        fault = "returns a column without a name" if columns else "returns no column"
    elif twice := [name for name, count in counts.items() if count > 1]:
        fault = f"returns {', '.join(twice)} more than once (case does not matter)"
    if fault:
        raise DataError(f"{subject}: the query {fault}", hint=f"name its columns with `as` in {place}")
