"""Logged requests as rows whose performance is measured: joined with the targets that have arrived."""

from typing import TYPE_CHECKING

from mlops_assets.components.model_project.monitoring.logged_rows import LoggedRows
from mlops_assets.components.model_project.monitoring.performance.scored_partition import (
    ScoredPartition,
    with_event_targets,
)
from mlops_assets.core import names
from mlops_assets.core.sql_quoting import literal, quoted, quoted_list
from mlops_assets.stores.prediction_log import columns as log

if TYPE_CHECKING:
    from mlops_assets.components.model_project.monitoring.performance.scored_version import ScoredVersion


def scored_requests(logged: LoggedRows, partition: str, version: "ScoredVersion") -> ScoredPartition | None:
    """The last request of each entity that a version answered from features of a partition.

    Returns
    -------
    None if the columns of the entity are not logged, because they are sensitive, or there is no such request.
    """
    run, project = logged.run, logged.project
    model, entity = run.tracking.load(version.trained), list(project.settings.entity)
    rows = logged.answered(partition, model, version.number)
    outputs = [name for name in model.spec.output_types() if name in rows.columns]
    if not set(entity) <= set(rows.columns):
        return None
    periods = project.time.periods
    start, end = (literal(at.isoformat()) for at in (periods.start_of(partition), periods.end_of(partition)))
    as_of = f"{log.FEATURES_AS_OF}::timestamp"
    rows = rows.filter(f"{log.FEATURES_AS_OF} is null or ({as_of} > {start} and {as_of} <= {end})")
    features = [name for name in rows.columns if name in {column.name for column in model.spec.columns}]
    chosen = [
        *map(quoted, dict.fromkeys([*entity, *features])),
        *(f"{quoted(name)} as {quoted(f'_scored_{name}')}" for name in outputs),
        f"{version.number} as _scored_{names.MODEL_VERSION}",
        f"false as _scored_{names.IN_TRAINING}",
    ]
    labelled = with_event_targets(run, partition, rows.project(", ".join(chosen)))
    frame = labelled.order(quoted_list(entity)).df()
    return ScoredPartition(project, frame, 0) if len(frame) else None
