"""`mlops doctor`: whether everything that a run needs is there."""

import atexit
import os
import sys
from dataclasses import asdict

import typer
from rich.console import Console
from rich.text import Text

from mlops_assets.cli.output.console import DebugOption, JsonOption, out, plain_errors
from mlops_assets.cli.output.table_output import print_json
from mlops_assets.stores.system.state_directory import find_project_root

_STYLES = {"ok": "green", "warn": "yellow", "FAULT": "bold red"}


def doctor(as_json: JsonOption = False, debug: DebugOption = False) -> None:
    """Check Python, packages, directories, stores and projects; exit with 1 on a fault.

    Example: mlops doctor
    """
    with plain_errors(debug):
        from mlops_assets.workspace.doctor import Finding, examine
        from mlops_assets.workspace.workspace import Workspace

        def show(console: Console, finding: Finding) -> None:
            line = Text(f"{finding.state:<5}  ", _STYLES[finding.state])
            console.print(
                line + Text(f"{finding.subject:<18}  {finding.told}", "not bold default"), soft_wrap=True
            )
            if finding.hint:
                console.print(Text(f"{'':<27}hint: {finding.hint}", "dim"), soft_wrap=True)

        found = []
        for finding in examine(Workspace(find_project_root())):
            found.append(finding)
            if not as_json:
                show(out, finding)
        if as_json:
            print_json([asdict(finding) for finding in found])
        if any(finding.hangs for finding in found):
            atexit.register(_leave)
        if any(finding.state == "FAULT" for finding in found):
            raise typer.Exit(1)


def _leave() -> None:
    """End the process though a check still waits inside a library, which would not bear an orderly end."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
