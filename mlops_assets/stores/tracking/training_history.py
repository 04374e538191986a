"""Past trainings of a project, read from the tracking store."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from mlflow.entities import Run

from mlops_assets.stores.tracking.client import TAG
from mlops_assets.stores.tracking.runs import DAGSTER_RUN_TAG, NEWEST_MODEL_FIRST
from mlops_assets.stores.tracking.tracking import TrackingStore

_TEST, _BASELINE = "test_", "baseline_"
INTERVAL_LOW, INTERVAL_HIGH = "interval_low", "interval_high"
"""Names of metrics: the bounds of the 95 % interval of the primary metric."""
_PAGE_SIZE = 200


@dataclass(frozen=True)
class Training:
    """One trained model and its evaluation, if it was evaluated.

    Attributes
    ----------
    metric, score, baseline
        The primary metric, the model's score on the holdout rows and that of the best baseline; empty and
        NaN if the model was not evaluated.
    low, high
        Bounds of the 95 % interval of the score; NaN if none was logged.
    metrics
        All metrics on the holdout rows.
    version, champion
        The registered version, if any, and whether it is the champion.
    data_version, data_digest
        Version and digest of the training set.
    """

    trained_at: datetime
    family: str
    metric: str
    score: float
    low: float
    high: float
    baseline: float
    metrics: Mapping[str, float]
    version: int | None
    champion: bool
    cutoff: str | None
    data_version: int | None
    data_digest: str
    model_digest: str
    mlflow_run_id: str
    dagster_run_id: str | None


def past_trainings(tracking: TrackingStore, project: str) -> list[Training]:
    """Return all trainings of a project, newest first; empty if it was never trained.

    Raises
    ------
    TrackingError
        When the tracking store can't be reached.
    """
    champion = tracking.registry.champion(project)
    experiment = tracking.client.get_experiment_by_name(project)
    if experiment is None:
        return []
    found = tracking.client.search_model_versions(f"name = '{project}'", max_results=10_000)
    versions = {version.run_id: int(version.version) for version in found}
    trainings, token = [], None
    while True:
        page = tracking.client.search_runs(
            [experiment.experiment_id],
            f"tags.`{TAG}model_uri` LIKE 'models:/%'",
            order_by=[*NEWEST_MODEL_FIRST],
            max_results=_PAGE_SIZE,
            page_token=token,
        )
        trainings += [_training(run, versions, champion.version if champion else None) for run in page]
        token = page.token
        if not token:
            return trainings


def _training(run: Run, versions: Mapping[str | None, int], champion: int | None) -> Training:
    tags, metrics = run.data.tags, run.data.metrics
    version = versions.get(run.info.run_id)
    metric = next((name.removeprefix(_BASELINE) for name in metrics if name.startswith(_BASELINE)), "")
    version_of_data = tags.get(f"{TAG}training_set_version")
    return Training(
        trained_at=datetime.fromtimestamp(run.info.start_time / 1000, UTC),
        family=run.data.params.get("family", ""),
        metric=metric,
        score=metrics.get(_TEST + metric, math.nan),
        low=metrics.get(INTERVAL_LOW, math.nan),
        high=metrics.get(INTERVAL_HIGH, math.nan),
        baseline=metrics.get(_BASELINE + metric, math.nan),
        metrics={
            name.removeprefix(_TEST): value
            for name, value in sorted(metrics.items())
            if name.startswith(_TEST)
        },
        version=version,
        champion=version is not None and version == champion,
        cutoff=tags.get(f"{TAG}cutoff"),
        data_version=int(version_of_data) if version_of_data else None,
        data_digest=tags.get(f"{TAG}training_set_digest", ""),
        model_digest=tags.get(f"{TAG}model_digest", ""),
        mlflow_run_id=run.info.run_id,
        dagster_run_id=tags.get(f"{TAG}dagster_run_id") or tags.get(DAGSTER_RUN_TAG),
    )
