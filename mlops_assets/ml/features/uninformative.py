"""Features without information about the target: constant, missing, or unique in most rows."""

from collections.abc import Collection, Sequence
from itertools import chain

import duckdb

from mlops_assets.core.sql_quoting import count_where, quoted

_COLUMNS_A_QUERY = 250
"""The time that DuckDB takes for a query grows with the square of its expressions."""
_MANY = 1_000
_NEARLY_ALL = 0.5
_FREE_TEXT = 0.5
"""Minimum share of values with several words in free text."""


def find_uninformative(
    rows: duckdb.DuckDBPyRelation, features: Sequence[str], *, hidden: Collection[str] = ()
) -> dict[str, str]:
    """Find features without information, in one pass over the rows.

    These are features that are missing in all rows, that have the same value in all rows, and single words
    with distinct values in most rows, such as keys. Free text is not among them.

    Parameters
    ----------
    rows
        Training rows.
    features
        Names of the columns that are features.
    hidden
        Features whose values are not quoted.

    Returns
    -------
    The reason, by feature.
    """
    total = len(rows)
    if not total or not features:
        return {}
    kinds = dict(zip(rows.columns, map(str, rows.types), strict=True))
    values = chain.from_iterable(
        rows.aggregate(
            ", ".join(_measures(name, kinds[name]) for name in features[start : start + _COLUMNS_A_QUERY])
        ).fetchall()[0]
        for start in range(0, len(features), _COLUMNS_A_QUERY)
    )
    found = {}
    for feature in features:
        known, least, constant, different, of_words = (next(values) for _ in range(5))
        if not known:
            found[feature] = "is missing in all rows"
        elif constant:
            found[feature] = "is constant" if feature in hidden else f"is {least} in all rows"
        elif kinds[feature] == "VARCHAR":
            are_keys = different > max(_MANY, _NEARLY_ALL * known) and of_words < _FREE_TEXT * known
            if are_keys:
                found[feature] = f"has about {different:,} distinct words in {known:,} rows"
    return found


def _measures(feature: str, kind: str) -> str:
    name = quoted(feature)
    words = f"approx_count_distinct({name}), " + count_where(f"trim({name}) like '% %'")
    return (
        f"count({name}), min({name})::varchar, count({name}) = count(*) and min({name}) = max({name}), "
        f"{words if kind == 'VARCHAR' else '0, 0'}"
    )
