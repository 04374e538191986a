"""The performance of logged requests in a report, by the version that answered them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mlops_assets.components.model_project.monitoring.logged_rows import LoggedRows
from mlops_assets.components.model_project.monitoring.performance.past_performance import live_metadata
from mlops_assets.components.model_project.monitoring.performance.scored_requests import scored_requests
from mlops_assets.components.model_project.monitoring.performance.scored_version import ScoredVersion
from mlops_assets.components.model_project.monitoring.performance.version_report import VersionReport


@dataclass
class LiveReport:
    """What is known of the requests of a report.

    Attributes
    ----------
    parts
        The figures of each version.
    notes
        Requests that are not evaluated, and why, for the descriptions of the checks.
    counts
        The number of requests by what became of them.
    """

    parts: list[VersionReport] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def metadata(self) -> dict[str, Any]:
        """Numbers for the materialization: the metrics, and the counts of requests."""
        rows = [row for part in self.parts for row in part.rows()]
        return live_metadata(rows) | {f"live_{name}_rows": count for name, count in self.counts.items()}

    def count(self, name: str, rows: int) -> None:
        """Add to the number of requests of a kind."""
        self.counts[name] = self.counts.get(name, 0) + rows


def live_report(
    logged: LoggedRows, partition: str | None, version_of: "Callable[[int], ScoredVersion | str]"
) -> LiveReport:
    """Evaluate the requests that belong to a partition."""
    report = LiveReport()
    for number in logged.versions(partition):
        version = version_of(number)
        if isinstance(version, str):
            report.notes.append(f"live requests: {version}")
            continue
        requests = scored_requests(logged, partition, version)
        for reason, rows in requests.left_out.items():
            report.count(reason, rows)
        if text := requests.describe(logged.project):
            report.notes.append(f"live requests of version {number}: {text}")
        if requests.rows is None:
            continue
        part = VersionReport.of(version, requests.rows, is_live=True)
        report.parts.append(part)
        if requests.left_out:
            report.count("unlabelled", len(requests.rows.frame) - part.labelled)
    return report
