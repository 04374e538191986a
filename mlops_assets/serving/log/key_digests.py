"""Keyed digests of the values of sensitive columns, equal to those of the typed values in the tables."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa

from mlops_assets.core.digests import keyed_digest_sql
from mlops_assets.core.sql_quoting import UTC_SESSION, quoted
from mlops_assets.ml.contracts.columns import Column, source_types
from mlops_assets.ml.scoring.plain_rows import rows_batch, value_problems

Rows: TypeAlias = "Sequence[Mapping[str, Any]] | pa.RecordBatch | pa.Table"
_POSITION = "_position"


class KeyDigests:
    """Digests of columns of a contract.

    A value is cast as the contract casts it before it is hashed, so that `7`, `"7"` and `7.0` of a column of
    integers have one digest: that of the text of the value in the validated table, by which live performance
    joins the log with the targets and `mlops forget` finds the rows of an entity.

    Parameters
    ----------
    columns
        The columns to hash.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)

    def of(self, rows: Rows, key: bytes) -> dict[str, pa.Array]:
        """The digest of each value by column; null where it is missing or can't be cast."""
        if not self.columns:
            return {}
        batch = self._batch(rows)
        given = self._connection.from_arrow(batch)
        types = source_types(given)
        found = given.project(
            ", ".join(
                f"{keyed_digest_sql(key, f'({column.cast_sql(types[column.name])})::varchar')} "
                f"as {quoted(column.name)}"
                for column in self.columns
            )
        ).to_arrow_table()
        return {column.name: found.column(column.name).combine_chunks() for column in self.columns}

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        """Kept, because a new one costs more than the digests of a request."""
        connection = duckdb.connect(config={"threads": 1})
        connection.execute(UTC_SESSION)
        return connection

    def _batch(self, rows: Rows) -> pa.Table:
        if isinstance(rows, pa.RecordBatch | pa.Table):
            count = rows.num_rows
            arrays = [
                rows.column(column.name) if column.name in rows.schema.names else pa.nulls(count, pa.string())
                for column in self.columns
            ]
            return pa.table(arrays, names=[column.name for column in self.columns])
        plain = [{} if value_problems(row, self.columns) else row for row in rows]
        return pa.Table.from_batches([rows_batch(plain, self.columns, _POSITION)])
