"""Values that may occur more than once: the rows that uniqueness and the numbers of row identity concern."""

from collections.abc import Iterator, Sequence
from itertools import count

import duckdb
import numpy as np
import pyarrow as pa

from mlops_assets.core.sql_quoting import quoted_list
from mlops_assets.ml.contracts.columns import select_list, source_types
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.contracts.row_ids import bits_sql
from mlops_assets.ml.query_batches import query_batches

_SORTED_ROWS = 1 << 25
"""Up to this number, hashes are sorted in memory, 256 MiB; DuckDB groups more of them, and spills."""
_FETCHED_ROWS = 65_536
_NUMBERS = count()


def repeated_rows_sql(
    connection: duckdb.DuckDBPyConnection,
    raw: duckdb.DuckDBPyRelation,
    contract: Contract,
    identity: Sequence[str],
    secret: bytes | None,
) -> list[str]:
    """Conditions on a typed row with its `_bits`: one is true where another has its bits or unique values.

    Only the columns of the identity and of the unique values are read. They are compared by a hash: a row
    whose hash another row has is only examined more closely.
    """
    conditions = []
    for names, hash_sql, known in compared_hashes(contract, identity, secret):
        table = f"repeated_{next(_NUMBERS)}"
        hashes = raw_hashes(raw, contract, names, hash_sql)
        rows = len(raw)
        repeated = _sorted_repeats(connection, hashes, rows) if rows <= _SORTED_ROWS else _grouped(hashes)
        repeated.create(table)
        if len(connection.table(table)):
            conditions.append(f"{known} in (from {table})")
    return conditions


def raw_hashes(
    raw: duckdb.DuckDBPyRelation, contract: Contract, names: Sequence[str], hash_sql: str
) -> duckdb.DuckDBPyRelation:
    """A hash of each raw row as `_bits`, by its SQL over some columns, which are cast."""
    columns = [column for column in contract.columns if column.name in names]
    typed = raw.project(select_list(columns, source_types(raw))) if columns else raw
    return typed.project(f"{hash_sql} as _bits")


def _sorted_repeats(
    connection: duckdb.DuckDBPyConnection, hashes: duckdb.DuckDBPyRelation, rows: int
) -> duckdb.DuckDBPyRelation:
    """The hashes that occur more than once: sorting integers takes a tenth of the time of grouping them."""
    found = np.empty(rows, dtype=np.uint64)
    end = 0
    for batch in query_batches(hashes.project("_bits::ubigint as _bits").to_arrow_reader(_FETCHED_ROWS)):
        start, end = end, end + batch.num_rows
        found[start:end] = batch.column(0).to_numpy()
    found.sort()
    repeated = np.unique(found[1:][found[1:] == found[:-1]])
    return connection.from_arrow(pa.table({"_bits": repeated})).project(f"_bits::{hashes.types[0]} as _bits")


def _grouped(hashes: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The same of any number of rows, in bounded memory."""
    return hashes.aggregate("_bits, count(*) as _times", "_bits").filter("_times > 1").project("_bits")


def compared_hashes(
    contract: Contract, identity: Sequence[str], secret: bytes | None
) -> Iterator[tuple[Sequence[str], str, str]]:
    """The columns of each hash to compare, its SQL, and its SQL where `_bits` is known."""
    yield identity, bits_sql(identity, secret=secret), "_bits"
    # Equal numbers may have two texts, 0.0 and -0.0, and therefore other key bits.
    numbers = {column.name for column in contract.columns if column.sql_type == "DOUBLE"}
    for names in contract.unique:
        if set(names) != set(identity) or numbers & set(names):
            hash_sql = f"hash({quoted_list(names)})"
            yield names, hash_sql, hash_sql
