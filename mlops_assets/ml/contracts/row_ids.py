"""Row identity: `row_id` from the key of a row, and its parts as SQL.

The bits of a key are those of its MD5, or with a secret those of its HMAC-SHA256 (RFC 2104): without the
secret, a list of possible keys can't be compared with row IDs.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pandas as pd

from mlops_assets.core.digests import keyed_digest_sql
from mlops_assets.core.errors import DataError
from mlops_assets.core.names import ROW_ID, SOURCE_FILE, SOURCE_ROW
from mlops_assets.core.sql_quoting import literal, quoted, quoted_list

_OCCURRENCE_BITS = 14
_TOO_MANY_EQUAL = "row_id: too many rows are equal in"
_PLACE = f"{SOURCE_FILE}, {SOURCE_ROW}"


def with_row_ids(
    connection: duckdb.DuckDBPyConnection,
    relation: duckdb.DuckDBPyRelation,
    key: Sequence[str],
    scratch: Path,
    secret: bytes | None = None,
) -> duckdb.DuckDBPyRelation:
    """Add `row_id`: 48 bits of the key's digest, then 14 bits that number the rows with the same key bits.

    Equal keys get equal key bits on every machine and in every version of DuckDB, and therefore the same side
    of a split. Only rows that share their key bits are numbered: a window over all rows would hold and sort
    them all.

    Parameters
    ----------
    relation
        Rows with their provenance, which orders rows with equal keys.
    key
        Columns that identify a row.
    scratch
        A folder for files that the returned relation reads.
    secret
        The key of the HMAC; by default the digest is MD5.

    Raises
    ------
    duckdb.InvalidInputException
        While the relation is read, when more than 16,384 rows have the same key; see
        `translated_identity_errors`.
    """
    bits, numbers = scratch / "repeated_bits.parquet", scratch / "numbers.parquet"
    identified = relation.project(f"*, {bits_sql(key, secret=secret)} as _bits")
    times = identified.aggregate("_bits, count(*) as _times", "_bits")
    times.filter("_times > 1").write_parquet(str(bits))
    number = f"row_number() over (partition by _bits order by {_PLACE}) - 1"
    most, message = 1 << _OCCURRENCE_BITS, literal(f"{_TOO_MANY_EQUAL} {', '.join(key)}")
    checked = f"case when _number < {most} then _number else error({message}) end as _number"
    repeated = identified.join(connection.read_parquet(str(bits)), "_bits", how="semi")
    repeats_numbered = repeated.project(f"{_PLACE}, {number} as _number").filter("_number > 0")
    repeats_numbered.project(f"{_PLACE}, {checked}").write_parquet(str(numbers))
    numbered = identified.join(connection.read_parquet(str(numbers)), _PLACE, how="left")
    row_id = f"{row_id_sql('_bits')} + coalesce(_number, 0) as {ROW_ID}"
    return numbered.project(f"{quoted_list(relation.columns)}, {row_id}")


@contextmanager
def translated_identity_errors(subject: str) -> Iterator[None]:
    """Translate the error of `with_row_ids` for rows with the same key.

    Parameters
    ----------
    subject
        Project and table, for the message.

    Raises
    ------
    DataError
        When more rows have the same key than `row_id` can number: the next number would belong to another
        key.
    """
    try:
        yield
    except duckdb.Error as error:
        _, found, columns = str(error).partition(_TOO_MANY_EQUAL)
        if not found:
            raise
        raise DataError(
            f"{subject}: more than {1 << _OCCURRENCE_BITS:,} rows are equal in "
            f"{columns.strip().splitlines()[0]}",
            hint="declare a `key` for the table: columns that identify a row, for example a row number",
        ) from error


def row_bits_sql(key: Sequence[str], *, salt: str, secret: bytes | None = None) -> str:
    """An expression for `row_id` where the key is unique among the rows with the same salt."""
    return row_id_sql(bits_sql(key, literal(salt), secret=secret))


def row_id_sql(bits: str) -> str:
    """An expression for the `row_id` of the first row with some key bits."""
    return f"{bits} * {1 << _OCCURRENCE_BITS}"


def key_bits_sql() -> str:
    """The part of `row_id` that rows with the same key share."""
    return f"{ROW_ID} // {1 << _OCCURRENCE_BITS}"


def key_bits(row_ids: pd.Series) -> pd.Series:
    """The same of a column of row IDs."""
    return row_ids // (1 << _OCCURRENCE_BITS)


def bits_sql(key: Sequence[str], *before: str, secret: bytes | None) -> str:
    """An expression for the key bits of a typed row.

    Parameters
    ----------
    key
        Columns that identify a row.
    before
        Expressions of texts that precede the values of the key.
    secret
        The key of the HMAC; by default the digest is MD5.
    """
    parts = ", ".join([*before, *(f"coalesce({quoted(name)}::varchar, chr(30))" for name in key)])
    text = f"concat_ws(chr(31), {parts})"
    digest = f"md5({text})" if secret is None else keyed_digest_sql(secret, text)
    return f"('0x' || left({digest}, 12))::bigint"
