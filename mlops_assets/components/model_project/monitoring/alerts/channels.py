"""The declared channels of a project, ready to send."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from mlops_assets.components.model_project.monitoring.alerts.templates import load_template
from mlops_assets.components.model_project.settings.monitoring.alerts import (
    AlertSettings,
    ChannelSettings,
    QuietHoursSettings,
)
from mlops_assets.components.model_project.settings.rules.alerts import clock_time, default_port
from mlops_assets.core.digests import text_digest
from mlops_assets.stores.alerts.alert import Kind, Severity
from mlops_assets.stores.alerts.channels.command import CommandSender
from mlops_assets.stores.alerts.channels.email import EmailSender
from mlops_assets.stores.alerts.channels.log import LogSender
from mlops_assets.stores.alerts.channels.webhook import WebhookSender
from mlops_assets.stores.alerts.delivery import Channel, Sender
from mlops_assets.stores.alerts.incident_rows import Recipient, Recipients
from mlops_assets.stores.alerts.quiet_hours import QuietHours

UI_VARIABLE = "MLOPS_UI_URL"
_LOCAL_UI = "http://127.0.0.1:3000"


def channels_of(
    settings: AlertSettings, folder: Path, ui: str, *, log: Callable[[str], None] | None = None
) -> list[Channel]:
    """The channels of a project.

    Parameters
    ----------
    folder
        The project's folder.
    ui
        The address of Dagster's user interface.
    log
        Logs the texts of channels of the kind `log`; by default Python's log does.
    """
    return [_channel(name, each, folder, ui, log) for name, each in settings.channels.items()]


def ui_address(settings: AlertSettings) -> str:
    """The declared address of Dagster's user interface, that of the environment, or the local one."""
    return (settings.ui_url or os.environ.get(UI_VARIABLE) or _LOCAL_UI).rstrip("/")


def recipients_of(channels: Sequence[Channel]) -> Recipients:
    """Which of the channels accept an alert."""

    def accepting(kind: Kind, severity: Severity) -> list[Recipient]:
        found = (channel for channel in channels if channel.accepts(kind, severity))
        return [Recipient(channel.name, channel.target) for channel in found]

    return accepting


def variables_of(channel: ChannelSettings) -> list[str]:
    """The environment variables that a channel needs."""
    names = [channel.webhook.url_env] if channel.webhook else []
    if channel.email:
        names += [name for name in (channel.email.user_env, channel.email.password_env) if name]
    return names


def _channel(
    name: str, settings: ChannelSettings, folder: Path, ui: str, log: Callable[[str], None] | None
) -> Channel:
    sender = _sender(settings, folder, log)
    # The log of one project is not that of another; other targets are the same for all projects.
    place = f"{folder}:{name}" if settings.log else ""
    template = load_template(folder / settings.template, sender.markup, ui) if settings.template else None
    targets = settings.model_dump(include={"log", "webhook", "email", "command"})
    return Channel(
        name=name,
        sender=sender,
        target=text_digest(repr(sorted(targets.items())), place),
        kinds=frozenset(settings.kinds),
        severity=settings.severity,
        quiet=_quiet(settings.quiet_hours) if settings.quiet_hours else None,
        template=template,
    )


def _sender(settings: ChannelSettings, folder: Path, log: Callable[[str], None] | None) -> Sender:
    if settings.webhook:
        return WebhookSender(settings.webhook.url_env, settings.webhook.payload)
    if settings.email:
        email = settings.email
        return EmailSender(
            email.host,
            email.port or default_port(email.encryption),
            email.sender,
            tuple(email.to),
            email.encryption,
            email.user_env,
            email.password_env,
        )
    if settings.command:
        return CommandSender(tuple(settings.command), folder)
    return LogSender(log) if log else LogSender()


def _quiet(settings: QuietHoursSettings) -> QuietHours:
    start, end = clock_time(settings.start), clock_time(settings.end)
    assert start is not None
    assert end is not None
    return QuietHours(start, end, ZoneInfo(settings.timezone), settings.severity)
