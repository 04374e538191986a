"""The differences between two versions of a table."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import duckdb

from mlops_assets.core.errors import StoreError
from mlops_assets.core.names import BROKEN_RULES, PARTITION, PROVENANCE, ROW_ID, view_name
from mlops_assets.ml.comparison.drift import ColumnShift, column_shifts
from mlops_assets.ml.comparison.row_diff import RowDiff, diff_rows
from mlops_assets.stores.warehouse.warehouse import TableKey, Warehouse

_EXCLUDED = (*PROVENANCE, PARTITION)


@dataclass(frozen=True)
class TableDiff:
    """The differences between two versions of a table.

    Attributes
    ----------
    partitions
        The partitions with different content; only these are compared. Empty for a table without partitions.
    rows
        The differences of the rows; None if the content is the same.
    shifts
        The differences of the distributions of columns; empty if the content is the same, or one version
        has no rows.
    """

    before: int
    after: int
    partitions: tuple[str, ...]
    rows: RowDiff | None
    shifts: tuple[ColumnShift, ...]


def diff_versions(
    warehouse: Warehouse,
    table: TableKey,
    before: int,
    after: int,
    *,
    partition: str | None = None,
    identity: Sequence[str] = (),
    sensitive: Collection[str] = (),
) -> TableDiff:
    """Compare two versions; only the files of partitions with different content are opened.

    Parameters
    ----------
    partition
        Compare only this partition.
    identity
        The columns that identify a row in its partition; empty without a key.
    sensitive
        Columns whose values the result does not quote.

    Raises
    ------
    StoreError
        If a version or the partition does not exist.
    """
    newest = warehouse.version(table)
    if unknown := [version for version in (before, after) if not 0 <= version <= newest]:
        raise StoreError(
            f"table {view_name(tuple(table))} has no version {unknown[0]}",
            hint=f"the newest version is {newest}",
        )
    differing = _differing_partitions(warehouse, table, before, after, partition)
    if not differing:
        return TableDiff(before, after, (), None, ())
    chosen = None if differing == [None] else [str(name) for name in differing]
    keys = (*identity, PARTITION) if identity and chosen else tuple(identity)
    with warehouse.connect() as connection:
        old, new = (
            warehouse.relation(connection, table, partitions=chosen, version=version)
            for version in (before, after)
        )
        rows, shifts = _compared(connection, old, new, keys, sensitive)
    return TableDiff(before, after, tuple(chosen or ()), rows, shifts)


def diff_contents(
    warehouse: Warehouse,
    table: TableKey,
    before: tuple[int, str | None],
    after: tuple[int, str | None],
    *,
    identity: Sequence[str] = (),
    sensitive: Collection[str] = (),
) -> TableDiff:
    """Compare a partition at one version with the same or another partition at another version.

    Parameters
    ----------
    before, after
        A version and a partition; None for a table without partitions.
    identity
        The columns that identify a row; empty without a key.
    sensitive
        Columns whose values the result does not quote.

    Raises
    ------
    StoreError
        If a version does not exist.
    """
    digests = [warehouse.digest(table, partition=part, version=version) for version, part in (before, after)]
    if digests[0] == digests[1]:
        return TableDiff(before[0], after[0], (), None, ())
    with warehouse.connect() as connection:
        old, new = (
            warehouse.relation(connection, table, partition=part, version=version)
            for version, part in (before, after)
        )
        rows, shifts = _compared(connection, old, new, tuple(identity), sensitive)
    parts = dict.fromkeys(part for _, part in (before, after) if part is not None)
    return TableDiff(before[0], after[0], tuple(parts), rows, shifts)


def _compared(
    connection: duckdb.DuckDBPyConnection,
    old: duckdb.DuckDBPyRelation,
    new: duckdb.DuckDBPyRelation,
    identity: tuple[str, ...],
    sensitive: Collection[str],
) -> tuple[RowDiff, tuple[ColumnShift, ...]]:
    provenance = PROVENANCE if PARTITION in identity else _EXCLUDED
    rows = diff_rows(connection, old, new, identity=identity, aside=provenance)
    if not (rows.rows_before and rows.rows_after):
        return rows, ()
    aside = {*_EXCLUDED, ROW_ID, BROKEN_RULES, *identity}
    columns = [name for name in new.columns if name in old.columns and name not in aside]
    shifts = column_shifts(connection, old, new, columns)
    return rows, tuple(one.without_values() if one.column in sensitive else one for one in shifts)


def _differing_partitions(
    warehouse: Warehouse, table: TableKey, before: int, after: int, partition: str | None
) -> list[str | None]:
    """The partitions with different content; `[None]` for a table without partitions that differs."""
    if partition is None and not warehouse.is_partitioned(table):
        return [None] if len({warehouse.digest(table, version=one) for one in (before, after)}) == 2 else []
    old, new = (warehouse.partitions(table, version=version) for version in (before, after))
    if partition is not None and partition not in {**old, **new}:
        raise StoreError(
            f"table {view_name(tuple(table))} has no partition {partition} in versions {before} and {after}",
            hint=f"its partitions are {', '.join(sorted({**old, **new})) or 'none'}",
        )
    wanted = sorted({**old, **new}) if partition is None else [partition]
    return [name for name in wanted if old.get(name) != new.get(name)]
