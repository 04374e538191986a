"""The scored rows of a request: each row has a prediction, or the rules that it violates."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from mlops_assets.core.names import BROKEN_RULES
from mlops_assets.ml.scoring.row_scorer import ScoredBatch
from mlops_assets.ml.scoring.row_scores import RowScores
from mlops_assets.serving.engine.served_model import POSITION

Outputs = Mapping[str, Any]


class ScoredRows:
    """The scored rows of a request, from either path.

    Attributes
    ----------
    count
        Number of rows of the request.
    rejected
        The violated rules of each rejected row, by its position, in order.
    """

    def __init__(
        self,
        count: int,
        rejected: Mapping[int, Sequence[str]],
        *,
        rows: Sequence[Outputs | None] | None = None,
        table: pa.Table | None = None,
    ) -> None:
        self.count, self.rejected = count, rejected
        self._rows, self._table = rows, table

    @classmethod
    def of_scores(cls, scores: RowScores) -> "ScoredRows":
        """The rows of the path of plain values."""
        return cls(len(scores.outputs), scores.rejected, rows=scores.outputs)

    @classmethod
    def of_batch(cls, batch: ScoredBatch, count: int) -> "ScoredRows":
        """The rows of a batch with `POSITION`."""
        places = batch.rejected.column(POSITION).to_pylist()
        rules = batch.rejected.column(BROKEN_RULES).to_pylist()
        rejected = dict(zip(places, rules, strict=True))
        return cls(count, rejected, table=batch.predicted.drop_columns([POSITION]))

    @property
    def whole_table(self) -> pa.Table | None:
        """The outputs of all rows, if they are a table and no row was rejected."""
        return None if self.rejected else self._table

    @cached_property
    def by_position(self) -> Sequence[Outputs | None]:
        """The outputs of all rows; None for a rejected row."""
        if self._rows is not None:
            return self._rows
        assert self._table is not None
        found: list[Outputs | None] = self._table.to_pylist()
        if not self.rejected:
            return found
        valid = iter(found)
        return [None if place in self.rejected else next(valid) for place in range(self.count)]

    def spread(self, most: int) -> Sequence[Outputs]:
        """The outputs of at most a number of rows, evenly spread, without the rejected ones."""
        step = max(1, -(-self.count // most))
        if self._rows is None:
            assert self._table is not None
            places = pa.array(range(0, self._table.num_rows, step), pa.int64())
            found: list[Outputs] = self._table.take(places).to_pylist()
            return found
        return [row for row in self._rows[::step] if row is not None]

    def table(self, schema: pa.Schema) -> pa.Table:
        """The outputs of all rows as a table; null for a rejected row."""
        if self._table is None:
            rows = [{} if row is None else row for row in self.by_position]
            return pa.Table.from_pylist(rows, schema=schema)
        if not self.rejected:
            return self._table
        valid = np.ones(self.count, dtype=bool)
        valid[list(self.rejected)] = False
        places = np.cumsum(valid) - 1
        return self._table.take(pa.array(places, mask=~valid))
