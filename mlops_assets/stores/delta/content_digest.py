"""What a table holds, as a digest, and the file names that carry it."""

from collections.abc import Collection
from pathlib import Path

import duckdb

from mlops_assets.core.digests import text_digest
from mlops_assets.core.names import PROVENANCE
from mlops_assets.core.sql_quoting import quoted_list

_DIGITS = 32


def relation_digest(relation: duckdb.DuckDBPyRelation) -> tuple[int, str]:
    """Count the rows and digest their content; neither their order nor the columns' order matters.

    The digest sums DuckDB's 64-bit row hashes in 128 bits, so that equal rows add up and don't cancel.
    Provenance columns are left out: the same rows from a renamed file are the same data.
    DuckDB may change its hash, so its version is part of the digest.

    Returns
    -------
    rows, digest
        The number of rows and 32 hexadecimal digits.
    """
    columns = sorted(
        (name, str(kind))
        for name, kind in zip(relation.columns, relation.types, strict=True)
        if name not in PROVENANCE
    )
    names = quoted_list(name for name, _ in columns)
    rows, total = relation.aggregate(
        f"count(*) as n, coalesce(sum(hash({names})::hugeint), 0)::varchar as total"
    ).fetchall()[0]
    return rows, text_digest(duckdb.__version__, repr(columns), str(rows), total)[:_DIGITS]


def file_name(digest: str, unique: str) -> str:
    """The name of one of the files that together hold the content with this digest."""
    return f"{digest}-{unique}.parquet"


def named_digest(paths: Collection[str]) -> str | None:
    """The digest that all these files' names carry; None when another writer made one of them."""
    found = {Path(path).stem.split("-")[0] for path in paths}
    digest = found.pop() if len(found) == 1 else ""
    return digest if len(digest) == _DIGITS else None
