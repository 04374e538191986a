"""What is known when a decision about a training is made: labels, trainings, champion and reports."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from mlops_assets.components.model_project.monitoring.retraining_decisions import RecordedDecision
from mlops_assets.components.model_project.monitoring.retraining_reports import known_reports
from mlops_assets.components.model_project.project.materializations import latest_materializations
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.components.model_project.project.succeeded_steps import SucceededSteps
from mlops_assets.core import job_names, names
from mlops_assets.ml.monitoring.retraining_rules import History, Tick

if TYPE_CHECKING:
    from mlops_assets.stores.tracking.tracking import TrackingStore
    from mlops_assets.stores.warehouse.warehouse import Warehouse


def known_history(
    project: Project,
    instance: dg.DagsterInstance,
    warehouse: "Warehouse",
    tracking: "TrackingStore",
    standing: RecordedDecision | None,
    tags: Mapping[str, str],
) -> History:
    """What is known now.

    Parameters
    ----------
    standing
        The newest decision.
    tags
        Tags of the run that decides.
    """
    from mlops_assets.stores.governance.ledger.ledger import Ledger
    from mlops_assets.stores.governance.ledger.state import LedgerState

    registered = latest_materializations(instance, project.key(names.REGISTERED_MODEL))
    trained_at = {
        cutoff: datetime.fromtimestamp(record.timestamp).astimezone() for cutoff, record in registered.items()
    }
    history = replace(
        _event_history(project, instance, trained_at)
        if project.timeline
        else _static_history(project, warehouse, tracking),
        champion=LedgerState.of(Ledger(warehouse, project.name).entries()).champion,
        reports=known_reports(project, warehouse),
    )
    return replace(history, tick=_tick(standing, trained_at, tags))


def _event_history(
    project: Project, instance: dg.DagsterInstance, trained_at: Mapping[str | None, datetime]
) -> History:
    """Labelled and trained cut-offs."""
    time, periods = project.time, project.time.periods
    records = latest_materializations(instance, project.key(names.TARGET))
    succeeded = SucceededSteps(instance)
    succeeded.load(record.run_id for record in records.values())
    labelled = {
        partition
        for partition, record in records.items()
        if partition and partition in periods and succeeded.includes(record)
    }
    cutoffs = time.cutoffs(labelled)
    trained = max((cutoff for cutoff in trained_at if cutoff and cutoff in periods), default=None)
    candidate = cutoffs[-1] if cutoffs else None
    new = [cutoff for cutoff in cutoffs if trained is None or cutoff > trained]
    newest = max(filter(None, [candidate, trained]), default=None)
    coming = periods.shift(newest, 1) if newest else time.first_cutoff
    return History(
        candidate=candidate,
        trained=trained,
        is_new=bool(new),
        is_first=trained is None,
        new_data=len(new),
        gap=len(periods.between(trained, candidate)) - 1 if trained and candidate else 0,
        next=_coming(project, coming, first=newest is None),
    )


def _coming(project: Project, cutoff: str, *, first: bool) -> str:
    """When the next cut-off is labelled, as a clause."""
    periods = project.time.periods
    if periods.last is not None and cutoff > periods.last:
        return f"the partitions end with {periods.last}"
    last_day = periods.end_of(cutoff) - timedelta(days=1)
    which = "the first cut-off" if first else "the next labelled cut-off"
    return f"{which} is {cutoff}, expected after {last_day:%Y-%m-%d}"


def _static_history(project: Project, warehouse: "Warehouse", tracking: "TrackingStore") -> History:
    """Whether the rows have changed since the newest version was trained, and how many there are more."""
    features = project.key(names.FEATURES).path
    if not warehouse.exists(features):
        return History(events=False)
    rows, digest = warehouse.row_counts(features)[None], warehouse.digest(features)
    trained = next(
        (
            int(version.facts["training_set_version"])
            for version in tracking.registry.versions(project.name)
            if "training_set_version" in version.facts
        ),
        None,
    )
    if trained is None:
        return History(events=False, is_new=True, is_first=True, new_data=rows)
    read = warehouse.inputs(project.key(names.TRAINING_SET).path, trained)["/".join(features)]
    before = next(one for one in warehouse.versions(features) if one.version <= read)
    is_new = before.digest != digest
    return History(events=False, is_new=is_new, new_data=rows - (before.rows or 0) if is_new else 0)


def _tick(
    standing: RecordedDecision | None,
    trained_at: Mapping[str | None, datetime],
    tags: Mapping[str, str],
) -> Tick | None:
    """The tick that this run belongs to, else that of a decision whose training has not ended yet."""
    if job_names.TICK_TAG in tags:
        return Tick(tags[job_names.TICK_TAG], tags.get(job_names.TICK_CUTOFF_TAG) or None)
    if standing is None or standing.decision != "train":
        return None
    at = standing.found.get("schedule", {}).get("tick")
    trained = trained_at.get(standing.cutoff)
    if at is None or (trained is not None and trained > standing.decided_at):
        return None
    return Tick(at, standing.cutoff)
