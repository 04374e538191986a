"""The scored rows of a request: each row has a prediction, or the rules that it violates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from mlops_assets.core.names import BROKEN_RULES
from mlops_assets.ml.scoring.row_scorer import ScoredBatch
from mlops_assets.serving.engine.served_model import POSITION


@dataclass(frozen=True)
class ScoredRows:
    """The scored rows of a request.

    Attributes
    ----------
    count
        Number of rows of the request.
    rejected
        The violated rules of each rejected row, by its position, in order.
    """

    count: int
    rejected: Mapping[int, Sequence[str]]
    _outputs: pa.Table | Sequence[Mapping[str, object]]
    """The outputs of the other rows, in order."""

    @classmethod
    def of(cls, batch: ScoredBatch, count: int, rejected: Mapping[int, Sequence[str]]) -> "ScoredRows":
        """The rows of a batch with `POSITION`.

        Parameters
        ----------
        rejected
            Rules that were found to be violated before the batch was scored.
        """
        found = dict(
            zip(
                batch.rejected.column(POSITION).to_pylist(),
                batch.rejected.column(BROKEN_RULES).to_pylist(),
                strict=True,
            )
        )
        predicted = batch.predicted
        if rejected:
            for position, rules in rejected.items():
                fields = {rule.partition(": ")[0] for rule in rules}
                others = [rule for rule in found.get(position, ()) if rule.partition(": ")[0] not in fields]
                found[position] = [*rules, *others]
            invalid = np.isin(predicted.column(POSITION).to_numpy(), list(rejected))
            predicted = predicted.filter(pa.array(~invalid))
        return cls(count, dict(sorted(found.items())), predicted.drop_columns([POSITION]))

    @cached_property
    def outputs(self) -> Sequence[Mapping[str, object]]:
        """The outputs of the rows that were not rejected, in order."""
        if isinstance(self._outputs, pa.Table):
            found: list[dict[str, object]] = self._outputs.to_pylist()
            return found
        return self._outputs

    @property
    def by_position(self) -> Sequence[Mapping[str, object] | None]:
        """The outputs of all rows; None for a rejected row."""
        if not self.rejected:
            return self.outputs
        valid = iter(self.outputs)
        return [None if place in self.rejected else next(valid) for place in range(self.count)]

    def table(self, schema: pa.Schema) -> pa.Table:
        """The outputs of all rows as a table; null for a rejected row."""
        table = self._outputs
        if not isinstance(table, pa.Table):
            table = pa.Table.from_pylist(list(table), schema=schema)
        if not self.rejected:
            return table
        places = np.full(self.count, -1)
        valid = np.ones(self.count, dtype=bool)
        valid[list(self.rejected)] = False
        places[valid] = np.arange(table.num_rows)
        return table.take(pa.array(places, mask=~valid))
