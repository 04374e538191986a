"""Features without information about the target: constant, missing, or unique in most rows."""

from collections.abc import Collection, Sequence
from itertools import chain

import duckdb

from mlops_assets.core.sql_quoting import count_where, quoted
from mlops_assets.ml.wide_queries import in_groups

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
        rows.aggregate(", ".join(_measures(name, kinds[name]) for name in group)).fetchall()[0]
        for group in in_groups(features)
    )
    found = {}
    for feature in features:
        known, same = next(values), next(values)
        different, of_words = (next(values), next(values)) if kinds[feature] == "VARCHAR" else (0, 0)
        if not known:
            found[feature] = "is missing in all rows"
        elif same and known == total:
            found[feature] = (
                "is constant" if feature in hidden else f"is {_text_of_first(rows, feature)} in all rows"
            )
        elif different > max(_MANY, _NEARLY_ALL * known) and of_words < _FREE_TEXT * known:
            found[feature] = f"has about {different:,} distinct words in {known:,} rows"
    return found


def _measures(feature: str, kind: str) -> str:
    name = quoted(feature)
    words = f"approx_count_distinct({name}), " + count_where(f"trim({name}) like '% %'")
    return f"count({name}), min({name}) = max({name})" + (f", {words}" if kind == "VARCHAR" else "")


def _text_of_first(rows: duckdb.DuckDBPyRelation, feature: str) -> str:
    [[text]] = rows.project(f"{quoted(feature)}::varchar").limit(1).fetchall()
    return str(text)
