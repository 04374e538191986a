"""The newest features of each entity, from the partitions of the table of features."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from mlops_assets.core import names
from mlops_assets.core.digests import text_digest
from mlops_assets.core.errors import DataError
from mlops_assets.core.periods import Periods
from mlops_assets.core.sql_quoting import quoted, quoted_list
from mlops_assets.ml.query_batches import query_batches
from mlops_assets.stores.online.base import FORMAT, OnlineColumn, Snapshot
from mlops_assets.stores.online.encoding import require_storable
from mlops_assets.stores.warehouse.warehouse import Warehouse

_ADDED = (names.ROW_ID, names.PARTITION)
_PLACE = "_place"
BATCH_ROWS = 16_384


@dataclass(frozen=True)
class NewestFeatures:
    """The newest features of each entity of a project.

    An entity has the row of the newest partition that contains it: one that is absent from the newest
    partition keeps its older features, with their own timestamp.

    Attributes
    ----------
    partitions
        The partitions that are read, with their digests, oldest first.
    left_out
        The partitions that are not read, with the reasons.
    failed
        Those of them whose checks have not passed, which may pass without a change of their content.
    """

    warehouse: Warehouse
    project: str
    entity: tuple[str, ...]
    periods: Periods
    version: int
    partitions: Mapping[str, str]
    left_out: Mapping[str, str]
    failed: tuple[str, ...]

    @classmethod
    def of(
        cls,
        warehouse: Warehouse,
        project: str,
        entity: Sequence[str],
        periods: Periods,
        *,
        succeeded: set[str],
        ttl_hours: float | None = None,
        now: datetime | None = None,
    ) -> "NewestFeatures":
        """Choose the partitions to read.

        Parameters
        ----------
        succeeded
            The partitions that passed their checks.
        ttl_hours
            Leave out partitions that ended earlier, but not the newest one.

        Raises
        ------
        DataError
            When no partition has succeeded.
        """
        table = names.project_asset(project, names.FEATURES)
        version = warehouse.version(table) if warehouse.exists(table) else 0
        digests = warehouse.partitions(table, version=version) if warehouse.exists(table) else {}
        usable = sorted(set(digests) & succeeded, reverse=True)
        if not usable:
            raise DataError(
                f"{project}: no partition of features has succeeded, so there are no online features",
                hint=f"run the project: mlops run {project}",
            )
        failed = tuple(sorted(set(digests) - succeeded))
        left_out = dict.fromkeys(failed, "its checks have not passed")
        oldest = (now or datetime.now(UTC)).replace(tzinfo=None) - timedelta(hours=ttl_hours or 0)
        if ttl_hours is not None:
            old = [partition for partition in usable[1:] if periods.end_of(partition) < oldest]
            left_out |= dict.fromkeys(old, f"it ended more than {ttl_hours:g} hours ago")
        found = cls(warehouse, project, tuple(entity), periods, version, {}, {}, failed)
        chosen, columns = [], found.columns_of(usable[0])
        for partition in usable:
            if partition in left_out:
                continue
            if partition == usable[0] or found.columns_of(partition) == columns:
                chosen.append(partition)
            else:
                left_out[partition] = "it has other columns than the newest partition"
        kept = {partition: digests[partition] for partition in sorted(chosen)}
        return replace(found, partitions=kept, left_out=dict(sorted(left_out.items())))

    @property
    def content(self) -> str:
        """A digest of everything that the rows follow from."""
        return text_digest(
            str(FORMAT),
            *self.entity,
            *(f"{partition}|{digest}" for partition, digest in self.partitions.items()),
        )

    def columns_of(self, partition: str) -> list[OnlineColumn]:
        """The columns of a partition, without those that the warehouse adds."""
        with self.warehouse.connect(threads=1) as connection:
            rows = self._rows(connection, [partition])
            return [
                OnlineColumn(name, str(kind))
                for name, kind in zip(rows.columns, rows.types, strict=True)
                if name not in _ADDED
            ]

    def snapshot(self, rows: int, *, now: datetime) -> Snapshot:
        """Describe the rows.

        Raises
        ------
        DataError
            When a column has a type that can't be stored.
        """
        columns = {column.name: column for column in self.columns_of(max(self.partitions))}
        require_storable(columns.values(), subject=self.project)
        return Snapshot(
            self.project,
            tuple(columns.pop(name) for name in self.entity),
            tuple(columns.values()),
            tuple((partition, self.periods.end_of(partition)) for partition in self.partitions),
            rows,
            self.content,
            now.isoformat(timespec="seconds"),
        )

    def relation(self, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
        """The place of the partition in the snapshot, the columns of the entity, and the features.

        First the newest partition of each entity, from its columns alone: a window over all features would
        hold them in memory.
        """
        rows = self._rows(connection, list(self.partitions))
        entity = quoted_list(self.entity)
        partition = quoted(names.PARTITION)
        newest = rows.aggregate(f"{entity}, max({partition}) as {partition}", entity).set_alias("newest")
        chosen = rows.join(newest, quoted_list((*self.entity, names.PARTITION)), how="semi")
        places = pa.table(
            {
                names.PARTITION: pa.array(list(self.partitions), pa.string()),
                _PLACE: pa.array(range(len(self.partitions)), pa.int64()),
            }
        )
        placed = chosen.join(connection.from_arrow(places), names.PARTITION)
        features = [name for name in rows.columns if name not in (*_ADDED, *self.entity)]
        return placed.project(quoted_list([_PLACE, *self.entity, *features]))

    def batches(self, connection: duckdb.DuckDBPyConnection) -> Iterator[pa.RecordBatch]:
        """Yield the rows in the order of their entities."""
        rows = self.relation(connection).order(quoted_list(self.entity))
        yield from query_batches(rows.to_arrow_reader(BATCH_ROWS))

    def sample(self, connection: duckdb.DuckDBPyConnection, size: int) -> list[tuple[Any, ...]]:
        """Some rows, always the same of a content: partition, entity and features."""
        rows = self.relation(connection).order(f"hash({quoted_list(self.entity)})").limit(size).fetchall()
        partitions = list(self.partitions)
        return [(partitions[place], *values) for place, *values in rows]

    def _rows(
        self, connection: duckdb.DuckDBPyConnection, partitions: Sequence[str]
    ) -> duckdb.DuckDBPyRelation:
        table = names.project_asset(self.project, names.FEATURES)
        return self.warehouse.relation(connection, table, partitions=partitions, version=self.version)
