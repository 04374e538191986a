"""Figures over time from the tables that monitoring writes: data quality, drift, performance, retraining."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from mlops_assets.core import names
from mlops_assets.core.errors import StoreError
from mlops_assets.core.redaction.redact import redact
from mlops_assets.core.sql_quoting import UTC_SESSION
from mlops_assets.core.status.project import DriftPoint, PerformancePoint, QualityPoint, RetrainingStatus
from mlops_assets.stores.delta.current_files import TableFiles, current_files, require_intact
from mlops_assets.stores.delta.data_files import DataFile, project_of_file, scan
from mlops_assets.stores.governance.ledger.entries import Entry
from mlops_assets.stores.governance.ledger.reader import read_ledger, read_ledgers

_Read = TypeVar("_Read")
_Rows = list[tuple[Any, ...]]
_ERRORS = (StoreError, duckdb.Error, OSError, ValueError)
_QUALITY = """
select project, partition, count(*), count(*) filter (not in_line),
    coalesce(arg_min(concat_ws(' ', table_name, measure, column_name), measure) filter (not in_line), '')
from ({rows}) group by project, partition order by project, partition
"""
_DRIFT = """
select project, partition, reference, count(distinct column_name) filter (kind = 'feature'),
    count(distinct column_name) filter (kind = 'feature' and drifted),
    max(weighted_effect::double) filter (kind = 'feature'),
    arg_max(column_name, weighted_effect) filter (kind = 'feature'),
    coalesce(list(distinct kind order by kind) filter (kind <> 'feature' and drifted), []),
    max(model_version)
from ({rows}) group by project, partition, reference order by project, partition, reference
"""
_PERFORMANCE = """
select project, partition, kind, metric, value::double, low::double, high::double, at_registration::double,
    at_registration_low::double, at_registration_high::double, holds, model_version
from ({rows}) where slice_column is null order by project, partition, kind, metric
"""
_RETRAINING = """
select project, decision, reason, epoch_us(decided_at), cutoff from ({rows})
qualify row_number() over (partition by project order by decided_at desc) = 1
"""
_QUERIES = {
    names.DATA_QUALITY: _QUALITY,
    names.DRIFT_REPORT: _DRIFT,
    names.PERFORMANCE_REPORT: _PERFORMANCE,
    names.RETRAINING: _RETRAINING,
}
"""The query of each table, over the rows of one or several projects."""


@dataclass
class Reports:
    """Reads the tables of projects; what can't be read becomes an error in `errors`.

    Nothing is written: neither a spill folder nor a lock.

    Parameters
    ----------
    warehouse
        The folder of all tables.
    newest
        The number of partitions to read, from the newest on; None for all.
    """

    warehouse: Path
    newest: int | None
    connection: duckdb.DuckDBPyConnection
    errors: list[str] = field(default_factory=list)
    _rows: dict[str, dict[str, _Rows]] = field(default_factory=dict)
    _ledgers: dict[str, list[Entry]] = field(default_factory=dict)
    _ahead: frozenset[str] = frozenset()

    def read_ahead(self, projects: Collection[str]) -> None:
        """Read the tables of projects together, in a query for each kind of table instead of each table.

        If one of them can't be read, all of the kind are read one by one, so that the error has its project.
        """
        with suppress(*_ERRORS):
            self._ledgers = read_ledgers(self.connection, self.warehouse, projects)
            self._ahead = frozenset(projects)
        for table in _QUERIES:
            with suppress(*_ERRORS):
                self._rows[table] = self._query(table, projects)

    def ledger(self, project: str) -> list[Entry]:
        """The entries of a project's ledger."""
        if project in self._ahead:
            return self._ledgers.get(project, [])
        return self.read(f"the ledger of {project}", lambda: read_ledger(self.warehouse, project), [])

    def quality(self, project: str) -> tuple[QualityPoint, ...]:
        """Data quality by partition."""
        return tuple(QualityPoint(*row) for row in self._table(project, names.DATA_QUALITY))

    def drift(self, project: str) -> tuple[DriftPoint, ...]:
        """Drift by partition and reference."""
        rows = self._table(project, names.DRIFT_REPORT)
        return tuple(replace(DriftPoint(*row), drifted_kinds=tuple(row[6])) for row in rows)

    def performance(self, project: str) -> tuple[PerformancePoint, ...]:
        """Metrics of all rows by partition."""
        return tuple(PerformancePoint(*row) for row in self._table(project, names.PERFORMANCE_REPORT))

    def retraining(self, project: str) -> RetrainingStatus | None:
        """The latest decision."""
        for decision, reason, decided_at, cutoff in self._table(project, names.RETRAINING):
            at = None if decided_at is None else datetime.fromtimestamp(decided_at / 1e6, UTC)
            return RetrainingStatus(decision, reason, at, cutoff)
        return None

    def read(self, subject: str, read: Callable[[], _Read], default: _Read) -> _Read:
        """Return what a function reads; the default, and an error of the subject, if it can't be read."""
        try:
            return read()
        except _ERRORS as error:
            message = error.message if isinstance(error, StoreError) else f"{subject}: {error}"
            self.errors.append(" ".join(redact(message).split()))
            return default

    def _table(self, project: str, table: str) -> _Rows:
        """The result of the query of a table for a project."""
        if table in self._rows:
            return self._rows[table].get(project, [])
        subject = f"table {names.view_name(names.project_asset(project, table))}"
        return self.read(subject, lambda: self._query(table, [project]).get(project, []), [])

    def _query(self, table: str, projects: Collection[str]) -> dict[str, _Rows]:
        """The result of the query of a table by project: one query for those with partitions, one without."""
        files: dict[bool, list[DataFile]] = {True: [], False: []}
        for project in projects:
            key = names.project_asset(project, table)
            if (current := current_files(self.warehouse, key)) is None:
                continue
            chosen = self._newest(current)
            require_intact(self.warehouse, key, chosen)
            files[current.partitioned] += chosen.files
        found: dict[str, _Rows] = {}
        for partitioned, some in files.items():
            if not some:
                continue
            columns = f"{project_of_file(self.warehouse)} as project, "
            columns += f"{names.PARTITION if partitioned else 'null::varchar'} as partition"
            rows = f"select *, {columns} {scan(some, partitioned=partitioned, with_names=True)}"
            for project, *row in self.connection.execute(_QUERIES[table].format(rows=rows)).fetchall():
                found.setdefault(project, []).append(tuple(row))
        return found

    def _newest(self, current: TableFiles) -> TableFiles:
        """The files of the newest partitions."""
        if not current.partitioned or not self.newest:
            return current
        newest = sorted({str(file.partition) for file in current.files})[-self.newest :]
        return replace(current, files=tuple(file for file in current.files if file.partition in newest))


@contextmanager
def open_reports(warehouse: Path, newest: int | None = None) -> Iterator[Reports]:
    """Open the tables below a folder; see `Reports`."""
    config: dict[str, str | bool | int | float | list[str]] = {"autoinstall_known_extensions": "false"}
    with duckdb.connect(config=config) as connection:
        connection.execute(UTC_SESSION)
        yield Reports(warehouse, newest, connection)
