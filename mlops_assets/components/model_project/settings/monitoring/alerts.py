"""Settings of alerts: what is sent to whom."""

from typing import Literal

from pydantic import Field

from mlops_assets.components.model_project.settings.base import Settings
from mlops_assets.stores.alerts.alert import KINDS, Kind, Severity

_VARIABLE = "Name of the environment variable that holds"


class WebhookSettings(Settings):
    """A POST with JSON to an address."""

    url_env: str = Field(
        description=f"{_VARIABLE} the address, such as `SLACK_WEBHOOK`. The address is a secret, and is not "
        "declared itself."
    )
    payload: Literal["slack", "json"] = Field(
        default="slack",
        description="`slack`: the field `text` in Slack's markup, which Mattermost and others read as well. "
        "`json`: `subject`, `text` and `alerts`, a list of objects.",
    )


class EmailSettings(Settings):
    """E-mails by an SMTP server."""

    host: str = Field(min_length=1, description="Name of the SMTP server.")
    port: int | None = Field(
        default=None,
        ge=1,
        le=65_535,
        description="Port of the server; by default 587 with `starttls`, 465 with `tls` and 25 with `none`.",
    )
    encryption: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="`starttls`, `tls` from the first byte, or `none`. The certificate is verified.",
    )
    sender: str = Field(description="E-mail address of the sender.")
    to: list[str] = Field(min_length=1, description="E-mail addresses of the recipients.")
    user_env: str | None = Field(
        default=None, description=f"{_VARIABLE} the user; by default there is no login."
    )
    password_env: str | None = Field(default=None, description=f"{_VARIABLE} the password.")


class QuietHoursSettings(Settings):
    """Times in which a channel holds alerts back. They are sent when these times end."""

    start: str | int = Field(description="Start, such as `'22:00'`.")
    end: str | int = Field(description="End, such as `'07:00'`; before `start`, it is that of the next day.")
    timezone: str = Field(default="UTC", description="Time zone of both, such as `Europe/Berlin`.")
    severity: Severity | None = Field(
        default=None,
        description="Alerts of this severity and above are sent at any time. By default none is.",
    )


class ChannelSettings(Settings):
    """A channel: exactly one of `log`, `webhook`, `email` and `command`, and what it sends."""

    log: bool = Field(default=False, description="Log alerts at the level WARNING.")
    webhook: WebhookSettings | None = Field(default=None, description="Send alerts to a web address.")
    email: EmailSettings | None = Field(default=None, description="Send alerts by e-mail.")
    command: list[str] | None = Field(
        default=None,
        description="Start a program, given with its arguments as a list, in the project's folder and "
        "without a shell. It gets alerts as JSON on its standard input.",
    )
    severity: Severity = Field(
        default="warning", description="Least severity: `info`, `warning`, `error` or `critical`."
    )
    kinds: list[Kind] = Field(
        default=list(KINDS), min_length=1, description="Kinds of alerts to send; by default all."
    )
    quiet_hours: QuietHoursSettings | None = Field(
        default=None, description="Times in which alerts are held back; by default none."
    )
    template: str | None = Field(
        default=None,
        description="Name of a file in the project's folder with the text of an alert as a Jinja template, "
        "such as `alert.txt.j2`. By default the text is a built-in one.",
    )


class AlertSettings(Settings):
    """Alerts about runs, data, models and Dagster itself."""

    channels: dict[str, ChannelSettings] = Field(
        default_factory=dict, description="Channels by name. Without any, no alert is sent."
    )
    severities: dict[Kind, Severity] = Field(
        default_factory=dict, description="Severity of a kind of alert, where it differs from the default."
    )
    repeat_hours: float | None = Field(
        default=None,
        gt=0,
        le=8_760,
        description="Time after which an alert is sent again while its incident is open. By default it is "
        "sent once.",
    )
    disk_free_gigabytes: float = Field(
        default=5.0,
        gt=0,
        allow_inf_nan=False,
        description="Alert when less than this is free on the disk of the state directory.",
    )
    ui_url: str | None = Field(
        default=None,
        description="Address of Dagster's user interface for links, such as `https://dagster.example.com`. "
        "By default the value of `MLOPS_UI_URL`, else `http://127.0.0.1:3000`.",
    )
