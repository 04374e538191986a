"""Looks at the channels of alerts: variables that are not set, and programs that are missing."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from mlops_assets.components.model_project.monitoring.alerts.channels import variables_of
from mlops_assets.stores.alerts.incidents import undelivered
from mlops_assets.workspace.alerts import declared_alerts
from mlops_assets.workspace.health.doctor_checks import CheckWarningError
from mlops_assets.workspace.workspace import Workspace


def check_alerts(workspace: Workspace) -> str:
    """Check that the channels of alerts have what they need, and that alerts are delivered."""
    declared = declared_alerts(workspace)
    if not declared:
        return "no channels declared"
    problems = [
        f"{project}: channel {name}: {problem}"
        for project, alerts in declared.items()
        for name, channel in alerts.settings.channels.items()
        for problem in (
            *_unset(variables_of(channel)),
            *(_missing(channel.command[0], alerts.folder) if channel.command else ()),
        )
    ]
    if problems:
        raise CheckWarningError(
            "; ".join(problems),
            hint="set them for Dagster's daemon and its code server, and test: mlops alerts --test",
        )
    failed = undelivered(workspace.state.root)
    if failed:
        last = failed[-1]
        raise CheckWarningError(
            f"{len(failed)} alert{'' if len(failed) == 1 else 's'} not delivered; {last.project}: "
            f"{last.channel}: {last.error}",
            hint="see `mlops alerts`, and test the channels: mlops alerts --test",
        )
    count = sum(len(alerts.settings.channels) for alerts in declared.values())
    return f"{count} channel{'' if count == 1 else 's'} of {', '.join(declared)}"


def _unset(variables: list[str]) -> Iterator[str]:
    for name in variables:
        if not os.environ.get(name, "").strip():
            yield f"the environment variable {name} is not set"


def _missing(program: str, folder: Path) -> Iterator[str]:
    path = str(folder / program) if "/" in program else program
    if shutil.which(path) is None:
        yield f"there is no program {program}"
