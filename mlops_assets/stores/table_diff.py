"""What changed between two versions of a table.

Holds: `diff_versions`: which partitions differ, which rows, and how each column is distributed in them.
Add here: another thing that two versions are compared by.
Not here: the comparisons themselves (`ml/row_diff.py`, `ml/drift.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mlops_assets.errors import StoreError
from mlops_assets.ml.drift import ColumnShift, column_shifts
from mlops_assets.ml.row_diff import RowDiff, diff_rows
from mlops_assets.names import BROKEN_RULES, PARTITION, PROVENANCE, ROW_ID, view_name
from mlops_assets.stores.warehouse import TableKey, Warehouse

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
        provenance = PROVENANCE if PARTITION in told else _ASIDE
        rows = diff_rows(connection, old, new, identity=told, aside=provenance)
        columns = [
            name
            for name in new.columns
            if name in old.columns and name not in {*_ASIDE, ROW_ID, BROKEN_RULES, *identity}
        ]
        shifts = column_shifts(connection, old, new, columns)
    return TableDiff(before, after, tuple(chosen or ()), rows, tuple(shifts))


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
