"""The scoring of a request's rows with one version."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from mlops_assets.serving.engine.served_model import POSITION, ServedModel
from mlops_assets.serving.http.answers.scored_rows import ScoredRows
from mlops_assets.serving.http.bodies.request_rows import ArrowRows, RequestRows

MOST_ROWS_IN_LOOP = 64
"""Up to this number, rows are scored in the event loop: a thread would cost more than it gains."""


def score_rows(
    model: ServedModel, rows: RequestRows, rejected: Mapping[int, Sequence[str]], top: int = 0
) -> ScoredRows:
    """Score rows with a version.

    Parameters
    ----------
    rejected
        Rows that can't be scored, by their position, with the reasons.
    """
    if isinstance(rows, ArrowRows):
        batch = rows.batch.append_column(POSITION, pa.array(np.arange(rows.count)))
        return ScoredRows.of_batch(model.score(batch, contributions=top), rows.count)
    records = rows.records()
    if not rejected:
        return ScoredRows.of_scores(model.score_rows(records, contributions=top))
    places = [place for place in range(rows.count) if place not in rejected]
    scores = model.score_rows([records[place] for place in places], contributions=top)
    outputs: list[dict[str, Any] | None] = [None] * rows.count
    for place, output in zip(places, scores.outputs, strict=True):
        outputs[place] = output
    found = {places[place]: rules for place, rules in scores.rejected.items()}
    return ScoredRows(rows.count, dict(sorted({**rejected, **found}.items())), rows=outputs)
