"""What changed between two versions of a table."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from mlops_assets.core.errors import StoreError
from mlops_assets.core.names import BROKEN_RULES, PARTITION, PROVENANCE, ROW_ID, view_name
from mlops_assets.ml.comparison.drift import ColumnShift, column_shifts
from mlops_assets.ml.comparison.row_diff import RowDiff, diff_rows
from mlops_assets.stores.warehouse.warehouse import TableKey, Warehouse

_ASIDE = (*PROVENANCE, PARTITION)


@dataclass(frozen=True)
class TableDiff:
    """Two versions of a table side by side.

    Attributes
    ----------
    partitions
        Those whose content differs, which alone were compared; empty for a table without partitions.
    rows, shifts
        None and empty when both versions hold the same.
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
) -> TableDiff:
    """Compare two versions; only the files of partitions that differ are opened.

    Parameters
    ----------
    partition
        Compare this one alone.
    identity
        The columns that tell a row in its partition, if there are some.

    Raises
    ------
    StoreError
        When there is no such version or partition.
    """
    newest = warehouse.version(table)
    if unknown := [version for version in (before, after) if not 0 <= version <= newest]:
        raise StoreError(
            f"table {view_name(tuple(table))} has no version {unknown[0]}", hint=f"its newest is {newest}"
        )
    differing = _differing_partitions(warehouse, table, before, after, partition)
    if not differing:
        return TableDiff(before, after, (), None, ())
    chosen = None if differing == [None] else [str(name) for name in differing]
    told = (*identity, PARTITION) if identity and chosen else tuple(identity)
    with warehouse.connect() as connection:
        old, new = (
            warehouse.relation(connection, table, partitions=chosen, version=version)
            for version in (before, after)
        )
        rows, shifts = _compared(connection, old, new, told)
    return TableDiff(before, after, tuple(chosen or ()), rows, shifts)


def diff_contents(
    warehouse: Warehouse,
    table: TableKey,
    before: tuple[int, str | None],
    after: tuple[int, str | None],
    *,
    identity: Sequence[str] = (),
) -> TableDiff:
    """Compare a partition at one version with another partition, or the same, at another version.

    Parameters
    ----------
    before, after
        Versions, each with its partition; None for a table without partitions.

    Raises
    ------
    StoreError
        When there is no such version.
    """
    digests = [warehouse.digest(table, partition=part, version=version) for version, part in (before, after)]
    if digests[0] == digests[1]:
        return TableDiff(before[0], after[0], (), None, ())
    with warehouse.connect() as connection:
        old, new = (
            warehouse.relation(connection, table, partition=part, version=version)
            for version, part in (before, after)
        )
        rows, shifts = _compared(connection, old, new, tuple(identity))
    parts = dict.fromkeys(part for _, part in (before, after) if part is not None)
    return TableDiff(before[0], after[0], tuple(parts), rows, shifts)


def _compared(
    connection: duckdb.DuckDBPyConnection,
    old: duckdb.DuckDBPyRelation,
    new: duckdb.DuckDBPyRelation,
    identity: tuple[str, ...],
) -> tuple[RowDiff, tuple[ColumnShift, ...]]:
    provenance = PROVENANCE if PARTITION in identity else _ASIDE
    rows = diff_rows(connection, old, new, identity=identity, aside=provenance)
    aside = {*_ASIDE, ROW_ID, BROKEN_RULES, *identity}
    columns = [name for name in new.columns if name in old.columns and name not in aside]
    return rows, tuple(column_shifts(connection, old, new, columns))


def _differing_partitions(
    warehouse: Warehouse, table: TableKey, before: int, after: int, partition: str | None
) -> list[str | None]:
    """Partitions whose content is another one; `[None]` for a table without, if its content is."""
    if partition is None and not warehouse.is_partitioned(table):
        return [None] if len({warehouse.digest(table, version=one) for one in (before, after)}) == 2 else []
    old, new = (warehouse.partitions(table, version=version) for version in (before, after))
    if partition is not None and partition not in {**old, **new}:
        raise StoreError(
            f"table {view_name(tuple(table))} has no partition {partition} in versions {before} and {after}",
            hint=f"it has {', '.join(sorted({**old, **new})) or 'none'}",
        )
    wanted = sorted({**old, **new}) if partition is None else [partition]
    return [name for name in wanted if old.get(name) != new.get(name)]
