"""Alerts of a workspace: what is declared, an evaluation by a command, and a test of each channel."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from mlops_assets.components.model_project.monitoring.alerts.channels import channels_of, ui_address
from mlops_assets.components.model_project.monitoring.alerts.sensor import FOLDER, SETTINGS
from mlops_assets.components.model_project.settings.monitoring.alerts import AlertSettings
from mlops_assets.core import job_names
from mlops_assets.core.errors import ProjectError
from mlops_assets.core.redaction.redact import redact
from mlops_assets.stores.alerts.alert import Alert
from mlops_assets.stores.alerts.delivery import describe
from mlops_assets.stores.alerts.message import compose
from mlops_assets.workspace.workspace import Workspace


@dataclass(frozen=True)
class DeclaredAlerts:
    """The declared alerts of a project.

    Attributes
    ----------
    folder
        The project's folder.
    """

    settings: AlertSettings
    folder: Path


@dataclass(frozen=True)
class ChannelTest:
    """What became of the test alert of a channel.

    Attributes
    ----------
    error
        Why it was not delivered; empty if it was.
    note
        A note of the channel about the delivery.
    """

    project: str
    channel: str
    error: str = ""
    note: str = ""


def declared_alerts(workspace: Workspace) -> dict[str, DeclaredAlerts]:
    """Return the declared alerts by project, as their sensors have them."""
    found = {}
    for sensor in workspace.definitions.sensors or ():
        metadata: Any = sensor.metadata
        if SETTINGS in metadata:
            project = sensor.name.removesuffix(f"_{job_names.ALERTS}")
            settings = AlertSettings.model_validate(metadata[SETTINGS].value)
            found[project] = DeclaredAlerts(settings, Path(metadata[FOLDER].value))
    return dict(sorted(found.items()))


def evaluate_alerts(workspace: Workspace, instance: dg.DagsterInstance, project: str) -> str:
    """Evaluate and deliver the alerts of a project in this process; return a sentence about the result.

    Raises
    ------
    ProjectError
        When they can't be evaluated.
    """
    name = job_names.sensor_name(project, job_names.ALERTS)
    definitions = workspace.definitions
    with dg.build_sensor_context(
        instance=instance, sensor_name=name, definitions=definitions, resources=definitions.resources or {}
    ) as context:
        try:
            result = definitions.get_repository_def().get_sensor_def(name).evaluate_tick(context)
        except Exception as error:  # a failed evaluation must not fail the command that it follows
            cause = error.__cause__ or error
            text = str(getattr(cause, "description", None) or cause)
            raise ProjectError(
                f"{project}: the alerts can't be evaluated: {redact(text)}",
                hint=f"see the sensor {name} in Dagster's UI",
            ) from error
        return result.skip_message or ""


def alert_notes(workspace: Workspace, instance: dg.DagsterInstance, project: str) -> list[str]:
    """Evaluate the alerts of a project after a command has run it; return what to print about it.

    Without declared alerts nothing is done. An error is a note: the run itself was not affected.
    """
    if project not in declared_alerts(workspace):
        return []
    try:
        message = evaluate_alerts(workspace, instance, project)
    except ProjectError as error:
        return [str(error)]
    return [] if message.startswith("no open") else [f"alerts: {message}; see `mlops alerts {project}`"]


def send_tests(workspace: Workspace, projects: list[str]) -> Iterator[ChannelTest]:
    """Send a test alert to each channel of the projects, whatever kinds and hours it is declared for."""
    declared = declared_alerts(workspace)
    for project in projects:
        settings = declared[project].settings
        ui = ui_address(settings)
        for channel in channels_of(settings, declared[project].folder, ui):
            alert = Alert(
                occasion="test",
                incident=0,
                project=project,
                kind="run",
                severity="info",
                title=f"channel {channel.name} works",
                detail="This alert was sent by `mlops alerts --test`.",
                partition=None,
                asset=None,
                run_id=None,
                report=None,
                opened_at=datetime.now(UTC),
            )
            key = f"test-{project}-{channel.name}-{alert.opened_at:%Y%m%d%H%M%S%f}"
            try:
                message = compose([alert], key, ui, channel.sender.markup, channel.template)
                yield ChannelTest(project, channel.name, note=channel.sender.send(message))
            except Exception as error:  # the other channels are tested as well
                yield ChannelTest(project, channel.name, error=describe(error))
