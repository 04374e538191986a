"""The table of another asset as a source.

If both tables have partitions, partitions map one to one. If only this table has partitions, the rows of the
upstream table are assigned by a time column. A table without partitions reads the whole upstream table.
"""

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from datetime import datetime

import duckdb

from mlops_assets.core.digests import text_digest
from mlops_assets.core.errors import DataError, StoreError
from mlops_assets.core.names import RESERVED, SCORING, SOURCE_FILE, SOURCE_ROW, SOURCE_SHA256
from mlops_assets.core.periods import Periods
from mlops_assets.core.sql_quoting import literal, quoted_list
from mlops_assets.stores.delta.content_digest import row_hashes
from mlops_assets.stores.delta.writing.stored_types import scalar_columns
from mlops_assets.stores.sources.arrivals import Arrival, Arrivals
from mlops_assets.stores.sources.base import Fetched, Ingestion, translated_errors
from mlops_assets.stores.sources.partition_dates import late_rows, newest_period, now, period_sql
from mlops_assets.stores.warehouse.warehouse import Warehouse

_Digests = dict[tuple[tuple[str, ...], str | None], str]


class TableSource:
    """The rows of an asset's table in the warehouse.

    The methods are those of `Source`.

    Parameters
    ----------
    asset
        The asset key, such as `customer_churn/predictions`.
    """

    def __init__(self, asset: str, ingestion: Ingestion, warehouse: Warehouse) -> None:
        self.asset, self.ingestion, self._warehouse = asset, ingestion, warehouse
        self._key = tuple(asset.split("/"))
        self._arrival_setting = f"{ingestion.path}.arrival"

    @property
    def display_name(self) -> str:
        return f"the table of {self.asset}"

    def arrivals(
        self,
        connection: duckdb.DuckDBPyConnection,
        *,
        until: datetime | None = None,
        wanted: Collection[str] | None = None,  # noqa: ARG002 - all digests are in the table's log
    ) -> Arrivals:
        version, periods = self._version(), self.ingestion.periods
        if periods is None:
            return Arrivals({None: Arrival(None, self._whole_digest(version), ())})
        newest = newest_period(periods, until or now())
        if self.ingestion.column is not None:
            return self._row_arrivals(connection, version, periods, newest)
        digests = self._partitions(version, periods)
        inside = {key: text for key, text in digests.items() if periods.first <= key <= newest}
        outside = [key for key in digests if key not in inside]
        left_out = f"{', '.join(outside[:3])} of {self.asset}: outside {periods.first} to {newest}"
        return Arrivals(
            {key: Arrival(key, text, ()) for key, text in inside.items()}, (left_out,) if outside else ()
        )

    def fetch(self, connection: duckdb.DuckDBPyConnection, partition: str | None) -> Fetched:
        version, periods, column = self._version(), self.ingestion.periods, self.ingestion.column
        input_digests: _Digests | None
        if periods is not None and partition is not None and column is not None:
            self._require_unpartitioned(version)
            rows = self._rows(connection, version)
            rows = rows.filter(f"{self._period_sql(rows, periods, None)} = {literal(partition)}")
            arrival = self._row_arrivals(connection, version, periods, None).by_partition.get(partition)
            if arrival is None:
                raise self._no_partition(partition)
            fingerprint, input_digests = arrival.fingerprint, None
        elif periods is not None and partition is not None:
            known = self._partitions(version, periods)
            if partition not in known:
                raise self._no_partition(partition, known)
            fingerprint, input_digests = known[partition], {(self._key, partition): known[partition]}
            rows = self._rows(connection, version, partition)
        else:
            fingerprint, rows = self._whole_digest(version), self._rows(connection, version)
            input_digests = {(self._key, part): text for part, text in self._digests(version).items()}
        numbered = rows.project(
            f"*, {literal(f'asset:{self.asset}')} as {SOURCE_FILE}, {literal(fingerprint)} as "
            f"{SOURCE_SHA256}, row_number() over () as {SOURCE_ROW}"
        )
        return Fetched(
            [numbered],
            fingerprint,
            {"source_version": version, "source_data_version": fingerprint},
            inputs={self.asset: version},
            input_digests=input_digests,
        )

    def rows(self, fetched: Fetched) -> AbstractContextManager[Iterator[duckdb.DuckDBPyRelation]]:
        return translated_errors(fetched, self._read_error)

    def _read_error(self, error: Exception) -> DataError:
        return self._error(f"can't be read: {error}", hint=f"materialize {self.asset} again")

    def _version(self) -> int:
        if not self._warehouse.exists(self._key):
            raise self._error(
                "has no table in the warehouse",
                hint=f"materialize it first (`mlops run {self._key[0]}` for an asset of a project). A custom "
                "asset writes its table with `warehouse.store.write(context.asset_key.path, rows)`.",
            )
        return self._warehouse.version(self._key)

    def _rows(
        self, connection: duckdb.DuckDBPyConnection, version: int, partition: str | None = None
    ) -> duckdb.DuckDBPyRelation:
        """The rows without the columns that mlops_assets adds to every table."""
        rows = self._warehouse.relation(connection, self._key, partition=partition, version=version)
        added = [name for name in rows.columns if name.lower() in RESERVED]
        if len(added) == len(rows.columns):
            raise self._error("has only reserved columns", hint="choose another asset as the source")
        rows = rows.project(f"* exclude ({quoted_list(added)})") if added else rows
        return scalar_columns(rows, subject=self.ingestion.subject)

    def _is_partitioned(self, version: int) -> bool:
        try:
            self._warehouse.partitions(self._key, version=version)
        except StoreError:  # raised for a table without partitions
            return False
        return True

    def _digests(self, version: int) -> dict[str | None, str]:
        """The digest of each partition; that of a table without partitions with the key None."""
        if self._is_partitioned(version):
            return dict(self._warehouse.partitions(self._key, version=version).items())
        return {None: self._warehouse.digest(self._key, version=version)}

    def _whole_digest(self, version: int) -> str:
        digests = self._digests(version)
        return digests.get(None) or text_digest(*(f"{key} {text}" for key, text in digests.items()))

    def _partitions(self, version: int, periods: Periods) -> dict[str, str]:
        if not self._is_partitioned(version):
            raise self._error(
                "has no partitions, but this table has",
                hint="leave out scoring.partitions to predict all rows"
                if self.ingestion.table == SCORING
                else f"set {self._arrival_setting} to the column with the time of a row, or leave out `time` "
                "to use all rows in every partition",
            )
        found = self._warehouse.partitions(self._key, version=version)
        if other := [key for key in found if not periods.is_key(key)]:
            raise DataError(
                f"{self.ingestion.subject}: the partitions of {self.asset}, such as {other[0]}, are not "
                f"{periods.cadence}, such as {periods.first}, and can't be mapped one to one",
                hint="use the same `partitions.cadence` for both",
            )
        return found

    def _require_unpartitioned(self, version: int) -> None:
        if self._is_partitioned(version):
            raise self._error(
                f"has partitions, so its rows can't be assigned by the arrival time {self.ingestion.column}",
                hint=f"leave out {self._arrival_setting}: the partitions are mapped one to one",
            )

    def _period_sql(self, rows: duckdb.DuckDBPyRelation, periods: Periods, newest: str | None) -> str:
        column = self.ingestion.column or ""
        if column.lower() not in map(str.lower, rows.columns):
            raise self._error(
                f"has no column {column}, the declared arrival time; it has {', '.join(rows.columns)}",
                hint=f"set {self._arrival_setting} to one of them",
            )
        return period_sql(rows, column, periods, newest, self.ingestion.time_text)

    def _row_arrivals(
        self, connection: duckdb.DuckDBPyConnection, version: int, periods: Periods, newest: str | None
    ) -> Arrivals:
        """The partitions of a table without partitions, by the time of its rows."""
        self._require_unpartitioned(version)
        rows = self._rows(connection, version)
        columns = sorted(zip(rows.columns, map(str, rows.types), strict=True))
        hashes = row_hashes(rows, [name for name, _ in columns], by=self._period_sql(rows, periods, newest))
        late = hashes.pop(None, None)
        found = {
            key: Arrival(key, text_digest(duckdb.__version__, repr(columns), str(count), str(total)), ())
            for key, (count, total) in sorted(hashes.items(), key=str)
        }
        left_out = late_rows(late.rows if late else 0, self.ingestion.column, newest)
        return Arrivals(found, left_out)

    def _no_partition(self, partition: str, known: Collection[str] = ()) -> DataError:
        keys = sorted(known)
        available = f"; available are {keys[0]} to {keys[-1]}" if keys else ""
        return self._error(
            f"has no data for partition {partition}{available}", hint="materialize this partition of it first"
        )

    def _error(self, problem: str, *, hint: str) -> DataError:
        return DataError(f"{self.ingestion.subject}: the source {self.asset} {problem}", hint=hint)
