"""A database query as a source.

Rows are extracted into a scratch file with every column as text. The fingerprint is independent of the order
of rows, because only a query with `order by` guarantees one. Periods without rows are partitions, too, up to
the last period with rows: unlike a missing file, an empty result is information (except by batch).
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime
from pathlib import Path
from uuid import uuid4

import duckdb

from mlops_assets.core.digests import text_digest
from mlops_assets.core.errors import TABLE_UNCHANGED, DataError
from mlops_assets.core.periods import Periods
from mlops_assets.stores.databases.base import DAY, Database, DaySpan, QuerySnapshot
from mlops_assets.stores.delta.content_digest import RowHashes, row_hashes
from mlops_assets.stores.files.reader import read_files
from mlops_assets.stores.files.source_file import SourceFile
from mlops_assets.stores.sources.arrivals import Arrival, Arrivals
from mlops_assets.stores.sources.base import Fetched, Ingestion, translated_errors
from mlops_assets.stores.sources.partition_dates import late_rows, newest_period, now, period_sql

_NO_ROWS = RowHashes(0, 0)


class QuerySource:
    """The rows of a query.

    The methods are those of `Source`.

    Parameters
    ----------
    scratch
        A folder for extracts.
    file
        The file of the query, for messages; None if the query is written in `defs.yaml`.
    """

    def __init__(
        self, query: str, database: Database, ingestion: Ingestion, scratch: Path, *, file: str | None = None
    ) -> None:
        self.query, self.database, self.ingestion = query.strip().rstrip(";"), database, ingestion
        self._scratch = scratch
        self._place = file or f"{ingestion.path}.source.sql of defs.yaml"

    @property
    def display_name(self) -> str:
        return self.database.display_name

    def arrivals(
        self,
        connection: duckdb.DuckDBPyConnection,
        *,
        until: datetime | None = None,
        wanted: Collection[str] | None = None,
    ) -> Arrivals:
        """All partitions in one snapshot; only rows of wanted partitions are extracted."""
        with self._snapshot() as snapshot:
            periods = self.ingestion.periods
            if periods is None:
                digest = self._extracted(connection, snapshot)[1]
                return Arrivals({None: Arrival(None, digest, ())})
            column = self._arrival_column(snapshot)
            newest = newest_period(periods, until or now())
            counts, late = _rows_by_period(snapshot.days(column), periods, newest)
            if not counts:
                problem = f"no rows up to {newest}, the newest partition"
                if periods.by_batch:
                    return Arrivals({}, (problem, *late_rows(late, column, newest)))
                raise self._no_rows(problem)
            keys = sorted(counts) if periods.by_batch else periods.between(periods.first, max(counts))
            chosen = [key for key in keys if wanted is None or key in wanted]
            digests = self._digests(connection, snapshot, column, chosen) if chosen else {}
        by_partition: dict[str | None, Arrival] = {
            key: Arrival(key, digests.get(key, ""), ()) for key in keys
        }
        return Arrivals(by_partition, late_rows(late, column, newest))

    def fetch(self, connection: duckdb.DuckDBPyConnection, partition: str | None) -> Fetched:
        """The rows of one partition; only these rows are read from the database."""
        with self._snapshot() as snapshot:
            span = None
            if self.ingestion.periods and partition:
                column = self._arrival_column(snapshot)
                span = _day_span(column, self.ingestion.periods, partition, partition)
            path, digest, rows = self._extracted(connection, snapshot, span)
            if span and not rows:
                self._require_later_rows(snapshot, span, partition)
        file = SourceFile(path, f"sql:{self.ingestion.table}", "parquet", digest)
        relations = read_files(connection, [file], subject=f"{self.ingestion.subject}: the query")
        return Fetched(relations, digest, {"query": self.query})

    def rows(self, fetched: Fetched) -> AbstractContextManager[Iterator[duckdb.DuckDBPyRelation]]:
        return translated_errors(fetched, self._extract_error)

    def _extract_error(self, error: Exception) -> DataError:
        return DataError(
            f"{self.ingestion.subject}: the extract of {self.display_name} can't be read: {error}",
            hint=f"run again. {TABLE_UNCHANGED}",
        )

    @contextmanager
    def _snapshot(self) -> Iterator[QuerySnapshot]:
        """A snapshot of the database, whose errors quote values unless columns are sensitive."""
        subject, place = self.ingestion.subject, self._place
        try:
            with self.database.snapshot(self.query, subject=subject, place=place) as snapshot:
                yield snapshot
        except DataError as error:
            if self.ingestion.dialect.quotes_values:
                raise
            raise DataError(error.without_values, hint=error.hint) from None

    def _extracted(
        self, connection: duckdb.DuckDBPyConnection, snapshot: QuerySnapshot, span: DaySpan | None = None
    ) -> tuple[Path, str, int]:
        """The extract of the rows in a span of days, its digest and its number of rows."""
        _require_column_names(snapshot.columns, self.ingestion.subject, self._place)
        path = self._new_file()
        snapshot.extract(path, span)
        hashes = _hashes(connection.read_parquet(str(path))).get(None, _NO_ROWS)
        if not hashes.rows and span is None:
            raise self._no_rows("the query returns no rows")
        return path, _digest(snapshot.columns, hashes), hashes.rows

    def _digests(
        self,
        connection: duckdb.DuckDBPyConnection,
        snapshot: QuerySnapshot,
        column: str,
        keys: Sequence[str],
    ) -> Mapping[str, str]:
        """The digests of partitions, from one extract that spans all of them."""
        periods = self.ingestion.periods
        assert periods is not None
        _require_column_names(snapshot.columns, self.ingestion.subject, self._place)
        path = self._new_file()
        snapshot.extract(path, _day_span(column, periods, keys[0], keys[-1]), day_of=column)
        extract = connection.read_parquet(str(path))
        hashes = _hashes(extract, by=period_sql(extract, DAY, periods, keys[-1]))
        path.unlink()
        return {key: _digest(snapshot.columns, hashes.get(key, _NO_ROWS)) for key in keys}

    def _new_file(self) -> Path:
        return self._scratch / f"{uuid4().hex}.parquet"

    def _arrival_column(self, snapshot: QuerySnapshot) -> str:
        """The arrival column as the query spells it."""
        declared = self.ingestion.column or ""
        found = {name.lower(): name for name in snapshot.columns}.get(declared.lower())
        if found is None:
            raise DataError(
                f"{self.ingestion.subject}: the query returns no column {declared}, the declared arrival "
                f"time; it returns {', '.join(snapshot.columns)}",
                hint=f"set {self.ingestion.path}.arrival to one of them, or add the column to the "
                f"query in {self._place}",
            )
        return found

    def _require_later_rows(self, snapshot: QuerySnapshot, span: DaySpan, partition: str | None) -> None:
        """Check that a period without rows is followed by rows; otherwise its rows have not arrived yet."""
        known = sorted(day for day, _ in snapshot.days(span.column) if day)
        if known and known[-1] >= span.end.isoformat():
            return
        available = f"; available are {known[0]} to {known[-1]}" if known else ""
        raise DataError(
            f"{self.ingestion.subject}: no row for partition {partition} in {self.display_name}{available}",
            hint=f"add rows with a {span.column} in this period",
        )

    def _no_rows(self, problem: str) -> DataError:
        return DataError(
            f"{self.ingestion.subject}: {self.display_name}: {problem}",
            hint=f"check the query in {self._place}. {TABLE_UNCHANGED}",
        )


def _day_span(column: str, periods: Periods, first: str, last: str) -> DaySpan:
    """The days of a range of periods; the first period of all includes rows without a day."""
    start = None if first == periods.first else periods.start_of(first).date()
    return DaySpan(column, start, periods.end_of(last).date())


def _rows_by_period(
    days: Sequence[tuple[str | None, int]], periods: Periods, newest: str
) -> tuple[Counter[str], int]:
    """The number of rows of each period, and the number of rows after the newest one."""
    counts: Counter[str] = Counter()
    late = 0
    for day, rows in days:
        key = max(periods.key_of(date.fromisoformat(day)), periods.first) if day else periods.first
        if key > newest:
            late += rows
        else:
            counts[key] += rows
    return counts, late


def _hashes(extract: duckdb.DuckDBPyRelation, *, by: str = "null") -> dict[str | None, RowHashes]:
    return row_hashes(extract, sorted(name for name in extract.columns if name != DAY), by=by)


def _digest(columns: Sequence[str], hashes: RowHashes) -> str:
    return text_digest(duckdb.__version__, repr(sorted(columns)), str(hashes.rows), str(hashes.total))


def _require_column_names(columns: Sequence[str], subject: str, place: str) -> None:
    """Check that a query returns columns, each with a unique name."""
    counts = Counter(name.lower() for name in columns)
    problem = None
    if not columns or "" in counts:
        problem = "returns a column without a name" if columns else "returns no column"
    elif duplicates := [name for name, count in counts.items() if count > 1]:
        problem = f"returns the duplicate column {', '.join(duplicates)} (names are not case-sensitive)"
    if problem:
        raise DataError(f"{subject}: the query {problem}", hint=f"name the columns with `as` in {place}")
