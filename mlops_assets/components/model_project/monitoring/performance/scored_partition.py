"""The predictions of a partition with their features, and with their targets as far as these are known."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.evaluation.row_clusters import cluster_columns, row_clusters
from mlops_assets.components.model_project.monitoring.performance.scored_version import ScoredVersion
from mlops_assets.components.model_project.monitoring.report import ReportRun
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.core import names
from mlops_assets.core.sql_quoting import quoted, quoted_list

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    from numpy.typing import NDArray

    from mlops_assets.ml.evaluation.groups.column_groups import ColumnGroups
    from mlops_assets.ml.metrics.metrics import Threshold
    from mlops_assets.ml.monitoring.performance import ScoredRows

_SCORED, _LABEL, _FACTOR, _BITS = "_scored_", "_label", "_factor", "_bits"


@dataclass(frozen=True)
class ScoredPartition:
    """Rows that were predicted.

    Attributes
    ----------
    frame
        The predictions under prefixed names, the columns of the rows that were predicted, and target and
        weight; without rows that the version was fitted on.
    in_training
        The number of rows that were left out, because the version was fitted on them or may have been.
    """

    project: Project
    frame: "pd.DataFrame"
    in_training: int

    @classmethod
    def read(cls, run: ReportRun, partition: str | None) -> "ScoredPartition":
        """Read the predictions that were given, and join what belongs to each row."""
        project = run.project
        joined = _event_rows(run, partition) if project.timeline else _static_rows(run, partition)
        frame = joined.df()
        marks = frame[_SCORED + names.IN_TRAINING].astype("boolean")
        evidence = (~marks).fillna(False).to_numpy(bool)
        return cls(project, frame[evidence].reset_index(drop=True), int((~evidence).sum()))

    @property
    def versions(self) -> list[int]:
        """The versions that predicted the rows."""
        return sorted(self.frame[_SCORED + names.MODEL_VERSION].unique().tolist())

    def of_version(self, number: int) -> "ScoredPartition":
        """The rows that one version predicted."""
        own = self.frame[_SCORED + names.MODEL_VERSION] == number
        return ScoredPartition(self.project, self.frame[own].reset_index(drop=True), self.in_training)

    def predictions(self, version: ScoredVersion) -> "NDArray":
        """The predictions that were given, in the form of `Task`."""
        match version.measure.task:
            case "regression":
                columns = ["prediction"]
            case "binary":
                columns = ["probability"]
            case "multiclass":
                columns = [f"probability_{label}" for label in version.classes]
        values = self.frame[[_SCORED + name for name in columns]].to_numpy(dtype=float)
        return values if version.measure.task == "multiclass" else values[:, 0]

    def threshold(self, version: ScoredVersion) -> "Threshold":
        """Thresholds that give the predicted classes, whatever chose them, such as that of a group."""
        import numpy as np

        if version.measure.task != "binary":
            return None
        chosen = (self.frame[f"{_SCORED}prediction"] == version.classes[1]).to_numpy(bool)
        return np.where(chosen, -np.inf, np.inf)

    def groups(self, version: ScoredVersion) -> "list[ColumnGroups]":
        """The groups of the rows, as the holdout of the version was grouped."""
        from mlops_assets.ml.monitoring.slice_groups import group_alike

        return [
            group_alike(reference, grouped, self.frame[name])
            for name, (reference, grouped) in version.groups.items()
            if name in self.frame
        ]

    @property
    def clusters(self) -> "NDArray | None":
        """The cluster of each row; None if rows are independent, or the columns are not there."""
        columns = cluster_columns(self.project)
        known = columns and set(columns) <= set(self.frame.columns)
        return row_clusters(self.project, self.frame) if known else None

    def labelled(self, version: ScoredVersion) -> "tuple[ScoredRows, int]":
        """Rows with a known target, and the number of rows whose class the version does not know.

        Of a static project, without rows of the training set of the version.
        """
        import numpy as np
        import pandas as pd

        from mlops_assets.ml.metrics.metrics import at_rows
        from mlops_assets.ml.monitoring.performance import ScoredRows
        from mlops_assets.ml.search.training_data import encode_target

        if _LABEL not in self.frame:
            rows, foreign = np.arange(0), 0
        else:
            known = self.frame[_LABEL].notna().to_numpy(bool) & ~self._of_training_set(version)
            of_class = (
                self.frame[_LABEL].isin(list(version.classes)).to_numpy(bool) if version.classes else known
            )
            rows, foreign = np.flatnonzero(known & of_class), int((known & ~of_class).sum())
        labels = self.frame[_LABEL].iloc[rows] if _LABEL in self.frame else pd.Series(dtype=float)
        clusters, weighted = self.clusters, _FACTOR in self.frame
        labelled = ScoredRows(
            encode_target(labels, version.classes, subject=self.project.name),
            self.predictions(version)[rows],
            at_rows(self.threshold(version), rows),
            None if clusters is None else clusters[rows],
            self.frame[_FACTOR].to_numpy(float)[rows] if weighted else None,
            [replace(each, groups=each.groups[rows]) for each in self.groups(version)],
        )
        return labelled, foreign

    def _of_training_set(self, version: ScoredVersion) -> "NDArray":
        """Rows of a static project that the training set has on any side: they are no new evidence."""
        import numpy as np

        from mlops_assets.ml.contracts.row_ids import key_bits

        if self.project.timeline is not None or version.evaluated is None:
            return np.zeros(len(self.frame), dtype=bool)
        return self.frame[_BITS].isin(key_bits(version.evaluated.frame[names.ROW_ID])).to_numpy(bool)


def _event_rows(run: ReportRun, partition: str | None) -> "duckdb.DuckDBPyRelation":
    """Predictions, features and target of the entities of a partition."""
    project, entity = run.project, run.project.settings.entity
    scored = _prefixed(run.rows(project.key(names.PREDICTIONS), partition), entity)
    rows = scored.join(
        _without_partition(run.rows(project.key(names.FEATURES), partition)), quoted_list(entity)
    )
    return with_event_targets(run, partition, rows)


def with_event_targets(
    run: ReportRun, partition: str | None, rows: "duckdb.DuckDBPyRelation"
) -> "duckdb.DuckDBPyRelation":
    """Add target and weight of a partition to rows of entities, as far as they have arrived."""
    project, entity = run.project, run.project.settings.entity
    target = project.key(names.TARGET)
    if partition not in run.content(target):
        return rows
    labels = run.rows(target, partition)
    weight = project.settings.weight
    factor = f", try_cast({quoted(weight)} as double) as {_FACTOR}" if weight else ""
    labels = labels.project(
        f"{quoted_list(entity)}, {quoted(project.settings.target.column)} as {_LABEL}{factor}"
    )
    return rows.join(labels, quoted_list(entity), how="left")


def _static_rows(run: ReportRun, partition: str | None) -> "duckdb.DuckDBPyRelation":
    """Predictions, the rows of `scoring`, and the targets that have arrived with the same key."""
    project = run.project
    scored = _prefixed(run.rows(project.key(names.PREDICTIONS), partition), [names.ROW_ID])
    given = run.rows(project.table_key(names.VALIDATED, names.SCORING), partition)
    rows = scored.join(_without_partition(given), names.ROW_ID)
    labels = project.key(names.TRAINING_SET)
    if not project.settings.tables[project.table].key or not run.content(labels):
        return rows
    return with_arrived_targets(rows, run.rows(labels), project.settings.target.column)


def with_arrived_targets(
    rows: "duckdb.DuckDBPyRelation", known: "duckdb.DuckDBPyRelation", target: str
) -> "duckdb.DuckDBPyRelation":
    """Add target and weight of the labelled row with the same key; null for rows without one.

    Of several labelled rows with a key, the last one counts, as `row_id` numbers them.
    """
    from mlops_assets.ml.contracts.row_ids import key_bits_sql

    columns = {target: _LABEL} | ({names.WEIGHT: _FACTOR} if names.WEIGHT in known.columns else {})
    last = [f"arg_max({quoted(name)}, {names.ROW_ID}) as {alias}" for name, alias in columns.items()]
    known = known.aggregate(", ".join([f"{key_bits_sql()} as {_BITS}", *last]))
    return rows.project(f"*, {key_bits_sql()} as {_BITS}").join(known, _BITS, how="left")


def _prefixed(scored: "duckdb.DuckDBPyRelation", kept: list[str]) -> "duckdb.DuckDBPyRelation":
    """The columns of predictions under names that no column of a table has, and those to join on."""
    renamed = [
        quoted(name) if name in kept else f"{quoted(name)} as {quoted(_SCORED + name)}"
        for name in scored.columns
        if name != names.PARTITION
    ]
    return scored.project(", ".join(renamed))


def _without_partition(rows: "duckdb.DuckDBPyRelation") -> "duckdb.DuckDBPyRelation":
    hidden = {names.PARTITION, *names.PROVENANCE}
    return rows.project(quoted_list([name for name in rows.columns if name not in hidden]))
