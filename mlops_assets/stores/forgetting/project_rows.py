"""The tables of a project in which an entity has rows, and how its rows are found in each."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import duckdb

from mlops_assets.core import names
from mlops_assets.core.sql_quoting import literal
from mlops_assets.stores.forgetting.entity import Entity, Key, conditions
from mlops_assets.stores.forgetting.logged_rows import LoggedEntities, logged_condition
from mlops_assets.stores.forgetting.table_rows import Condition, Found, data_files_of, find_rows
from mlops_assets.stores.warehouse.warehouse import Warehouse

_OTHERS = ((names.LEDGER,), (names.PREDICTION_LOG,))
_LAST = (names.TRAINING_SET, names.TARGET, names.FEATURES, names.QUARANTINE, names.VALIDATED, names.RAW)


@dataclass(frozen=True)
class ProjectRows:
    """The rows of entities in the tables of a project.

    Parameters
    ----------
    row_ids
        Keyed digests of the `row_id` of rows of the entities. Tables that a project without partitions
        computes have no column of an entity; they are searched for these.
    """

    warehouse: Warehouse
    project: str
    key: Key
    entities: tuple[Entity, ...]
    row_ids: tuple[str, ...] = ()

    def tables(self) -> list[tuple[str, ...]]:
        """The tables of the project in the order of removal: a table after those that are derived from it.

        The prediction log is no version of anything, see `log`.

        So an interrupted removal never loses what identifies the rows that are left.
        """
        found = [table for table in self.warehouse.tables() if table[0] == self.project]
        return sorted((table for table in found if table[1:] not in _OTHERS), key=_rank)

    def condition(self, table: tuple[str, ...]) -> Condition:
        """How rows of the entities are found in a table."""

        def of(columns: Collection[str]) -> str | None:
            terms = [conditions(self.key, self.entities, columns)]
            if self.row_ids and names.ROW_ID in columns and names.layer_of(table) is None:
                digest = self.key.sql(f"{names.ROW_ID}::varchar")
                terms.append(f"coalesce({digest} in ({', '.join(map(literal, self.row_ids))}), false)")
            given = [term for term in terms if term is not None]
            return f"({' or '.join(given)})" if given else None

        return of

    def find(self) -> Iterable[Found]:
        """Yield what each table holds."""
        with self.warehouse.connect() as connection:
            for table in self.tables():
                yield find_rows(self.warehouse, connection, table, self.condition(table))
        if self.log.exists:
            rows, current, searched = self.log.count()
            yield Found(self.log.table.key, rows, current, int(rows > 0), searched)

    @property
    def log(self) -> LoggedEntities:
        """The prediction log, which has no versions to keep, and files that are not in the table yet."""
        root = self.warehouse.root
        return LoggedEntities(root, self.project, logged_condition(root, self.key, self.entities))

    def digests_of_row_ids(self) -> tuple[str, ...]:
        """Keyed digests of the `row_id` of the rows in all versions of validated tables."""
        found: set[str] = set(self.row_ids)
        with self.warehouse.connect() as connection:
            for table in self.tables():
                if names.layer_of(table) == names.VALIDATED:
                    found.update(self._row_ids(connection, table))
        return tuple(sorted(found))

    def _row_ids(self, connection: duckdb.DuckDBPyConnection, table: tuple[str, ...]) -> set[str]:
        found: set[str] = set()
        for file in data_files_of(self.warehouse.root.joinpath(*table)):
            rows = connection.read_parquet(str(file), hive_partitioning=False)
            condition = conditions(self.key, self.entities, rows.columns)
            if condition is None or names.ROW_ID not in rows.columns:
                continue
            digests = rows.filter(condition).project(f"{self.key.sql(f'{names.ROW_ID}::varchar')} as digest")
            found.update(digest for (digest,) in digests.fetchall())
        return found


def types_of(warehouse: Warehouse, project: str, columns: Iterable[str]) -> tuple[str, ...]:
    """The SQL type of columns in validated tables, VARCHAR if none has the column.

    If one table has a text and another one a number, it is the number: `007` is then equal to 7.
    """
    known: dict[str, str] = {}
    with warehouse.connect() as connection:
        for table in warehouse.tables():
            if table[0] != project or names.layer_of(table) != names.VALIDATED:
                continue
            rows = warehouse.relation(connection, table)
            for name, kind in zip(rows.columns, map(str, rows.types), strict=True):
                known[name.lower()] = (
                    kind if known.get(name.lower(), "VARCHAR") == "VARCHAR" else known[name.lower()]
                )
    return tuple(known.get(name.lower(), "VARCHAR") for name in columns)


def _rank(table: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    kind = names.layer_of(table) or table[-1]
    return (_LAST.index(kind) + 1 if kind in _LAST else 0), table
