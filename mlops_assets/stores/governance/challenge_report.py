"""The statistics of a challenge, which the HTTP service writes and decisions record as evidence."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_assets.stores.system.disk_errors import write_replaceable

FOLDER = "canary"
"""Folder of the reports in that of the service."""


def report_file(serving: Path, project: str) -> Path:
    """The report of the newest challenge of a project.

    Parameters
    ----------
    serving
        The folder of the service in the state directory.
    """
    return serving / FOLDER / f"{project}.json"


def write_report(serving: Path, project: str, report: Mapping[str, Any]) -> None:
    """Replace the report of a project; `challenge` is the entry of the ledger that started the challenge."""
    write_replaceable(report_file(serving, project), json.dumps(report))


def read_report(serving: Path, project: str, challenge: int) -> dict[str, Any] | None:
    """The report of a challenge; None if the service has written none.

    Parameters
    ----------
    challenge
        The entry of the ledger that started it.
    """
    try:
        report = json.loads(report_file(serving, project).read_text("utf-8"))
    except (OSError, ValueError):  # no service has run, or a file that is not ours
        return None
    is_of_challenge = isinstance(report, dict) and report.get("challenge") == challenge
    return report if is_of_challenge else None
