"""The contract step: each raw row becomes either a valid or a quarantined row."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import count
from pathlib import Path

import duckdb

from mlops_assets.core.names import BROKEN_RULES
from mlops_assets.ml.contracts.cast_rules import broken_sql, rules_sql, typed_sql
from mlops_assets.ml.contracts.columns import source_types
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.contracts.splitting.row_rules import violated_rules
from mlops_assets.ml.contracts.splitting.row_split import BATCH_ROWS, RowSplit
from mlops_assets.ml.query_batches import query_batches

_NUMBERS = count()


def validate(
    connection: duckdb.DuckDBPyConnection,
    raw: duckdb.DuckDBPyRelation,
    contract: Contract,
    *,
    identity: Sequence[str],
    scratch: Path,
    before: tuple[str, datetime] | None = None,
    secret: bytes | None = None,
) -> tuple[duckdb.DuckDBPyRelation, duckdb.DuckDBPyRelation]:
    """Split raw rows into valid and quarantined rows, which can be read any number of times.

    To write valid rows while they are computed, use `RowSplit`, which has the same parameters.

    Returns
    -------
    valid
        The contract's columns, cast, the provenance, and `row_id`; in a table of the connection.
    quarantine
        The raw columns, unchanged, and `_broken_rules`.
    """
    split = RowSplit(connection, raw, contract, identity, scratch, before, secret)
    table = f"valid_{next(_NUMBERS)}"
    for number, rows in enumerate(split.valid()):
        if number:
            rows.insert_into(table)
        else:
            rows.create(table)
    return connection.table(table), split.quarantine()


def count_broken_rules(contract: Contract, rows: duckdb.DuckDBPyRelation) -> dict[str, int]:
    """The number of rows that violate each rule of a contract, uniqueness excepted."""
    counts: Counter[str] = Counter()
    types = source_types(rows)
    cast = typed_sql(contract.columns, types)
    suspect = f"{broken_sql(contract.columns, types)} or not ({contract.screen.sql})"
    if contract.screen.columns:
        suspect = "true"
    elif not rows.project(cast).filter(suspect).project("1").limit(1).fetchall():
        return {}
    rules = rules_sql(contract.columns, types)
    typed = rows.project(f"{cast}, {rules} as {BROKEN_RULES}").filter(suspect)
    for batch in query_batches(typed.to_arrow_reader(BATCH_ROWS)):
        for rules_of_row in violated_rules(batch, contract):
            counts.update(rules_of_row)
    return dict(counts)
