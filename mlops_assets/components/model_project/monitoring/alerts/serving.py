"""Services of the project: versions that do not load, refused requests, services that were killed."""

from collections.abc import Iterator

from mlops_assets.components.model_project.monitoring.alerts.evaluation import Evaluation
from mlops_assets.stores.alerts.alert import Condition
from mlops_assets.stores.serving_status.status import ServingStatus
from mlops_assets.stores.serving_status.status_files import read_statuses

_TITLES = {
    "load": "the champion is not served: it does not load",
    "check": "the served version can't be compared with the champion",
}
_HOLD_SECONDS = 60.0
"""Workers are replaced, and servers restarted, within this time."""


def services(evaluation: Evaluation) -> Iterator[Condition]:
    """Yield a condition for each problem of a running service, and each service that no longer reports.

    A service that was stopped has no status, and is not reported. The messages of a service have no values of
    rows.
    """
    severity = evaluation.severity("serving")
    for status in read_statuses(evaluation.state, evaluation.project.name):
        where = f"{status.address} on {status.host}"
        for key, title, detail, hold in _problems(evaluation, status):
            yield Condition(
                key=f"serving:{key}:{status.service}",
                kind="serving",
                severity=severity,
                title=title,
                detail=f"{detail} ({where})",
                hold_seconds=hold,
            )


def _problems(evaluation: Evaluation, status: ServingStatus) -> Iterator[tuple[str, str, str, float]]:
    """Yield key, title, detail and hold time of each problem of a service."""
    if not status.is_fresh(evaluation.now):
        last = f"its last report is of {status.updated_at:%Y-%m-%d %H:%M:%S} UTC"
        yield "gone", "a service does not report any more", f"{last}; it was killed or hangs", 0
        return
    if (error := status.error) is not None:
        detail = f"{error.message}; {error.hint}" if error.hint else error.message
        yield error.kind, _TITLES[error.kind], detail, 0 if error.kind == "load" else _HOLD_SECONDS
    if status.state == "refusing":
        yield "refusing", "requests are refused: the project has no champion", "its last one was retired", 0
    if status.ready < status.workers:
        detail = f"{status.ready} of {status.workers} answer; {status.restarts} were replaced"
        yield "workers", "workers of the service do not answer", detail, _HOLD_SECONDS
