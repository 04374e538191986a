"""Quiet hours: the times of a day in which a channel holds back alerts."""

from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from mlops_assets.stores.alerts.alert import Severity, rank


@dataclass(frozen=True)
class QuietHours:
    """Times between which alerts are held back, by the clock of a time zone.

    Attributes
    ----------
    end
        The time at which they end; before `start`, it is that of the next day.
    severity
        Alerts of this severity and above pass.
    """

    start: time
    end: time
    zone: ZoneInfo
    severity: Severity | None = None

    def hold(self, severity: Severity, now: datetime) -> bool:
        """Whether an alert is held back."""
        if self.severity is not None and rank(severity) >= rank(self.severity):
            return False
        clock = now.astimezone(self.zone).time()
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end
