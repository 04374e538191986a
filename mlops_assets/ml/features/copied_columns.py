"""Features that are copies of columns of the table under another name."""

from collections.abc import Iterator, Sequence

import duckdb

from mlops_assets.core.names import ROW_ID
from mlops_assets.core.sql_quoting import count_where, quoted


def find_copies(
    written: duckdb.DuckDBPyRelation,
    valid: duckdb.DuckDBPyRelation,
    features: Sequence[str],
    columns: Sequence[str],
) -> Iterator[tuple[str, str]]:
    """Pairs of a feature and a column that are equal in all rows, in one pass over both tables.

    A constant column is no copy: others can be equal to it by chance.

    Parameters
    ----------
    written, valid
        Features and rows of the table, with `row_id`.
    features, columns
        Names of columns of each of them.
    """
    pairs = [(feature, column) for feature in features for column in columns]
    if not pairs:
        return
    kinds = dict(zip(written.columns, map(str, written.types), strict=True))
    both = written.set_alias("f").join(valid.set_alias("v"), f"f.{ROW_ID} = v.{ROW_ID}")
    tests = ", ".join(
        f"count(distinct v.{quoted(column)}) > 1 and "
        + count_where(
            f"f.{quoted(feature)} is distinct from try_cast(v.{quoted(column)} as {kinds[feature]})"
        )
        + " = 0"
        for feature, column in pairs
    )
    equal = both.aggregate(tests).fetchall()[0]
    yield from (pair for pair, is_copy in zip(pairs, equal, strict=True) if is_copy)
