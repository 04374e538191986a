"""Names of the jobs, sensors and schedules of a project."""

INGEST, LABEL, TRAIN, SCORE, BACKTEST = "ingest", "label", "train", "score", "backtest"
MONITOR = "monitor"
RESTORE, VACUUM, REPRODUCE = "restore", "vacuum", "reproduce"
"""Purposes of jobs."""
PURPOSE_TAG = "mlops/purpose"
"""Tag of the Dagster runs of a backtest, whose models are not registered."""
TICK_TAG, TICK_CUTOFF_TAG = "mlops/train_tick", "mlops/train_cutoff"
"""Tags of a run of `retraining` that a tick of `schedules.train` requests: scheduled time, and cut-off."""
DECISION_TAG = "mlops/retraining_decision"
"""Tag of a run that trains by a decision of `retraining`: the number of the decision."""
REMINDER, ALERTS, RETRAIN = "approval_reminder", "alerts", "retrain"
"""Purposes of sensors."""


def job_name(project: str, purpose: str) -> str:
    """Return the name of a job, such as `california_housing_train`."""
    return f"{project}_{purpose}"


def sensor_name(project: str, purpose: str) -> str:
    """Return the name of a sensor, such as `customer_churn_transactions_files`."""
    return f"{project}_{purpose}"


def schedule_name(project: str, purpose: str) -> str:
    """Return the name of a schedule, such as `customer_churn_train_schedule`."""
    return f"{project}_{purpose}_schedule"
