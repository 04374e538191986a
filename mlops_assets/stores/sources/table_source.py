"""Another asset's table as a source.

Both with partitions: they map one to one. The upstream asset without, and rows here dated by a column: its
rows are told apart. A table without partitions takes all that the other one has.
"""

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from datetime import datetime

import duckdb

from mlops_assets.core.digests import text_digest
from mlops_assets.core.errors import DataError, StoreError
from mlops_assets.core.names import RESERVED, SOURCE_FILE, SOURCE_ROW, SOURCE_SHA256
from mlops_assets.core.periods import Periods
from mlops_assets.core.sql_quoting import literal, quoted_list
from mlops_assets.stores.sources.arrivals import Arrival, Arrivals
from mlops_assets.stores.sources.base import Fetched, Intake, faults_told
from mlops_assets.stores.sources.partition_dates import newest_period, now, period_sql
from mlops_assets.stores.warehouse.warehouse import Warehouse


class TableSource:
    """The rows of an asset's table in the warehouse.

    Parameters
    ----------
    asset
        Its key, `customer_churn/predictions`.
    """

    def __init__(self, asset: str, intake: Intake, warehouse: Warehouse) -> None:
        self.asset, self.intake, self._warehouse = asset, intake, warehouse
        self._key = tuple(asset.split("/"))

    @property
    def shown(self) -> str:
        return f"the table of {self.asset}"

    def arrivals(
        self,
        connection: duckdb.DuckDBPyConnection,
        *,
        until: datetime | None = None,
        wanted: Collection[str] | None = None,  # noqa: ARG002 - what the log tells costs nothing
    ) -> Arrivals:
        version, periods = self._version(), self.intake.periods
        if periods is None:
            return Arrivals({None: Arrival(None, self._whole_digest(version), ())})
        newest = newest_period(periods, until or now())
        if self.intake.column is not None:
            return self._dated(connection, version, periods, newest)
        digests = self._partitions(version, periods)
        inside = {key: text for key, text in digests.items() if periods.first <= key <= newest}
        outside = [key for key in digests if key not in inside]
        told = f"{', '.join(outside[:3])} of {self.asset}: outside {periods.first} to {newest}"
        return Arrivals(
            {key: Arrival(key, text, ()) for key, text in inside.items()}, (told,) if outside else ()
        )

    def fetch(self, connection: duckdb.DuckDBPyConnection, partition: str | None) -> Fetched:
        version, periods, column = self._version(), self.intake.periods, self.intake.column
        made_of: dict[tuple[tuple[str, ...], str | None], str] | None
        if periods is not None and partition is not None and column is not None:
            self._refuse_partitioned(version)
            rows = self._rows(connection, version)
            rows = rows.filter(f"{self._period_of(rows, periods, None)} = {literal(partition)}")
            digest = self._dated(connection, version, periods, None).by_partition.get(partition)
            if digest is None:
                raise self._no_rows(partition)
            fingerprint, made_of = digest.fingerprint, None
        elif periods is not None and partition is not None:
            known = self._partitions(version, periods)
            if partition not in known:
                raise self._no_rows(partition, known)
            fingerprint, made_of = known[partition], {(self._key, partition): known[partition]}
            rows = self._rows(connection, version, partition)
        else:
            fingerprint, rows = self._whole_digest(version), self._rows(connection, version)
            made_of = {(self._key, part): text for part, text in self._parts(version).items()}
        numbered = rows.project(
            f"*, {literal(f'asset:{self.asset}')} as {SOURCE_FILE}, {literal(fingerprint)} as "
            f"{SOURCE_SHA256}, row_number() over () as {SOURCE_ROW}"
        )
        return Fetched(
            [numbered],
            fingerprint,
            {"source_version": version, "source_data_version": fingerprint},
            inputs={self.asset: version},
            made_of=made_of,
        )

    def rows(self, fetched: Fetched) -> AbstractContextManager[Iterator[duckdb.DuckDBPyRelation]]:
        return faults_told(fetched, self._broken)

    def _broken(self, error: Exception) -> DataError:
        return DataError(
            f"{self.intake.subject}: {self.shown} can't be read: {error}",
            hint=f"materialize {self.asset} again",
        )

    def _version(self) -> int:
        if not self._warehouse.exists(self._key):
            raise DataError(
                f"{self.intake.subject}: {self.asset} has no table in the warehouse",
                hint=f"materialize it first (`mlops run {self._key[0]}` if it is a project's); an asset of "
                "your own writes its table with `warehouse.store.write(context.asset_key.path, rows)`",
            )
        return self._warehouse.version(self._key)

    def _rows(
        self, connection: duckdb.DuckDBPyConnection, version: int, partition: str | None = None
    ) -> duckdb.DuckDBPyRelation:
        """The asset's own columns: those that mlops_assets adds to every table are left behind."""
        rows = self._warehouse.relation(connection, self._key, partition=partition, version=version)
        added = [name for name in rows.columns if name.lower() in RESERVED]
        if len(added) == len(rows.columns):
            raise DataError(
                f"{self.intake.subject}: {self.asset} has no column of its own", hint="read another asset"
            )
        return rows.project(f"* exclude ({quoted_list(added)})") if added else rows

    def _is_partitioned(self, version: int) -> bool:
        try:
            self._warehouse.partitions(self._key, version=version)
        except StoreError:  # that it is not written by partition
            return False
        return True

    def _parts(self, version: int) -> dict[str | None, str]:
        """The digest of each partition; of a table without partitions under None."""
        if self._is_partitioned(version):
            return dict(self._warehouse.partitions(self._key, version=version).items())
        return {None: self._warehouse.digest(self._key, version=version)}

    def _whole_digest(self, version: int) -> str:
        parts = self._parts(version)
        return parts.get(None) or text_digest(*(f"{key} {text}" for key, text in parts.items()))

    def _partitions(self, version: int, periods: Periods) -> dict[str, str]:
        if not self._is_partitioned(version):
            raise DataError(
                f"{self.intake.subject}: {self.asset} has no partitions, and this table has",
                hint=f"name the column that dates its rows in tables.{self.intake.table}.arrival, or leave "
                "out `time` to see all of it everywhere",
            )
        found = self._warehouse.partitions(self._key, version=version)
        if strange := [key for key in found if not periods.is_key(key)]:
            raise DataError(
                f"{self.intake.subject}: the partitions of {self.asset}, such as {strange[0]}, are not "
                f"{periods.cadence} ones, such as {periods.first}: they can't map one to one",
                hint="give both the same `partitions.cadence`",
            )
        return found

    def _refuse_partitioned(self, version: int) -> None:
        if self._is_partitioned(version):
            raise DataError(
                f"{self.intake.subject}: {self.asset} has partitions of its own, and `arrival` dates rows by "
                f"{self.intake.column}",
                hint=f"leave out tables.{self.intake.table}.arrival: partitions map one to one",
            )

    def _period_of(self, rows: duckdb.DuckDBPyRelation, periods: Periods, newest: str | None) -> str:
        column = self.intake.column or ""
        if column.lower() not in map(str.lower, rows.columns):
            raise DataError(
                f"{self.intake.subject}: {self.asset} has no column {column}, which dates the rows; it has "
                f"{', '.join(rows.columns)}",
                hint=f"name one of them in tables.{self.intake.table}.arrival",
            )
        return period_sql(rows, column, periods, newest)

    def _dated(
        self, connection: duckdb.DuckDBPyConnection, version: int, periods: Periods, newest: str | None
    ) -> Arrivals:
        """The rows of a table without partitions, told apart by their time."""
        self._refuse_partitioned(version)
        rows = self._rows(connection, version)
        columns = sorted(zip(rows.columns, map(str, rows.types), strict=True))
        total = f"sum(hash({quoted_list(name for name, _ in columns)})::hugeint)"
        found: dict[str | None, Arrival] = {}
        late = 0
        key = self._period_of(rows, periods, newest)
        for partition, count, hashes in rows.aggregate(f"{key} as k, count(*) as n, {total} as t").fetchall():
            if partition is None:
                late += count
                continue
            digest = text_digest(duckdb.__version__, repr(columns), str(count), str(hashes))
            found[partition] = Arrival(partition, digest, ())
        rows_late = f"{late} {'row' if late == 1 else 'rows'}"
        told = f"{rows_late}: {self.intake.column} lies after {newest}, the newest partition"
        return Arrivals(dict(sorted(found.items(), key=str)), (told,) if late else ())

    def _no_rows(self, partition: str, known: Collection[str] = ()) -> DataError:
        keys = sorted(known)
        there = f"; it has {keys[0]} to {keys[-1]}" if keys else ""
        return DataError(
            f"{self.intake.subject}: {self.asset} has nothing for partition {partition}",
            hint=f"materialize that partition of it first{there}",
        )
