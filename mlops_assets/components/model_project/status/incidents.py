"""Open incidents and undelivered alerts, by the store of alerts."""

from pathlib import Path

from mlops_assets.core.errors import StoreError
from mlops_assets.core.status.project import IncidentStatus, UndeliveredStatus


def incidents(state: Path, project: str) -> tuple[IncidentStatus, ...]:
    """The open incidents of a project; of the whole installation for an empty name.

    Parameters
    ----------
    state
        The root of the state directory.
    """
    from mlops_assets.stores.alerts.incidents import open_incidents

    return tuple(
        IncidentStatus(
            *(found.kind, found.severity, found.title, found.opened_at),
            *(found.detail, found.asset, found.partition),
        )
        for found in open_incidents(state, project)
        if found.project == project
    )


def undelivered_alerts(state: Path, project: str) -> tuple[UndeliveredStatus, ...]:
    """The alerts of a project that were tried and not delivered."""
    from mlops_assets.stores.alerts.incidents import undelivered

    return tuple(
        UndeliveredStatus(
            *(found.channel, found.subject, found.attempts, found.gave_up, found.error, found.created_at)
        )
        for found in undelivered(state, project)
        if found.project == project
    )


def shared_incidents(state: Path, errors: list[str]) -> tuple[IncidentStatus, ...]:
    """The open incidents of the whole installation; none, and one error more, if they can't be read."""
    try:
        return incidents(state, "")
    except (StoreError, OSError) as error:
        errors.append(" ".join(str(error).split()))
        return ()
