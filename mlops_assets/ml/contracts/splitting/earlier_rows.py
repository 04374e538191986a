"""New rows of a table that was validated before: whether the split of one depends on an earlier row."""

from collections.abc import Sequence

import duckdb

from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.contracts.row_ids import key_bits_sql
from mlops_assets.ml.contracts.splitting.repeats import compared_hashes, raw_hashes


def repeat_earlier_rows(
    connection: duckdb.DuckDBPyConnection,
    new: duckdb.DuckDBPyRelation,
    validated: duckdb.DuckDBPyRelation,
    quarantine: duckdb.DuckDBPyRelation,
    contract: Contract,
    identity: Sequence[str],
    secret: bytes | None,
) -> bool:
    """Whether a new row has the identity, or unique values, of a row before it.

    Only then do uniqueness and `row_id` of the new and of the earlier rows depend on each other. A
    quarantined row never makes a later one a duplicate; an earlier duplicate may have the values of a row
    that is kept last.

    Parameters
    ----------
    new, quarantine
        Raw rows, which are not cast.
    validated
        The earlier valid rows, with `row_id`.
    """
    for names, hash_sql, known in compared_hashes(contract, identity, secret):
        earlier = validated.project(f"{key_bits_sql() if known == '_bits' else hash_sql} as _bits")
        if contract.keep == "last":
            earlier = earlier.union(raw_hashes(quarantine, contract, names, hash_sql))
        raw_hashes(new, contract, names, hash_sql).distinct().create("new_hashes")
        repeated = earlier.join(connection.table("new_hashes"), "_bits", how="semi").limit(1).fetchall()
        connection.execute("drop table new_hashes")
        if repeated:
            return True
    return False
