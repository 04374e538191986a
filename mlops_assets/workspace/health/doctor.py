"""The diagnosis of a workspace: runs the checks one by one, each with a time limit."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from mlops_assets.core.errors import MlopsError
from mlops_assets.core.redaction.redact import redact
from mlops_assets.workspace.health.alert_checks import check_alerts
from mlops_assets.workspace.health.doctor_checks import (
    CheckWarningError,
    check_definitions,
    check_disk,
    check_instance,
    check_libraries,
    check_packages,
    check_project,
    check_project_root,
    check_python,
    check_secrets,
    check_state_directory,
    check_tables,
    check_tracking_store,
)
from mlops_assets.workspace.health.ledger_checks import check_ledgers
from mlops_assets.workspace.health.model_files import check_model_files
from mlops_assets.workspace.workspace import Workspace

SECONDS = 20.0
"""Time limit of a check; loading definitions and opening a store take a few seconds on a slow disk."""
_IMPORT_SECONDS = 180.0
"""Time limit of the imports, which are slow on a cold disk and do not hang."""

Check = Callable[[Workspace], str]

_DEFINITIONS, _LIBRARIES = "definitions", "libraries"
CHECKS: Mapping[str, Check] = {
    "Python": check_python,
    "packages": check_packages,
    _LIBRARIES: check_libraries,
    "project root": check_project_root,
    "state directory": check_state_directory,
    "free disk": check_disk,
    "secrets": check_secrets,
    "Dagster instance": check_instance,
    _DEFINITIONS: check_definitions,
    "tracking store": check_tracking_store,
    "models": check_model_files,
    "ledgers": check_ledgers,
    "tables": check_tables,
    "alerts": check_alerts,
}


@dataclass(frozen=True)
class Finding:
    """The result of a check.

    Attributes
    ----------
    hangs
        Whether the check is still waiting for an answer.
    """

    subject: str
    state: Literal["ok", "warn", "error"]
    message: str
    hint: str | None = None
    hangs: bool = False


def examine(workspace: Workspace, *, seconds: float = SECONDS) -> Iterator[Finding]:
    """Yield the finding of each check as soon as it is known.

    Parameters
    ----------
    seconds
        Time limit of a check.
    """
    loaded = False
    for subject, check in CHECKS.items():
        finding = _run(check, subject, workspace, _IMPORT_SECONDS if subject == _LIBRARIES else seconds)
        loaded = loaded or (subject == _DEFINITIONS and finding.state == "ok")
        yield finding
    if loaded:
        for project in sorted(workspace.groups):
            yield _run(partial(check_project, project), project, workspace, seconds)


def _run(check: Check, subject: str, workspace: Workspace, seconds: float) -> Finding:
    """Run a check in a thread, and abandon it after its time limit."""
    found: list[Finding] = []

    def run() -> None:
        try:
            found.append(Finding(subject, "ok", redact(check(workspace))))
        except CheckWarningError as warning:
            found.append(Finding(subject, "warn", warning.message, warning.hint))
        except MlopsError as error:
            found.append(Finding(subject, "error", error.message, error.hint))
        except Exception as error:  # an unexpected error must not prevent the other checks
            message = f"{type(error).__name__}: {' '.join(redact(str(error)).split())}"
            found.append(Finding(subject, "error", message, "run the failing command with --debug"))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    hint = "check whether a disk or a server hangs, then run it again"
    return found[0] if found else Finding(subject, "error", f"no answer within {seconds:g} s", hint, True)
