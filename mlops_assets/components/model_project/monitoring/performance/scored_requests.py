"""Logged requests as rows whose performance is measured: joined with the targets that have arrived."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.monitoring.logged_rows import LoggedRows
from mlops_assets.components.model_project.monitoring.performance.logged_keys import (
    KEY_BITS,
    has_declared_key,
    with_key_bits,
)
from mlops_assets.components.model_project.monitoring.performance.scored_partition import (
    ScoredPartition,
    with_arrived_targets,
    with_event_targets,
)
from mlops_assets.components.model_project.project.log_window import table_key
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names
from mlops_assets.core.sql_quoting import literal, quoted, quoted_list
from mlops_assets.stores.prediction_log import columns as log

if TYPE_CHECKING:
    import duckdb

    from mlops_assets.components.model_project.monitoring.performance.scored_version import ScoredVersion
    from mlops_assets.ml.model.tabular_model import TabularModel

REPEATED, WITHOUT_KEY, IN_TRAINING, OLDER = "repeated", "without_key", "in_training", "older"
MOST_ROWS = 1_000_000
"""Keys of a version that are evaluated, from the newest request on: more would not fit into memory."""


@dataclass(frozen=True)
class ScoredRequests:
    """The requests that a version answered.

    Attributes
    ----------
    rows
        Those that are evaluated; None if there are none.
    left_out
        The number of the others, by the reason.
    problem
        Why none are evaluated, if not because there are none.
    """

    rows: ScoredPartition | None
    left_out: Mapping[str, int]
    problem: str = ""

    def describe(self, project: Project) -> str:
        """What is not evaluated, and why; empty if everything is."""
        reasons = {
            REPEATED: "earlier requests of the same key",
            WITHOUT_KEY: f"without {', '.join(table_key(project))}",
            IN_TRAINING: "in the training set of the version",
            OLDER: f"older than the newest {MOST_ROWS:,}",
        }
        texts = [f"{count:,} {reasons[name]}" for name, count in self.left_out.items() if count]
        left_out = f"left out: {', '.join(texts)}" if texts else ""
        return "; ".join(filter(None, [self.problem and f"not evaluated: {self.problem}", left_out]))


def scored_requests(logged: LoggedRows, partition: str | None, version: "ScoredVersion") -> ScoredRequests:
    """The last request of each entity, or of each key of a static project, that a version answered."""
    model = logged.run.tracking.load(version.trained)
    rows = logged.answered(partition, model, version.number)
    if logged.project.timeline is not None and partition is not None:
        return ScoredRequests(_event_requests(logged, partition, version, model, rows), {})
    return _static_requests(logged, partition, version, model, rows)


def _event_requests(
    logged: LoggedRows,
    partition: str,
    version: "ScoredVersion",
    model: "TabularModel",
    rows: "duckdb.DuckDBPyRelation",
) -> ScoredPartition | None:
    """Requests with the features of a partition; None if the columns of the entity are not logged."""
    run, project = logged.run, logged.project
    entity = list(project.settings.entity)
    if not set(entity) <= set(rows.columns):
        return None
    periods = project.time.periods
    start, end = (literal(at.isoformat()) for at in (periods.start_of(partition), periods.end_of(partition)))
    as_of = f"{log.FEATURES_AS_OF}::timestamp"
    rows = rows.filter(f"{log.FEATURES_AS_OF} is null or ({as_of} > {start} and {as_of} <= {end})")
    features = [name for name in rows.columns if name in {column.name for column in model.spec.columns}]
    chosen = [*map(quoted, dict.fromkeys([*entity, *features])), *_outputs(version, model, rows)]
    labelled = with_event_targets(run, partition, rows.project(", ".join(chosen)))
    frame = labelled.order(quoted_list(entity)).df()
    return ScoredPartition(project, frame, 0) if len(frame) else None


def _static_requests(
    logged: LoggedRows,
    partition: str | None,
    version: "ScoredVersion",
    model: "TabularModel",
    rows: "duckdb.DuckDBPyRelation",
) -> ScoredRequests:
    """Requests whose key is not in the training set of the version, with the targets of the same keys."""
    from mlops_assets.ml.contracts.row_ids import key_bits, row_id_sql

    run, project, key = logged.run, logged.project, table_key(logged.project)
    answered = logged.versions(partition)[version.number]
    left_out = {REPEATED: answered - len(rows)}
    if missing := [name for name in key if name not in rows.columns]:
        return ScoredRequests(None, left_out, f"the log has no column {', '.join(missing)}")
    if version.evaluated is None:  # which rows the version has seen is unknown
        return ScoredRequests(None, left_out, version.missing)
    if not has_declared_key(run, version.trained):
        problem = f"the version was trained with another tables.{project.table}.key, so that the rows of its "
        return ScoredRequests(None, left_out, f"{problem}training set can't be left out; train a new one")
    identified = rows.filter(" and ".join(f"{quoted(name)} is not null" for name in key))
    left_out[WITHOUT_KEY] = len(rows) - len(identified)
    if (known := len(identified)) > MOST_ROWS:
        identified = identified.order(f"{names.ROW_ID} desc").limit(MOST_ROWS)
        left_out[OLDER] = known - MOST_ROWS
    typed = with_key_bits(run, logged.typed(identified, model))
    digests = [name for name in typed.columns if name in project.sensitive]  # no values to compute with
    keyed = typed.project(
        f"* exclude ({quoted_list([names.ROW_ID, *digests])}), {names.ROW_ID} as _request, "
        f"{row_id_sql(KEY_BITS)} as {names.ROW_ID}"
    )
    outputs = rows.project(", ".join([f"{names.ROW_ID} as _request", *_outputs(version, model, rows)]))
    joined = keyed.set_alias("asked").join(outputs.set_alias("answered"), "_request")
    labels = project.key(names.TRAINING_SET)
    if run.content(labels):
        joined = with_arrived_targets(joined, run.rows(labels), project.settings.target.column)
    frame = joined.order("_request").df()
    is_seen = frame[KEY_BITS].isin(key_bits(version.evaluated.frame[names.ROW_ID]))
    left_out[IN_TRAINING] = int(is_seen.sum())
    frame = frame[~is_seen].reset_index(drop=True)
    return ScoredRequests(ScoredPartition(project, frame, 0) if len(frame) else None, left_out)


def _outputs(version: "ScoredVersion", model: "TabularModel", rows: "duckdb.DuckDBPyRelation") -> list[str]:
    """The answers under the names of `ScoredPartition`."""
    return [
        *(
            f"{quoted(name)} as {quoted(f'_scored_{name}')}"
            for name in model.spec.output_types()
            if name in rows.columns
        ),
        f"{version.number} as _scored_{names.MODEL_VERSION}",
        f"false as _scored_{names.IN_TRAINING}",
    ]
