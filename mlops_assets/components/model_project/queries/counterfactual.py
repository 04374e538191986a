"""A counterfactual warehouse: its content as if everything that is not to be read were different."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names
from mlops_assets.core.sql_quoting import literal, quoted_list
from mlops_assets.ml.features.point_in_time import (
    changed_rows,
    with_counterfactual_rows,
    with_counterfactual_validity,
)
from mlops_assets.stores.delta.commit_metadata import TableVersion
from mlops_assets.stores.warehouse.metadata import TableKey
from mlops_assets.stores.warehouse.reader import TableReader

if TYPE_CHECKING:
    import duckdb


class CounterfactualReader(TableReader):
    """Reads the tables of a project as if more had arrived after a partition, and all else were different.

    - Events that arrived after the partition or before its lookback, and events after its end, have other
      values. Later arrivals are dated before the end. If nothing has arrived later, rows of the partition
      arrive once more in the next one, with other values.
    - Tables without `time` have one more version, with other values; so have all that arrived after the end,
      unless the project accepts that they are read.

    What the features of the partition may read is unchanged.
    """

    def __init__(self, store: TableReader, project: Project, partition: str) -> None:
        super().__init__(store.root, memory_limit=store.memory_limit)
        time = project.time
        self._project, self._partition = project, partition
        self._as_of: datetime = time.periods.end_of(partition)
        self._from = time.periods.first
        if time.lookback is not None:
            self._from = time.periods.shift(partition, 1 - time.lookback)
        self._next = time.periods.shift(partition, 1)
        tables = project.settings.tables
        self._events = {self._path(names.VALIDATED, name): name for name in project.event_tables}
        self._raw = {self._path(names.RAW, name): name for name in project.as_of_tables}
        self._current = {self._path(names.VALIDATED, name): name for name in project.as_of_tables}
        self._valid = {
            self._path(names.VALIDATED, name): name for name, one in tables.items() if one.valid_from
        }

    def _path(self, layer: str, table: str) -> tuple[str, ...]:
        return tuple(self._project.table_key(layer, table).path)

    def relation(
        self,
        connection: "duckdb.DuckDBPyConnection",
        table: TableKey,
        *,
        partition: str | None = None,
        partitions: Collection[str] | None = None,
        version: int | None = None,
    ) -> "duckdb.DuckDBPyRelation":
        path, tables = tuple(table), self._project.settings.tables
        if path in self._raw and version is not None and version > super().version(table):
            return changed_rows(super().relation(connection, table), kept=names.PROVENANCE)
        rows = super().relation(
            connection, table, partition=partition, partitions=partitions, version=version
        )
        if path in self._events:
            asked = partitions if partition is None else [partition]
            if asked is None or any(one > self._partition for one in asked):
                rows = rows.union(self._arrived_again(connection, table, version, rows.columns))
            return with_counterfactual_rows(
                rows,
                time=str(tables[self._events[path]].time),
                key=tables[self._events[path]].key,
                known_from=self._from,
                known_until=self._partition,
                as_of=self._as_of,
            )
        if path in self._current:
            return changed_rows(rows, kept=names.PROVENANCE)
        if path in self._raw and version not in self._known_versions(table):
            return changed_rows(rows, kept=names.PROVENANCE)
        if path in self._valid:
            settings = tables[self._valid[path]]
            return with_counterfactual_validity(
                rows, valid_from=str(settings.valid_from), valid_to=settings.valid_to, as_of=self._as_of
            )
        return rows

    def partitions(self, table: TableKey, *, version: int | None = None) -> dict[str, str]:
        found = super().partitions(table, version=version)
        return {**found, self._next: "arrived later"} if tuple(table) in self._events else found

    def inputs(self, table: TableKey, version: int) -> dict[str, int]:
        if tuple(table) in self._current:
            raw = self._path(names.RAW, self._current[tuple(table)])
            return {"/".join(raw): super().version(raw) + 1}
        return super().inputs(table, version)

    def versions(self, table: TableKey) -> list[TableVersion]:
        found = super().versions(table)
        if tuple(table) not in self._raw:
            return found
        newest = max(found, key=lambda one: one.version)
        later = max(newest.written_at, self._as_of.replace(tzinfo=newest.written_at.tzinfo))
        added = replace(newest, version=super().version(table) + 1, written_at=later + timedelta(days=1))
        return [added, *found]

    def digest(self, table: TableKey, *, partition: str | None = None, version: int | None = None) -> str:
        if tuple(table) in self._raw and version is not None and version > super().version(table):
            return "arrived later"
        return super().digest(table, partition=partition, version=version)

    def _known_versions(self, raw: TableKey) -> set[int]:
        """The versions that had arrived by the end of the partition, or all real ones if none had."""
        found = super().versions(raw)
        zone = found[0].written_at.tzinfo
        arrived = {one.version for one in found if one.written_at < self._as_of.replace(tzinfo=zone)}
        return arrived or {one.version for one in found}

    def _arrived_again(
        self,
        connection: "duckdb.DuckDBPyConnection",
        table: TableKey,
        version: int | None,
        columns: list[str],
    ) -> "duckdb.DuckDBPyRelation":
        """Rows of the partition, as arrivals of the next one."""
        again = super().relation(connection, table, partition=self._partition, version=version)
        again = again.project(f"* replace ({literal(self._next)} as {names.PARTITION})")
        return again.project(quoted_list(columns))
