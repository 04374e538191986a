"""Uniqueness over all rows: the rows that duplicate a kept row.

With two rules, a row may duplicate a row that the other rule has removed, and is then no duplicate. Rows are
therefore decided one after another: a row is kept unless a kept row has its values. Most tables have one rule
and need a single query.
"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import duckdb
import pyarrow as pa

from mlops_assets.core.names import SOURCE_FILE, SOURCE_ROW
from mlops_assets.core.sql_quoting import literal, quoted_list
from mlops_assets.ml.contracts.contract import Contract

_LAST = 1_000_000
"""Rank of uniqueness among the rules that a row violates."""
_PLACE = f"{SOURCE_FILE}, {SOURCE_ROW}"
_FETCHED = 65_536


def find_duplicates(
    connection: duckdb.DuckDBPyConnection, contract: Contract, rows: str, scratch: Path
) -> duckdb.DuckDBPyRelation:
    """Provenance and rule of each row that duplicates a kept row, as in `_duplicates_sql`.

    Parameters
    ----------
    rows
        Name of a relation with the columns that `_duplicates_sql` requires.
    scratch
        A folder for a file that the returned relation may read.
    """
    found = _by_each_rule(connection, contract, rows)
    if len(contract.unique) == 1:
        return found
    found.write_parquet(str(scratch / "repeats.parquet"))
    found = connection.read_parquet(str(scratch / "repeats.parquet"))
    passed = connection.sql(f"from {rows} where not _broken")
    by_rule = found.join(passed.project(_PLACE), _PLACE).aggregate("count(distinct rule)").fetchall()
    if by_rule[0][0] < 2:
        return found
    removed = pa.table(
        list(zip(*_removed(connection, contract, rows), strict=True)),
        schema=pa.schema([(SOURCE_FILE, pa.string()), (SOURCE_ROW, pa.int64())]),
    )
    connection.from_arrow(removed).create_view("removed", replace=True)
    connection.sql(
        f"select rows.* replace (_broken or removed.{SOURCE_ROW} is not null as _broken) "
        f"from {rows} as rows left join removed using ({_PLACE})"
    ).create_view("decided", replace=True)
    return _by_each_rule(connection, contract, "decided")


def _by_each_rule(
    connection: duckdb.DuckDBPyConnection, contract: Contract, rows: str
) -> duckdb.DuckDBPyRelation:
    queries = [_duplicates_sql(contract, names, rows) for names in contract.unique]
    return connection.sql(" union all ".join(f"({query})" for query in queries))


def _duplicates_sql(contract: Contract, columns: tuple[str, ...], rows: str) -> str:
    """A query for the rows that duplicate the values of a kept row.

    Parameters
    ----------
    columns
        One of `contract.unique`.
    rows
        Name of a relation with the columns, the provenance and `_broken`, which is true for a row that
        violates another rule: such a row is never the kept one.
    """
    place = f"({_PLACE})"
    kept, repeats = {
        "first": (f"min({place})", f"{place} > kept"),
        "last": (f"max({place})", f"{place} < kept"),
    }[contract.keep]
    rule = literal(f"({', '.join(columns)}): unique")
    return (
        f"select {_PLACE}, {rule} as rule, {_LAST} as rank from ("
        f"select {_PLACE}, {kept} filter (not _broken) over "
        f"(partition by {quoted_list(columns)}) as kept from {rows}) where {repeats}"
    )


def _removed(
    connection: duckdb.DuckDBPyConnection, contract: Contract, rows: str
) -> Iterator[tuple[str, int]]:
    """Provenance of the rows that violate no other rule and whose values a kept row has.

    Only rows whose values occur more than once are read; one name is kept in memory for each set of equal
    values.
    """
    groups = " union all ".join(
        f"select {_PLACE}, {number} as rule, first::varchar as name from ("
        f"select {_PLACE}, min(({_PLACE})) over same as first, count(*) over same as n from {rows} "
        f"where not _broken window same as (partition by {quoted_list(names)})) where n > 1"
        for number, names in enumerate(contract.unique)
    )
    order = "desc" if contract.keep == "last" else "asc"
    members = connection.execute(f"from ({groups}) order by {SOURCE_FILE} {order}, {SOURCE_ROW} {order}")
    taken: set[tuple[int, str]] = set()
    for place, found in groupby(_fetched(members), key=lambda member: member[:2]):
        values = {member[2:] for member in found}
        if taken.isdisjoint(values):
            taken |= values
        else:
            yield place


def _fetched(result: duckdb.DuckDBPyConnection) -> Iterator[tuple]:
    while batch := result.fetchmany(_FETCHED):
        yield from batch
