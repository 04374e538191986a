"""Rules of the settings of alerts."""

import re
from collections.abc import Iterator, Mapping
from datetime import time
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mlops_assets.components.model_project.settings.base import Errors
from mlops_assets.core.redaction.addresses import may_contain_credentials
from mlops_assets.core.times import is_timezone
from mlops_assets.stores.alerts.alert import DEFAULT_SEVERITIES, Kind, Severity, rank

if TYPE_CHECKING:
    from mlops_assets.components.model_project.settings.monitoring.alerts import (
        ChannelSettings,
        EmailSettings,
        QuietHoursSettings,
    )
    from mlops_assets.components.model_project.settings.project import ProjectSettings

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ADDRESS = re.compile(r"[^\s@,;<>\"()\[\]:\\]+@[A-Za-z0-9.-]+")
_HOST = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|[0-9a-fA-F:]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*")
"""A name, an address of IPv4, or one of IPv6, which has two colons."""
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


def alert_errors(settings: "ProjectSettings") -> Errors:
    """The errors in the settings of alerts."""
    alerts = settings.alerts
    if alerts is None:
        partitioned = settings.partitions or (settings.scoring and settings.scoring.partitions)
        if partitioned and settings.freshness.arrival_hours is not None:
            yield "freshness.arrival_hours", "has no effect without alerts; declare `alerts`"
        return
    if not alerts.channels:
        yield "alerts.channels", "is missing: declare a channel, such as `console: {log: true}`"
    if alerts.ui_url is not None:
        place = urlsplit(alerts.ui_url)
        if place.scheme not in ("http", "https") or not place.hostname:
            yield "alerts.ui_url", "is not an address that starts with http:// or https://"
        elif may_contain_credentials(alerts.ui_url):
            yield "alerts.ui_url", "contains a user or password, which every alert would show; remove it"
    for name, channel in alerts.channels.items():
        path = f"alerts.channels.{name}"
        if not _NAME.fullmatch(name):
            yield "alerts.channels", f"has the name {name!r}; use letters, digits, _ and -"
            continue
        yield from _channel_errors(path, channel)
        yield from _unsent_errors(path, channel, alerts.severities)


def default_port(encryption: str) -> int:
    """The port of an SMTP server by its encryption."""
    return _PORTS[encryption]


def clock_time(declared: str | int) -> time | None:
    """The declared time of a day; None if it is none.

    YAML 1.1 reads 22:00 without quotation marks as a number to the base of 60: 1320, the minutes of the day.
    A number below 60 is no time, but an hour that was meant, such as 22.
    """
    if isinstance(declared, int):
        return time(*divmod(declared, 60)) if 60 <= declared < 24 * 60 else None
    found = _CLOCK.fullmatch(declared.strip())
    return time(int(found[1]), int(found[2])) if found else None


def _channel_errors(path: str, channel: "ChannelSettings") -> Errors:
    kinds = ("log", "webhook", "email", "command")
    given = [kind for kind in kinds if getattr(channel, kind) not in (None, False)]
    if len(given) != 1:
        found = f"has {' and '.join(given)}" if given else "has no target"
        yield path, f"{found}; declare exactly one of {', '.join(kinds)}"
    if channel.webhook:
        yield from _variable_errors(f"{path}.webhook", url_env=channel.webhook.url_env)
    if channel.email:
        yield from _email_errors(f"{path}.email", channel.email)
    if channel.command is not None and not (channel.command and channel.command[0].strip()):
        yield f"{path}.command", "is empty; name a program and its arguments as a list"
    if channel.quiet_hours:
        yield from _quiet_errors(f"{path}.quiet_hours", channel.quiet_hours)
    template = channel.template
    if template is not None and (PurePath(template).name != template or template == ".."):
        yield f"{path}.template", "is not the name of a file in the project's folder; write it without a path"


def _unsent_errors(path: str, channel: "ChannelSettings", severities: Mapping[Kind, Severity]) -> Errors:
    """The error of a channel whose least severity none of its kinds reaches."""
    default: dict[Kind, Severity] = {**DEFAULT_SEVERITIES, "check": "error"}  # as some checks are
    highest = [severities.get(kind, default[kind]) for kind in channel.kinds]
    if all(rank(severity) < rank(channel.severity) for severity in highest):
        yield (
            f"{path}.severity",
            f"is {channel.severity}, which none of its kinds has; lower it, or raise alerts.severities",
        )


def _variable_errors(path: str, **variables: str | None) -> Iterator[tuple[str, str]]:
    """The error does not quote the value: it may be the secret itself."""
    for setting, variable in variables.items():
        if variable is not None and not _VARIABLE.fullmatch(variable):
            yield (
                f"{path}.{setting}",
                "is not the name of an environment variable; set such a variable to the secret, and declare "
                "its name",
            )


def _email_errors(path: str, email: "EmailSettings") -> Errors:
    yield from _variable_errors(path, user_env=email.user_env, password_env=email.password_env)
    if not _HOST.fullmatch(email.host):  # not quoted: an address may contain a password
        yield f"{path}.host", "is not the name of a server; write it without scheme, user and port"
    for setting, addresses in (("sender", [email.sender]), ("to", email.to)):
        for address in addresses:
            if not (_ADDRESS.fullmatch(address) and address.isascii()):
                yield f"{path}.{setting}", f"has {address!r}, which is not an e-mail address"
    if (email.user_env is None) != (email.password_env is None):
        yield path, "declares one of user_env and password_env; declare both or none"
    if email.encryption == "none" and email.user_env and email.host not in _LOOPBACK:
        yield (
            f"{path}.encryption",
            "is none, and the password would be sent in plain text; use starttls or tls",
        )


def _quiet_errors(path: str, quiet: "QuietHoursSettings") -> Errors:
    for setting in ("start", "end"):
        if clock_time(getattr(quiet, setting)) is None:
            yield f"{path}.{setting}", f"is {getattr(quiet, setting)!r}; write a time such as '22:00'"
    if clock_time(quiet.start) == clock_time(quiet.end):
        yield f"{path}.end", "equals start, so the times would be empty; change one of them"
    if not is_timezone(quiet.timezone):
        yield f"{path}.timezone", f"is {quiet.timezone!r}; use a name such as Europe/Berlin or UTC"
