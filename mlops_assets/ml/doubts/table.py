"""All doubts about a table that is not split yet."""

from collections.abc import Collection, Sequence

import pandas as pd

from mlops_assets.ml.doubts.doubt import Doubt
from mlops_assets.ml.doubts.drift import drift_over_time
from mlops_assets.ml.doubts.duplicates import contradictory_rows, duplicate_rows
from mlops_assets.ml.doubts.splits import (
    entity_column,
    event_log,
    random_over_time,
    repeated_entity,
    time_column,
)
from mlops_assets.ml.doubts.target import capped_target, class_imbalance, long_tail
from mlops_assets.ml.metrics.tasks import Task


def table_doubts(
    rows: pd.DataFrame,
    target: pd.Series,
    *,
    name: str,
    task: Task,
    features: Sequence[str],
    bounds: Collection[float] = (),
) -> list[Doubt]:
    """The doubts about sampled rows with a target, for a random split.

    Parameters
    ----------
    rows
        All columns, with numbers, texts, booleans and times.
    target
        The target of each row, without missing values.
    name
        Name of the target.
    features
        Columns that are features.
    bounds
        The declared bounds of the target.
    """
    others = [str(each) for each in rows if each != name]
    times = [each for each in others if time_column(rows[each], each)]
    entities = [each for each in others if entity_column(rows[each], each)]
    of_target: list[Doubt | None]
    if task == "regression":
        of_target = [capped_target(target, name, bounds), long_tail(target, name)]
        contradictions = None
    else:
        of_target = [class_imbalance(target, name)]
        contradictions = contradictory_rows(rows[[*features]], target, name)
    drifts = drift_over_time(rows.assign(**{name: target}), times[0], [*features, name]) if times else None
    found = [
        event_log(rows, times, entities),
        repeated_entity(rows, entities),
        random_over_time(rows, times),
        drifts,
        duplicate_rows(rows[[*features]], target, name),
        contradictions,
        *of_target,
    ]
    return [doubt for doubt in found if doubt]
