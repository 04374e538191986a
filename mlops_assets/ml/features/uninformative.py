"""Features that can't help a model to tell rows apart."""

from collections.abc import Sequence

import duckdb

from mlops_assets.core.sql_quoting import quoted

_MANY = 1_000
_NEARLY_ALL = 0.5


def uninformative(rows: duckdb.DuckDBPyRelation, features: Sequence[str]) -> dict[str, str]:
    """Features that tell nothing, each with what is the matter.

    One pass over the rows. A feature is told that is missing in all rows, one that has the same value in
    all, and a text of which most rows have a value of their own, such as a name or a key.

    Parameters
    ----------
    rows
        The rows that train.
    features
        Which of their columns are features.
    """
    total = len(rows)
    if not total or not features:
        return {}
    kinds = dict(zip(rows.columns, map(str, rows.types), strict=True))
    asked = ", ".join(
        f"count({name}), min({name})::varchar, count(*) filter ({name} is null) = 0 and min({name}) = "
        f"max({name}), approx_count_distinct({name})"
        for name in map(quoted, features)
    )
    answers = iter(rows.aggregate(asked).fetchall()[0])
    found = {}
    for feature in features:
        known, least, constant, different = (next(answers) for _ in range(4))
        if not known:
            found[feature] = "is missing in all rows"
        elif constant:
            found[feature] = f"is {least} in all rows"
        elif kinds[feature] == "VARCHAR" and different > max(_MANY, _NEARLY_ALL * known):
            found[feature] = f"has about {different:,} different texts in {known:,} rows"
    return found
