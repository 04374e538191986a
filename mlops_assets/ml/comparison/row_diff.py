"""The differences of two sets of rows: added, removed and changed rows, by column."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from mlops_assets.core.sql_quoting import NUMBERS, count_where, quoted, quoted_list

_BEFORE, _AFTER = "_rows_before", "_rows_after"


@dataclass(frozen=True)
class RowDiff:
    """The differences of two sets of rows.

    Attributes
    ----------
    identity
        Columns by which rows were matched; empty when whole rows were compared, where a changed row counts as
        one removed and one added row.
    changed_columns
        Number of rows in which each column differs, in descending order.
    new_columns, gone_columns
        Columns of one side only; they do not count as changes of a row.
    """

    rows_before: int
    rows_after: int
    identity: tuple[str, ...]
    added: int
    removed: int
    changed: int
    changed_columns: dict[str, int]
    new_columns: tuple[str, ...]
    gone_columns: tuple[str, ...]


def diff_rows(
    connection: duckdb.DuckDBPyConnection,
    before: duckdb.DuckDBPyRelation,
    after: duckdb.DuckDBPyRelation,
    *,
    identity: Sequence[str] = (),
    aside: Sequence[str] = (),
) -> RowDiff:
    """Compare two relations of the connection without loading them into memory.

    Parameters
    ----------
    identity
        Columns that identify a row. Whole rows are compared when they are absent, null or not unique on
        either side.
    aside
        Columns to ignore.
    """
    before.create_view(_BEFORE, replace=True)
    after.create_view(_AFTER, replace=True)
    shared = [name for name in after.columns if name in before.columns and name not in aside]
    known = tuple(identity) if set(identity) <= {*shared} and _identifies_rows(connection, identity) else ()
    rows_before, rows_after = (
        connection.execute(f"select count(*) from {side}").fetchall()[0][0] for side in (_BEFORE, _AFTER)
    )
    values = [name for name in shared if name not in known]
    types = {
        name: (before.types[before.columns.index(name)], after.types[after.columns.index(name)])
        for name in values
    }
    if known:
        added, removed, changed, columns = _by_identity(connection, known, types)
    else:
        added, removed = _as_whole_rows(connection, types)
        changed, columns = 0, {}
    return RowDiff(
        rows_before,
        rows_after,
        known,
        added,
        removed,
        changed,
        dict(sorted(((name, n) for name, n in columns.items() if n), key=lambda item: (-item[1], item[0]))),
        tuple(name for name in after.columns if name not in before.columns and name not in aside),
        tuple(name for name in before.columns if name not in after.columns and name not in aside),
    )


_Types = dict[str, tuple["duckdb.sqltypes.DuckDBPyType", "duckdb.sqltypes.DuckDBPyType"]]


def _identifies_rows(connection: duckdb.DuckDBPyConnection, identity: Sequence[str]) -> bool:
    """Whether the identity is unique and never null on both sides."""
    if not identity:
        return False
    names, nulls = quoted_list(identity), " or ".join(f"{quoted(name)} is null" for name in identity)
    for side in (_BEFORE, _AFTER):
        violations = connection.execute(
            f"select 1 from {side} where {nulls} union all "
            f"(select 1 from {side} group by {names} having count(*) > 1) limit 1"
        )
        if violations.fetchall():
            return False
    return True


def _by_identity(
    connection: duckdb.DuckDBPyConnection, identity: Sequence[str], types: _Types
) -> tuple[int, int, int, dict[str, int]]:
    differs = {
        name: f"{_value('b', name, kinds)} is distinct from {_value('a', name, kinds)}"
        for name, kinds in types.items()
    }
    both = "b._there and a._there"
    met = " and ".join(f"b.{quoted(name)} = a.{quoted(name)}" for name in identity)
    counted = [
        count_where("b._there is null"),
        count_where("a._there is null"),
        count_where(f"{both} and ({' or '.join(differs.values()) or 'false'})"),
        *(count_where(f"{both} and {different}") for different in differs.values()),
    ]
    added, removed, changed, *columns = connection.execute(
        f"select {', '.join(counted)} from (select *, true as _there from {_BEFORE}) b "
        f"full join (select *, true as _there from {_AFTER}) a on {met}"
    ).fetchall()[0]
    return added, removed, changed, dict(zip(differs, columns, strict=True))


def _as_whole_rows(connection: duckdb.DuckDBPyConnection, types: _Types) -> tuple[int, int]:
    """The numbers of added and removed rows; equal rows are counted."""
    sides = [
        f"select {', '.join(_value(side, name, kinds) for name, kinds in types.items()) or '1'} from {side}"
        for side in (_BEFORE, _AFTER)
    ]
    gone, came = (
        connection.execute(f"select count(*) from ({one} except all {other})").fetchall()[0][0]
        for one, other in (sides, sides[::-1])
    )
    return came, gone


def _value(
    side: str, name: str, kinds: tuple["duckdb.sqltypes.DuckDBPyType", "duckdb.sqltypes.DuckDBPyType"]
) -> str:
    """A column of a side, as text where the types of the two sides are not comparable."""
    before, after = kinds
    comparable = str(before) == str(after) or {before.id, after.id} <= NUMBERS
    return f"{side}.{quoted(name)}" + ("" if comparable else "::varchar")
