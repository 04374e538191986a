"""Trainings as they are recorded in MLflow, without the training."""

from mlops_assets.stores.tracking.tracking import TAG, TrackingStore
from mlops_assets.stores.tracking.training_history import INTERVAL_HIGH, INTERVAL_LOW


def train(
    tracking: TrackingStore, *, rmse: float | None, cutoff: str, start: int, register: bool = False
) -> str:
    """What a training logs, without the training."""
    facts = {"model_uri": "models:/m-1", "training_set_version": "4", "training_set_digest": "abc"}
    tags = {f"{TAG}{name}": value for name, value in {**facts, "cutoff": cutoff}.items()}
    experiment = tracking.experiment("lending")
    run = tracking.client.create_run(
        experiment, start_time=start, tags={**tags, "dagster_run_id": f"run {start}"}
    )
    tracking.log_facts(run.info.run_id, params={"family": "xgboost"})
    if rmse is not None:
        scores = {"test_rmse": rmse, "test_r2": 0.5, "baseline_rmse": 2.0}
        ends = {INTERVAL_LOW: rmse - 0.1, INTERVAL_HIGH: rmse + 0.1}
        tracking.log_facts(run.info.run_id, metrics={**scores, **ends})
    if register:
        if not tracking.client.search_registered_models("name = 'lending'"):
            tracking.client.create_registered_model("lending")
        source = f"{run.info.artifact_uri}/model"
        tracking.client.create_model_version("lending", source, run.info.run_id)
    return run.info.run_id
