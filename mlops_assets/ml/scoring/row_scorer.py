"""Predictions of raw rows, batch by batch: rows that violate the contract are set aside with their rules."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from mlops_assets.core.errors import ProjectError
from mlops_assets.core.names import BROKEN_RULES, ROW_ID
from mlops_assets.core.sql_quoting import quoted, quoted_list
from mlops_assets.ml.contracts.batch_check import CheckedRows, check_rows
from mlops_assets.ml.contracts.columns import SqlType
from mlops_assets.ml.contracts.contract import Contract
from mlops_assets.ml.model.tabular_model import TabularModel, sandbox
from mlops_assets.ml.scoring.prediction_batches import BatchPredictor

_ARROW: dict[SqlType, pa.DataType] = {
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"),
    "DATE": pa.date32(),
    "VARCHAR": pa.string(),
}
_RULES = pa.field(BROKEN_RULES, pa.list_(pa.string()))
_POSITION = re.compile(rf" where {ROW_ID} is \d+")
_MOST_FAILURES = 100
"""Maximum number of rows of a batch for which `features.sql` may fail; more are an error of the query."""


class ScoredBatch(NamedTuple):
    """The rows of a batch: each is in exactly one of the two tables, in their order.

    Attributes
    ----------
    predicted
        The carried columns and those of `output_schema`.
    rejected
        The source's columns, unchanged, and `_broken_rules`.
    """

    predicted: pa.Table
    rejected: pa.Table


@dataclass(frozen=True)
class RowScorer:
    """A model with the contract of its input rows.

    Attributes
    ----------
    contract
        Casts the input columns of the model. Every row is checked on its own, so uniqueness is not.
    carried
        Columns of the source beside the predictions: typed if the contract has them, else as in the source.
    features_contract
        Rules of the input columns once they are cast, for a model whose input consists of features.
    contributions
        Number of features whose contributions to each prediction are listed.
    """

    model: TabularModel
    contract: Contract
    carried: Sequence[str]
    features_contract: Contract | None = None
    contributions: int = 0

    @cached_property
    def _predictor(self) -> BatchPredictor:
        return BatchPredictor(self.model, self.contributions)

    @cached_property
    def sensitive(self) -> frozenset[str]:
        """The sensitive columns of the input."""
        return frozenset(column.name for column in self.contract.columns if column.sensitive)

    def schema(self, source: pa.Schema) -> pa.Schema:
        """The columns of the predicted rows of a source with this schema."""
        typed = {column.name: _ARROW[column.sql_type] for column in self.contract.columns}
        carried = [(name, typed[name] if name in typed else source.field(name).type) for name in self.carried]
        return pa.schema([*carried, *self._predictor.schema])

    @staticmethod
    def rejected_schema(source: pa.Schema) -> pa.Schema:
        """The columns of the rejected rows of a source with this schema."""
        return source.append(_RULES)

    def score(self, batch: pa.RecordBatch) -> ScoredBatch:
        """Predict the rows of a batch of the source.

        Raises
        ------
        ProjectError
            If `features.sql` fails, except for a few rows, which are rejected.
        """
        with sandbox() as connection:
            checked = self._check(connection, connection.from_arrow(self._known(batch)))
            is_valid = np.ones(batch.num_rows, dtype=bool)
            is_valid[list(checked.rejected)] = False
            places = np.flatnonzero(is_valid)
            if not len(places):
                return ScoredBatch(
                    self.schema(batch.schema).empty_table(), _rejected(batch, checked.rejected)
                )
            computed = self._compute(connection, checked.valid, places)
            typed = self._typed(checked.valid)
        if computed.failed:
            valid = np.isin(places, list(computed.failed), invert=True)
            places, typed = places[valid], typed.filter(pa.array(valid))
        outputs = self._predictor.predict(computed.features)
        source = batch if len(places) == batch.num_rows else batch.take(pa.array(places))
        carried = [
            typed.column(name) if name in self.contract.names else source.column(name)
            for name in self.carried
        ]
        predicted = pa.table([*carried, *outputs.columns], schema=self.schema(batch.schema))
        return ScoredBatch(predicted, _rejected(batch, {**checked.rejected, **computed.failed}))

    def prepare_contributions(self, batch: pa.RecordBatch) -> None:
        """Find the features that contributions belong to with these rows instead of the first batch's."""
        with sandbox() as connection:
            checked = self._check(connection, connection.from_arrow(self._known(batch)))
            places = np.setdiff1d(np.arange(batch.num_rows), list(checked.rejected))
            self._predictor.prepare(self._compute(connection, checked.valid, places).features)

    def _known(self, batch: pa.RecordBatch) -> pa.Table:
        """The columns of the contract, and the place of each row."""
        known = [name for name in self.contract.names if name in batch.schema.names]
        rows = pa.table([batch.column(name) for name in known], names=known)
        return rows.append_column(ROW_ID, pa.array(np.arange(batch.num_rows)))

    def _compute(
        self,
        connection: duckdb.DuckDBPyConnection,
        valid: duckdb.DuckDBPyRelation,
        places: NDArray[np.int64],
    ) -> "_Computed":
        """The features of valid rows; rows for which `features.sql` fails are found by halving."""
        typed = valid.project(quoted_list([*self.contract.names, ROW_ID]))
        failed: dict[int, list[str]] = {}

        def compute(rows: NDArray[np.int64]) -> list[pd.DataFrame]:
            part = typed
            if len(rows) < len(places):
                part = typed.filter(f"{quoted(ROW_ID)} between {rows[0]} and {rows[-1]}")
            try:
                return [self.model.features_of(connection, part, rows)]
            except ProjectError as error:
                message = error.without_values if self.sensitive else error.message
                if len(rows) == 1:
                    failed[int(rows[0])] = [_POSITION.sub("", message)]
                if len(rows) <= 1:
                    return []
                if len(failed) >= _MOST_FAILURES:
                    raise
            half = len(rows) // 2
            return [*compute(rows[:half]), *compute(rows[half:])]

        found = compute(places)
        if not found:
            return _Computed(pd.DataFrame(columns=list(self.model.spec.features)), failed)
        return _Computed(pd.concat(found, ignore_index=True) if len(found) > 1 else found[0], failed)

    def _check(self, connection: duckdb.DuckDBPyConnection, source: duckdb.DuckDBPyRelation) -> CheckedRows:
        """Cast the rows; a model of features has rules for the cast values, too."""
        first = check_rows(connection, source, self.contract, table="_typed")
        if self.features_contract is None:
            return first
        second = check_rows(connection, first.valid, self.features_contract, table="_checked")
        rejected = {**first.rejected, **second.rejected}
        return CheckedRows(_without(connection, first.valid, second.rejected), rejected)

    def _typed(self, valid: duckdb.DuckDBPyRelation) -> pa.Table:
        """The carried columns that the contract has, in the order of the rows."""
        names = [name for name in self.carried if name in self.contract.names]
        return valid.order(ROW_ID).project(quoted_list([*names, ROW_ID])).to_arrow_table()


class _Computed(NamedTuple):
    features: pd.DataFrame
    failed: Mapping[int, list[str]]


def _without(
    connection: duckdb.DuckDBPyConnection, rows: duckdb.DuckDBPyRelation, rejected: Mapping[int, object]
) -> duckdb.DuckDBPyRelation:
    if not rejected:
        return rows
    invalid = pa.table({ROW_ID: pa.array(list(rejected), pa.int64())})
    return rows.join(connection.from_arrow(invalid), ROW_ID, how="anti")


def _rejected(batch: pa.RecordBatch, rules: Mapping[int, list[str]]) -> pa.Table:
    """The rows that violate a rule, in their order, with all violated rules."""
    places = sorted(rules)
    rows = pa.Table.from_batches([batch.take(pa.array(places, pa.int64()))])
    return rows.append_column(_RULES, pa.array([rules[place] for place in places], _RULES.type))
