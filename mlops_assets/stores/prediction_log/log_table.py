"""The Delta table of the log: appends of spool files, each exactly once, and its upkeep.

Many small commits make it, unlike the tables that assets compute: rows are appended, versions are not kept,
and no content digest exists. Its log has no statistics of columns, which would hold values of rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake

from mlops_assets.core.names import PARTITION, PREDICTION_LOG, project_asset, view_name
from mlops_assets.stores.delta.commit import CHECKPOINT_INTERVAL, finish_commit
from mlops_assets.stores.delta.data_files import data_files
from mlops_assets.stores.delta.locks import commit_lock
from mlops_assets.stores.delta.log import is_table, open_table
from mlops_assets.stores.prediction_log.columns import REQUESTED_AT
from mlops_assets.stores.prediction_log.logged_days import rows_by_day
from mlops_assets.stores.system.disk_errors import translated_disk_errors
from mlops_assets.stores.system.durable import flush_files

_CONFIGURATION = {
    "delta.dataSkippingNumIndexedCols": "0",
    "delta.checkpointInterval": str(CHECKPOINT_INTERVAL),
    "delta.enableExpiredLogCleanup": "true",
    "delta.logRetentionDuration": "interval 1 days",
    "delta.deletedFileRetentionDuration": "interval 1 hours",
}
_MANY_FILES, _SMALL_BYTES, _TARGET_BYTES = 60, 16 * 1024**2, 128 * 1024**2
_READER_HOURS = 1
"""Replaced files stay for queries that are running."""
_WRITER = WriterProperties(compression="ZSTD", compression_level=1)
_SUFFIXES = {pa.types.is_integer: "bigint", pa.types.is_floating: "double", pa.types.is_boolean: "boolean"}


class LogTable:
    """The prediction log of a project.

    Parameters
    ----------
    warehouse
        The folder of the tables.
    """

    def __init__(self, warehouse: Path, project: str) -> None:
        self.warehouse = warehouse
        self.key = tuple(project_asset(project, PREDICTION_LOG))
        self.directory = warehouse.joinpath(*self.key)

    @property
    def exists(self) -> bool:
        """Whether anything was logged yet."""
        return is_table(self.warehouse, self.key)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock of commits to the table, and of changes of its spool."""
        with commit_lock(self.warehouse, self.key), translated_disk_errors(self.name, self.directory):
            yield

    @property
    def name(self) -> str:
        """The name of the table for messages."""
        return f"table {view_name(self.key)}"

    def committed(self, writer: str) -> int:
        """The number of the last spool file of a writer whose rows are in the table; 0 if none is."""
        return (self._open().transaction_version(writer) or 0) if self.exists else 0

    def append(self, rows: Sequence[pa.Table], writers: Mapping[str, int]) -> int:
        """Append rows in one commit, which names the last file of each writer; return their number.

        The caller holds the lock. The rows of a file are in the table if and only if `committed` returns its
        number or a later one.
        """
        known = self._open().schema() if self.exists else None
        types = {} if known is None else {field.name: pa.field(field) for field in known.fields}
        fitted = [_with_day(_fitted(table, types)) for table in rows]
        merged = pa.concat_tables(fitted, promote_options="default")
        transactions = [Transaction(writer, number) for writer, number in writers.items()]
        before = set(self._open().file_uris()) if known is not None else set()
        write_deltalake(
            str(self.directory),
            merged,
            mode="append",
            schema_mode="merge",
            partition_by=[PARTITION],
            configuration=None if known is not None else _CONFIGURATION,
            writer_properties=_WRITER,
            commit_properties=CommitProperties(app_transactions=transactions),
        )
        self._flush(before)
        return merged.num_rows

    def rows_by_day(self) -> dict[str, int]:
        """The number of rows of each day; see `logged_days.rows_by_day`."""
        return rows_by_day(self.warehouse, self.key[0])

    def files(self, day: str | None = None) -> set[Path]:
        """The data files of the newest version, or those of a day."""
        days = None if day is None else [day]
        return {Path(file.path) for file in data_files(self.directory, self._open(), days)}

    def compact(self, now: datetime) -> int:
        """Merge small files: of days that have ended all, of today many at once; return how many were merged.

        The caller holds the lock.
        """
        if not self.exists:
            return 0
        delta, today, small = self._open(), now.astimezone(UTC).date().isoformat(), dict[str, int]()
        for file in data_files(self.directory, delta):
            if (file.size or 0) < _SMALL_BYTES:
                small[str(file.partition)] = small.get(str(file.partition), 0) + 1
        merged = 0
        for day, count in sorted(small.items()):
            if count < (_MANY_FILES if day >= today else 2):
                continue
            before = set(delta.file_uris())
            found = delta.optimize.compact(
                partition_filters=[(PARTITION, "=", day)],
                target_size=_TARGET_BYTES,
                writer_properties=_WRITER,
            )
            merged += int(found["numFilesRemoved"])
            self._flush(before)
        return merged

    def expire(self, now: datetime, retention_days: int) -> int:
        """Remove the rows of old days, and files that no query can read any more; return the number of rows.

        The caller holds the lock.
        """
        if not self.exists:
            return 0
        first = (now.astimezone(UTC).date() - timedelta(days=retention_days)).isoformat()
        old = sum(rows for day, rows in self.rows_by_day().items() if day < first)
        if old:
            self._open().delete(f"{PARTITION} < '{first}'")
        self.remove_replaced(hours=0 if old else _READER_HOURS)
        return old

    def remove_replaced(self, *, hours: int) -> None:
        """Remove files that the newest version does not name, once they were replaced for some hours."""
        self._open().vacuum(retention_hours=hours, dry_run=False, enforce_retention_duration=False, full=True)

    def replace_day(self, day: str, rows: pa.RecordBatchReader) -> None:
        """Replace the rows of a day. The caller holds the lock."""
        before = set(self._open().file_uris())
        write_deltalake(
            str(self.directory),
            rows,
            mode="overwrite",
            predicate=f"{PARTITION} = '{day}'",
            writer_properties=_WRITER,
        )
        self._flush(before)

    def _open(self) -> DeltaTable:
        return open_table(self.warehouse, self.key)

    def _flush(self, before: set[str]) -> None:
        """Flush what a commit has added: spool files are removed after it."""
        delta = self._open()
        flush_files(Path(uri.removeprefix("file://")) for uri in delta.file_uris() if uri not in before)
        finish_commit(self.directory, delta)


def _with_day(rows: pa.Table) -> pa.Table:
    days = pc.strftime(rows.column(REQUESTED_AT), format="%Y-%m-%d")
    return rows.append_column(PARTITION, days)


def _fitted(rows: pa.Table, types: Mapping[str, pa.Field]) -> pa.Table:
    """Rows with the types of the table; a column that has no value of its type there gets another name."""
    for place, field in enumerate(rows.schema):
        known = types.get(field.name)
        if known is None or known.type == field.type:
            continue
        try:
            rows = rows.set_column(place, field.name, rows.column(place).cast(known.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            rows = rows.set_column(place, f"{field.name}_{_suffix(field.type)}", rows.column(place))
    return rows


def _suffix(kind: pa.DataType) -> str:
    return next((suffix for matches, suffix in _SUFFIXES.items() if matches(kind)), "varchar")
