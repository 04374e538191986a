"""Problems of a challenge that workers and the shadow report to the supervisor."""

import json
import os
from contextlib import suppress
from pathlib import Path

from mlops_assets.stores.system.disk_errors import write_replaceable

_PREFIX = "problem-"


def report_problem(folder: Path, problem: str) -> None:
    """Write the problem of this process, for the supervisor."""
    write_replaceable(folder / f"{_PREFIX}{os.getpid()}.json", json.dumps(problem))


def read_problems(folder: Path) -> list[str]:
    """The different problems of a challenge."""
    found = set()
    for file in folder.glob(f"{_PREFIX}*.json"):
        with suppress(OSError, ValueError):  # replaced while it is read
            found.add(str(json.loads(file.read_text("utf-8"))))
    return sorted(found)
