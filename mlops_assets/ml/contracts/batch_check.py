"""The contract step for a batch of rows in memory: each row is valid or violates a rule.

`validation` splits a whole table and evaluates uniqueness; here no row depends on another one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
from pandera.pandas import DataFrameSchema

from mlops_assets.core.names import BROKEN_RULES, ROW_ID
from mlops_assets.core.sql_quoting import quoted
from mlops_assets.ml.contracts.cast_rules import broken_sql, rules_sql, typed_sql
from mlops_assets.ml.contracts.columns import Column, source_types
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.contracts.splitting.row_rules import suspected_rows, violated_rules

_SUSPECT = "_suspect"


@dataclass(frozen=True)
class CheckedRows:
    """The rows of a batch after the contract step.

    Attributes
    ----------
    valid
        The contract's columns, cast, and `row_id`, of the rows that satisfy the contract.
    rejected
        The violated rules of each other row, by its `row_id`.
    """

    valid: duckdb.DuckDBPyRelation
    rejected: Mapping[int, list[str]]


def contract_of_types(columns: Sequence[Column], *, subject: str) -> Contract:
    """A contract with the types of columns and no value rules."""
    return Contract.of(DataFrameSchema({}), subject=subject).with_columns(columns)


def check_rows(
    connection: duckdb.DuckDBPyConnection, source: duckdb.DuckDBPyRelation, contract: Contract, *, table: str
) -> CheckedRows:
    """Cast rows and evaluate the rules of a contract, uniqueness excepted.

    Parameters
    ----------
    source
        The source's columns, and `row_id`.
    table
        Name of a new table for the typed rows.
    """
    columns, available, screen = contract.columns, source_types(source), contract.screen
    source.project(f"{typed_sql(columns, available)}, {ROW_ID}").create(table)  # cast once, read twice
    typed = connection.table(table)
    suspect = f"{broken_sql(columns, available)} or not ({screen.sql})"
    marked = typed.project(", ".join([ROW_ID, f"{suspect} as {_SUSPECT}", *map(quoted, screen.columns)]))
    rows = _as_batch(marked)
    suspected = np.flatnonzero(suspected_rows(rows, _SUSPECT, screen))
    if not len(suspected):
        return CheckedRows(typed, {})
    suspects = connection.from_arrow(pa.table({ROW_ID: rows.column(ROW_ID).take(pa.array(suspected))}))
    rules = f"{contract.cast_sql(available)}, {rules_sql(columns, available)} as {BROKEN_RULES}, {ROW_ID}"
    found = _as_batch(source.join(suspects, ROW_ID, how="semi").project(rules).order(ROW_ID))
    violated = zip(found.column(ROW_ID).to_pylist(), violated_rules(found, contract), strict=True)
    rejected = {row: broken for row, broken in violated if broken}
    if not rejected:
        return CheckedRows(typed, {})
    invalid = connection.from_arrow(pa.table({ROW_ID: pa.array(list(rejected), pa.int64())}))
    return CheckedRows(typed.join(invalid, ROW_ID, how="anti"), rejected)


def _as_batch(rows: duckdb.DuckDBPyRelation) -> pa.RecordBatch:
    table = rows.to_arrow_table().combine_chunks()
    batches = table.to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)
