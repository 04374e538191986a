"""`mlops doctor`: the diagnosis of the environment, the stores and the projects."""

import atexit
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.text import Text

from mlops_assets.cli.output.console import DebugOption, JsonOption, out, plain_errors
from mlops_assets.cli.output.table_output import print_json
from mlops_assets.core.garbage import without_garbage_collection
from mlops_assets.core.process_end import exit_at_once
from mlops_assets.stores.system.state_directory import find_project_root

if TYPE_CHECKING:
    from mlops_assets.workspace.health.doctor import Finding

_STYLES = {"ok": "green", "warn": "yellow", "error": "bold red"}


def doctor(as_json: JsonOption = False, debug: DebugOption = False) -> None:
    """Check Python, packages, directories, stores and projects; exit with 1 on an error.

    Example: mlops doctor
    """
    with plain_errors(debug), without_garbage_collection():
        from mlops_assets.workspace.health.doctor import examine
        from mlops_assets.workspace.workspace import Workspace

        def show(console: Console, finding: "Finding") -> None:
            line = Text(f"{finding.state:<5}  ", _STYLES[finding.state])
            console.print(
                line + Text(f"{finding.subject:<18}  {finding.message}", "not bold default"), soft_wrap=True
            )
            if finding.hint:
                console.print(Text(f"{'':<27}hint: {finding.hint}", "dim"), soft_wrap=True)

        found = []
        for finding in examine(Workspace(find_project_root())):
            found.append(finding)
            if not as_json:
                show(out, finding)
        if as_json:
            print_json([_as_json(finding) for finding in found])
        if any(finding.hangs for finding in found):
            atexit.register(exit_at_once, 1)  # other exit functions may wait for the check that hangs
        if any(finding.state == "error" for finding in found):
            raise typer.Exit(1)


def _as_json(finding: "Finding") -> dict[str, Any]:
    return {
        "subject": finding.subject,
        "state": finding.state,
        "message": finding.message,
        "hint": finding.hint,
        "hangs": finding.hangs,
    }
