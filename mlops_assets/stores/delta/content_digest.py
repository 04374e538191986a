"""Content digests of tables, the row hashes that they sum, and the file names that contain a digest."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import duckdb

from mlops_assets.core.digests import text_digest
from mlops_assets.core.names import PROVENANCE
from mlops_assets.core.sql_quoting import quoted_list

_DIGITS, _PARTS = 32, 4


class RowHashes(NamedTuple):
    """The rows of a group, as its number of rows and the sum of their hashes."""

    rows: int
    total: int


def row_hashes(
    relation: duckdb.DuckDBPyRelation, columns: Iterable[str], *, by: str = "null"
) -> dict[str | None, RowHashes]:
    """The number of rows and the sum of their hashes for each group.

    The sum does not depend on the order of the rows. DuckDB's 64-bit row hashes are summed in 128 bits, so
    that equal rows add up instead of cancelling. The hash depends on the order of the columns, and DuckDB
    may change it between versions: include `duckdb.__version__` in a digest of the sum.

    Parameters
    ----------
    columns
        The columns to hash, in this order.
    by
        SQL expression of the group; by default all rows are one group, None. A group without rows is absent.
    """
    found = relation.aggregate(
        f"{by} as key, count(*) as rows, sum(hash({quoted_list(columns)})::hugeint) as total"
    ).fetchall()
    return {key: RowHashes(rows, total) for key, rows, total in found if rows}


def relation_digest(relation: duckdb.DuckDBPyRelation) -> tuple[int, str]:
    """The number of rows and the digest of their content, independent of the order of rows and columns.

    Provenance columns are excluded: the same rows from a renamed file are the same data. See `row_hashes`
    for how rows are hashed.

    Returns
    -------
    rows, digest
        The number of rows and 32 hexadecimal digits.
    """
    hashes, digest = relation_content(relation)
    return hashes.rows, digest


def relation_content(relation: duckdb.DuckDBPyRelation) -> tuple[RowHashes, str]:
    """The summed hashes of the rows, and their digest; see `relation_digest`."""
    columns = dict(zip(relation.columns, map(str, relation.types), strict=True))
    hashes = row_hashes(relation, digested_columns(columns)).get(None, RowHashes(0, 0))
    return hashes, content_digest(columns, hashes)


def digested_columns(columns: Iterable[str]) -> list[str]:
    """The columns whose values belong to the content, in the order in which they are hashed."""
    return sorted(name for name in columns if name not in PROVENANCE)


def content_digest(columns: Mapping[str, str], hashes: RowHashes) -> str:
    """The digest of `relation_digest`, of rows that are hashed already.

    Parameters
    ----------
    columns
        The DuckDB type of each column.
    hashes
        The sum over `digested_columns`.
    """
    kinds = [(name, columns[name]) for name in digested_columns(columns)]
    return text_digest(duckdb.__version__, repr(kinds), str(hashes.rows), str(hashes.total))[:_DIGITS]


def file_name(digest: str, write: str, number: str, file_sha256: str) -> str:
    """The name of one of the files that together contain the content with a digest.

    Parameters
    ----------
    digest
        The digest of the content of all files.
    write, number
        What makes the name unique: an identifier of the write, and the number of the file.
    file_sha256
        The SHA-256 of the bytes of this file, of which the name has the first 32 digits.
    """
    return f"{digest}-{write}-{number}-{file_sha256[:_DIGITS]}.parquet"


def named_digest(paths: Collection[str]) -> str | None:
    """The digest in the names of all these files; None if another program wrote one of them."""
    found = {Path(path).stem.split("-")[0] for path in paths}
    digest = found.pop() if len(found) == 1 else ""
    return digest if len(digest) == _DIGITS else None


def named_bytes(path: str) -> str | None:
    """The first digits of the SHA-256 of a file's bytes, from its name; None if the name has none."""
    parts = Path(path).stem.split("-")
    return parts[-1] if len(parts) == _PARTS and len(parts[-1]) == _DIGITS else None
