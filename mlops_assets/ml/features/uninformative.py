"""Features without information about the target: constant, missing, or unique in most rows."""

from collections.abc import Collection, Sequence

import duckdb

from mlops_assets.core.sql_quoting import quoted

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
    measures = ", ".join(
        f"count({name}), min({name})::varchar, count(*) filter ({name} is null) = 0 and min({name}) = "
        f"max({name}), approx_count_distinct({name}), count(*) filter (trim({name}::varchar) like '% %')"
        for name in map(quoted, features)
    )
    values = iter(rows.aggregate(measures).fetchall()[0])
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
