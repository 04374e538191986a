"""The statistics of a challenge, which the HTTP service writes and decisions record as evidence."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_assets.stores.system.service_files import ServiceFiles


def write_report(serving: Path, project: str, service: str, report: Mapping[str, Any]) -> None:
    """Replace the report of a service on a project.

    Parameters
    ----------
    serving
        The folder of the services in the state directory.
    report
        `challenge` is the entry of the ledger that started the challenge, `at` the time in seconds.
    """
    ServiceFiles(serving, "canary").write(project, service, report)


def read_reports(serving: Path, project: str, challenge: int) -> list[dict[str, Any]]:
    """The reports on a challenge, one of each service, the newest first.

    Parameters
    ----------
    challenge
        The entry of the ledger that started it.
    """
    found = ServiceFiles(serving, "canary").read(project)
    reports = [report for report in found if report.get("challenge") == challenge]
    return sorted(reports, key=lambda report: report.get("at", 0.0), reverse=True)
