"""Texts of alerts: plain text, Slack's markup, and templates of a project."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from mlops_assets.core.redaction.redact import redact
from mlops_assets.core.text.visible_text import visible
from mlops_assets.stores.alerts.alert import Alert

if TYPE_CHECKING:
    import jinja2

Markup = Literal["plain", "slack"]
Render = Callable[[Alert], str]
_ZERO_WIDTH_SPACE = "\u200b"
_IN_URLS = ":/?#[]@!$&'()*+,;=%~-._"


@dataclass(frozen=True)
class Message:
    """What is sent at once: an alert, or several of one kind.

    Attributes
    ----------
    key
        Identity of the message, the same whenever it is sent again.
    """

    key: str
    subject: str
    text: str
    alerts: tuple[dict[str, Any], ...]


def compose(alerts: Sequence[Alert], key: str, ui: str, markup: Markup, template: Render | None) -> Message:
    """Compose a message about one or more alerts of one kind and occasion.

    Parameters
    ----------
    ui
        Address of Dagster's user interface, without a slash at the end.
    template
        Renders the text of an alert; by default the text is as `default_text` and `slack_text` write it.
    """
    first = alerts[0]
    subject = first.subject if len(alerts) == 1 else f"{first.subject}, and {len(alerts) - 1} more"
    render: Render = template or (lambda alert: _TEXTS[markup](alert, ui))
    texts = [render(alert) for alert in alerts]
    return Message(
        key,
        one_line(subject),
        redact("\n\n".join(visible(text).strip() for text in texts)),
        tuple(_visible_facts(alert, ui) for alert in alerts),
    )


def one_line(text: str) -> str:
    """Return a text on one line without control characters, as for a header."""
    return redact(visible(" ".join(text.split())))[:200]


def plain_text(alert: Alert, ui: str) -> str:
    """The text of an alert for e-mails, logs and programs."""
    links = [f"{name}: {address}" for name, address in alert.links(ui).items()]
    return "\n".join((one_line(alert.subject), _times(alert), *_detail(alert), *links))


def slack_text(alert: Alert, ui: str) -> str:
    """The text of an alert in Slack's markup; names and values in it are neither links nor mentions."""
    detail = [f"```{slack_escape(one).replace('`', chr(39))}```" for one in _detail(alert)]
    links = [
        f"<{quote(address, safe=_IN_URLS)}|{name}>"
        if "://" in address
        else slack_escape(f"{name}: {address}")
        for name, address in alert.links(ui).items()
    ]
    head = f"*{slack_escape(one_line(alert.subject))}*"
    return "\n".join((head, _times(alert), *detail, *([" · ".join(links)] if links else [])))


def slack_escape(text: object) -> str:
    """Return a text in which Slack and compatible servers find no link, mention or entity."""
    escaped = str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("@", f"@{_ZERO_WIDTH_SPACE}")


_TEXTS: dict[Markup, Callable[[Alert, str], str]] = {"plain": plain_text, "slack": slack_text}


def template_environment(markup: Markup) -> "jinja2.Environment":
    """The environment of templates: sandboxed, an unknown name is an error, and values are escaped."""
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=slack_escape if markup == "slack" else None,
    )


def _times(alert: Alert) -> str:
    times = {"opened": alert.opened_at, "resolved": alert.resolved_at}
    return ", ".join(f"{name} {_shown(at)}" for name, at in times.items() if at)


def _shown(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _detail(alert: Alert) -> list[str]:
    return [visible(alert.detail).strip()] if alert.detail.strip() else []


def _visible_facts(alert: Alert, ui: str) -> dict[str, Any]:
    facts = alert.facts(ui)
    return {
        name: redact(visible(value)) if isinstance(value, str) else value for name, value in facts.items()
    }
