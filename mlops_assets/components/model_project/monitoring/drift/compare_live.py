"""The comparison of logged requests with the training rows of the versions that answered them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.evaluation.drift_reference import as_compared, score_column
from mlops_assets.components.model_project.monitoring.drift.compare_partition import (
    GONE,
    PartitionComparer,
    PartitionRows,
)
from mlops_assets.components.model_project.monitoring.logged_rows import LoggedRows
from mlops_assets.core import names
from mlops_assets.core.errors import MlopsError
from mlops_assets.core.sql_quoting import quoted_list

if TYPE_CHECKING:
    from mlops_assets.ml.monitoring.drift.evaluation import ColumnDrift

NOT_LOGGED = "not compared: sensitive columns that the features require are not logged"


def compare_live(
    logged: LoggedRows, partition: str | None, comparer_of: Callable[[int], PartitionComparer]
) -> "dict[int, list[ColumnDrift]]":
    """All comparisons of the requests that belong to a partition, by the version that answered."""
    from mlops_assets.ml.monitoring.drift.evaluation import ColumnDrift

    found: dict[int, list[ColumnDrift]] = {}
    for version, rows in logged.versions(partition).items():
        try:
            found[version] = _compare(logged, partition, comparer_of(version), version)
        except MlopsError as error:
            note = f"not compared: {error.without_values if logged.project.sensitive else error.message}"
            found[version] = [ColumnDrift("live", "feature", None, rows, 0, note=note)]
    return found


def _compare(
    logged: LoggedRows, partition: str | None, comparer: PartitionComparer, version: int
) -> "list[ColumnDrift]":
    from mlops_assets.ml.monitoring.drift.classifier import SAMPLED_ROWS
    from mlops_assets.ml.monitoring.drift.evaluation import ColumnDrift
    from mlops_assets.ml.monitoring.drift.histograms import comparable, count

    scoring, project = comparer.scoring, logged.project
    answered = logged.answered(partition, scoring.model, version)
    total, reference = len(answered), scoring.reference
    if reference is None:
        return [ColumnDrift("live", "feature", None, total, 0, note=GONE.format(version))]
    score = score_column(scoring.model.spec)
    bins = reference.prediction.bins.values()
    prediction = count(as_compared(project, answered, score), bins) if score in answered.columns else {}
    features = logged.features(answered, scoring.model)
    if features is None:
        current = PartitionRows(total, {}, None, prediction, {})
        missing = ColumnDrift("live", "feature", None, total, 0, note=NOT_LOGGED)
        return [*comparer.compare_live(current), missing]
    known = [name for name in scoring.features if name in features.columns]
    wanted = {name: each for name, each in reference.features.bins.items() if name in known}
    rows = comparable(features, wanted.values())
    sample = None
    if set(known) == set(scoring.features) and set(scoring.entity) <= set(rows.columns):
        chosen = rows.project(quoted_list(dict.fromkeys([*known, *scoring.entity, names.ROW_ID])))
        sample = chosen.order(f"hash({names.ROW_ID})").limit(SAMPLED_ROWS).df()
    return comparer.compare_live(PartitionRows(total, count(rows, wanted.values()), sample, prediction, {}))
