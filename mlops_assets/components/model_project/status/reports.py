"""Figures over time from the tables that monitoring writes: data quality, drift, performance, retraining."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from mlops_assets.stores.delta.data_files import DataFile, data_files, is_partitioned, scan
from mlops_assets.stores.delta.log import is_table, open_table, require_data_files

_Read = TypeVar("_Read")
_QUALITY = """
select partition, count(*), count(*) filter (not in_line),
    coalesce(arg_min(concat_ws(' ', table_name, measure, column_name), measure) filter (not in_line), '')
from ({rows}) group by partition order by partition
"""
_DRIFT = """
select partition, reference, count(distinct column_name) filter (kind = 'feature'),
    count(distinct column_name) filter (kind = 'feature' and drifted),
    max(weighted_effect::double) filter (kind = 'feature'),
    arg_max(column_name, weighted_effect) filter (kind = 'feature'),
    coalesce(list(distinct kind order by kind) filter (kind <> 'feature' and drifted), []),
    max(model_version)
from ({rows}) group by partition, reference order by partition, reference
"""
_PERFORMANCE = """
select partition, kind, metric, value::double, low::double, high::double, at_registration::double,
    at_registration_low::double, at_registration_high::double, holds, model_version
from ({rows}) where slice_column is null order by partition, kind, metric
"""
_RETRAINING = """
select decision, reason, epoch_us(decided_at), cutoff from ({rows}) order by decided_at desc limit 1
"""


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

    def quality(self, project: str) -> tuple[QualityPoint, ...]:
        """Data quality by partition."""
        return tuple(QualityPoint(*row) for row in self._rows(project, names.DATA_QUALITY, _QUALITY))

    def drift(self, project: str) -> tuple[DriftPoint, ...]:
        """Drift by partition and reference."""
        rows = self._rows(project, names.DRIFT_REPORT, _DRIFT)
        return tuple(replace(DriftPoint(*row), drifted_kinds=tuple(row[6])) for row in rows)

    def performance(self, project: str) -> tuple[PerformancePoint, ...]:
        """Metrics of all rows by partition."""
        return tuple(
            PerformancePoint(*row) for row in self._rows(project, names.PERFORMANCE_REPORT, _PERFORMANCE)
        )

    def retraining(self, project: str) -> RetrainingStatus | None:
        """The latest decision."""
        for decision, reason, decided_at, cutoff in self._rows(project, names.RETRAINING, _RETRAINING):
            at = None if decided_at is None else datetime.fromtimestamp(decided_at / 1e6, UTC)
            return RetrainingStatus(decision, reason, at, cutoff)
        return None

    def read(self, subject: str, read: Callable[[], _Read], default: _Read) -> _Read:
        """Return what a function reads; the default, and an error of the subject, if it can't be read."""
        try:
            return read()
        except (StoreError, duckdb.Error, OSError, ValueError) as error:
            message = error.message if isinstance(error, StoreError) else f"{subject}: {error}"
            self.errors.append(" ".join(redact(message).split()))
            return default

    def _rows(self, project: str, table: str, query: str) -> list[tuple[Any, ...]]:
        key = names.project_asset(project, table)
        return self.read(f"table {names.view_name(key)}", lambda: self._query(key, query), [])

    def _query(self, key: list[str], query: str) -> list[tuple[Any, ...]]:
        if not is_table(self.warehouse, key):
            return []
        directory, delta = self.warehouse.joinpath(*key), open_table(self.warehouse, key)
        partitioned = is_partitioned(delta)
        files = self._newest(data_files(directory, delta)) if partitioned else data_files(directory, delta)
        require_data_files(directory, key, delta.version(), files)
        if not files:
            return []
        partition = names.PARTITION if partitioned else "null::varchar"
        rows = f"select *, {partition} as partition {scan(files, partitioned=partitioned)}"
        return self.connection.execute(query.format(rows=rows)).fetchall()

    def _newest(self, files: list[DataFile]) -> list[DataFile]:
        partitions = sorted({str(file.partition) for file in files})
        wanted = set(partitions[-self.newest :] if self.newest else partitions)
        return [file for file in files if file.partition in wanted]


@contextmanager
def open_reports(warehouse: Path, newest: int | None = None) -> Iterator[Reports]:
    """Open the tables below a folder; see `Reports`."""
    config: dict[str, str | bool | int | float | list[str]] = {"autoinstall_known_extensions": "false"}
    with duckdb.connect(config=config) as connection:
        connection.execute(UTC_SESSION)
        yield Reports(warehouse, newest, connection)
