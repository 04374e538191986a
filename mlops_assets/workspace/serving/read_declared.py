"""Reads the declarations of projects in a process of its own, without importing Dagster into this one."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from mlops_assets.core.errors import ProjectError
from mlops_assets.serving.config import ServingConfig

_PROGRAM = "mlops_assets.workspace.serving.print_declared"


def read_declared(root: Path, projects: Sequence[str]) -> ServingConfig:
    """Return the configuration of projects.

    Raises
    ------
    ProjectError
        When there is no such project, a declaration is invalid, or the process fails.
    """
    command = [sys.executable, "-m", _PROGRAM, str(root), *projects]
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    if found.returncode:
        reason = found.stderr.strip().splitlines()[-1:] or [f"exit code {found.returncode}"]
        raise ProjectError(
            f"the declarations can't be loaded: {reason[0]}", hint="run `mlops doctor` for the details"
        )
    answer = json.loads(found.stdout)
    if "error" in answer:
        raise ProjectError(answer["error"], hint=answer["hint"])
    return ServingConfig.from_text(found.stdout)
