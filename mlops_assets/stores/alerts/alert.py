"""What an alert is about: its kind, its severity, and the condition that opened it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args
from urllib.parse import quote

Severity = Literal["info", "warning", "error", "critical"]
Kind = Literal[
    "run",
    "blocked",
    "data_quality",
    "drift",
    "performance",
    "check",
    "freshness",
    "approval",
    "sensor",
    "daemon",
    "disk",
    "serving",
    "retraining",
    "promotion",
    "canary",
]
Occasion = Literal["opened", "escalated", "reminder", "resolved", "event", "test"]
"""Why an alert is sent. `event`: something happened that does not last, such as a promotion."""

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
KINDS: tuple[Kind, ...] = get_args(Kind)
DEFAULT_SEVERITIES: dict[Kind, Severity] = {
    "run": "error",
    "blocked": "error",
    "data_quality": "warning",
    "drift": "warning",
    "performance": "warning",
    "check": "warning",
    "freshness": "error",
    "approval": "warning",
    "sensor": "error",
    "daemon": "critical",
    "disk": "error",
    "serving": "error",
    "retraining": "info",
    "promotion": "info",
    "canary": "warning",
}
_MOST_DETAIL = 800


def rank(severity: Severity) -> int:
    """Return the rank of a severity; a greater one is more severe."""
    return SEVERITIES.index(severity)


@dataclass(frozen=True)
class Condition:
    """A condition that holds now, or an event that has happened.

    Attributes
    ----------
    key
        Identity within the project: a condition with the key of an open incident continues this incident.
    title
        One line without the project's name.
    detail
        What was found, without values of sensitive columns.
    asset
        The asset, such as `churn/features`.
    report
        Path or address of a page about it.
    hold_seconds
        For how long the condition must hold before an alert is sent.
    shared
        Whether it is one of the whole installation, and not of a project.
    is_event
        Whether it is something that happened and does not last: it is sent once, and has no recovery.
    """

    key: str
    kind: Kind
    severity: Severity
    title: str
    detail: str = ""
    partition: str | None = None
    asset: str | None = None
    run_id: str | None = None
    report: str | None = None
    hold_seconds: float = 0
    shared: bool = False
    is_event: bool = False

    @property
    def short_detail(self) -> str:
        """The detail, cut to the length of a message."""
        return self.detail if len(self.detail) <= _MOST_DETAIL else f"{self.detail[: _MOST_DETAIL - 1]}…"


@dataclass(frozen=True)
class Alert:
    """What a channel sends about an incident.

    Attributes
    ----------
    project
        Empty for an incident of the whole installation.
    incident
        The number of the incident.
    """

    occasion: Occasion
    incident: int
    project: str
    kind: Kind
    severity: Severity
    title: str
    detail: str
    partition: str | None
    asset: str | None
    run_id: str | None
    report: str | None
    opened_at: datetime
    resolved_at: datetime | None = None

    @property
    def subject(self) -> str:
        """One line: what happened, where."""
        what = {"resolved": "RESOLVED", "reminder": f"STILL {self.severity.upper()}", "test": "TEST"}
        return f"{what.get(self.occasion, self.severity.upper())} {self.project or 'Dagster'}: {self.title}"

    def links(self, ui: str) -> dict[str, str]:
        """Addresses of the run, the asset and the report, as far as there are any."""
        found = {}
        if self.run_id:
            found["run"] = f"{ui}/runs/{quote(self.run_id)}"
        if self.asset:
            partition = f"?view=partitions&partition={quote(self.partition)}" if self.partition else ""
            found["asset"] = f"{ui}/assets/{quote(self.asset)}{partition}"
        if self.report:
            found["report"] = self.report
        return found

    def facts(self, ui: str) -> dict[str, Any]:
        """All of it as JSON values, for programs and templates."""
        times = {"opened_at": self.opened_at, "resolved_at": self.resolved_at}
        return {
            **{name: value for name, value in vars(self).items() if name not in times},
            **{name: time.isoformat() if time else None for name, time in times.items()},
            "subject": self.subject,
            "links": {"run": None, "asset": None, "report": None, **self.links(ui)},
        }
