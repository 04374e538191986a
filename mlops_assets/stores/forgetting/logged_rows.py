"""The rows of an entity in the prediction log and its spool: counted, and removed without a trace."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa

from mlops_assets.core.digests import keyed_digest
from mlops_assets.core.names import PARTITION
from mlops_assets.core.sql_quoting import UTC_SESSION, literal, quoted
from mlops_assets.stores.forgetting.entity import Entity, Key, conditions
from mlops_assets.stores.prediction_log.log_table import LogTable
from mlops_assets.stores.prediction_log.spool import Spool
from mlops_assets.stores.system.row_id_key import known_key

Condition = Callable[[Collection[str]], str | None]
"""Returns the SQL condition of the rows, given the columns; None if no row can be one."""
_VARIANTS = ("input_{}", "{}_bigint", "{}_double", "{}_boolean", "{}_varchar")
"""Names of a column in the log whose own name or type was taken."""


def logged_condition(warehouse: Path, key: Key, entities: Iterable[Entity]) -> Condition:
    """How logged rows of entities are found: by their columns, and by the digests of sensitive ones.

    Digests are found for entities whose values are known.
    """
    found = list(entities)
    secret = known_key(warehouse)

    def of(columns: Collection[str]) -> str | None:
        terms = [conditions(key, found, columns)]
        for entity in found:
            for variant in _VARIANTS:
                names = tuple(
                    variant.format(name) if variant.format(name) in columns else name
                    for name in entity.columns
                )
                if names != entity.columns:
                    terms.append(conditions(key, [replace(entity, columns=names)], columns))
            if secret and entity.values and set(entity.columns) <= set(columns):
                pairs = zip(entity.columns, entity.values, strict=True)
                hashed = [
                    f"{quoted(name)}::varchar = {literal(keyed_digest(secret, value))}"
                    for name, value in pairs
                ]
                terms.append(f"coalesce({' and '.join(hashed)}, false)")
        given = [term for term in terms if term is not None]
        return f"({' or '.join(given)})" if given else None

    return of


class LoggedEntities:
    """The rows of entities in the log of a project.

    Parameters
    ----------
    warehouse
        The folder of the tables.
    """

    def __init__(self, warehouse: Path, project: str, condition: Condition) -> None:
        self.table, self.spool = LogTable(warehouse, project), Spool(warehouse, project)
        self._condition = condition

    @property
    def exists(self) -> bool:
        """Whether anything was logged."""
        return self.table.exists or bool(self.spool.files())

    def count(self) -> tuple[int, int, bool]:
        """The number of rows in all files, in the newest version, and whether the columns are logged."""
        everywhere, current, searched = 0, 0, False
        with self.table.lock(), duckdb.connect() as connection:
            connection.execute(UTC_SESSION)
            newest = self.table.files() if self.table.exists else set()
            for file in sorted(self.table.directory.glob(f"{PARTITION}=*/*.parquet")):
                rows = connection.read_parquet(str(file), hive_partitioning=False)
                condition = self._condition(rows.columns)
                count = 0 if condition is None else len(rows.filter(condition))
                searched |= condition is not None
                everywhere += count
                current += count if file in newest else 0
            for spooled in self._spooled():
                condition = self._condition(spooled.schema.names)
                if condition is not None:
                    searched = True
                    count = len(connection.from_arrow(spooled).filter(condition))
                    everywhere, current = everywhere + count, current + count
        return everywhere, current, searched

    def remove(self) -> None:
        """Remove the rows, and all files that held one."""
        with self.table.lock(), duckdb.connect() as connection:
            connection.execute(UTC_SESSION)
            self._remove_from_spool(connection)
            if not self.table.exists:
                return
            for day in self.table.rows_by_day():
                self._remove_from_day(connection, day)
            self.table.remove_replaced(hours=0)

    def _remove_from_day(self, connection: duckdb.DuckDBPyConnection, day: str) -> None:
        files = [str(file) for file in self.table.files(day)]
        rows = connection.read_parquet(files, union_by_name=True, hive_partitioning=False)
        condition = self._condition(rows.columns)
        if condition is None or not len(rows.filter(condition)):
            return
        kept = rows.filter(f"not {condition}").project(f"*, {literal(day)} as {PARTITION}")
        self.table.replace_day(day, kept.to_arrow_reader(65_536))

    def _remove_from_spool(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.spool.remove_damaged()
        for file in self.spool.files():
            rows = self.spool.read(file.path)
            condition = self._condition(rows.schema.names)
            if condition is not None:
                kept = connection.from_arrow(rows).filter(f"not {condition}").to_arrow_table()
                if kept.num_rows < rows.num_rows:
                    self.spool.replace(file, kept.cast(rows.schema))

    def _spooled(self) -> Iterator[pa.Table]:
        for file in self.spool.files():
            yield self.spool.read(file.path)
