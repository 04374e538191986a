"""Plans of `mlops plan`, and what `mlops run` then really runs."""

import hashlib
import json
from pathlib import Path
from typing import Any

from mlops_assets_tests.support.command_line import mlops

Steps = set[tuple[str, str | None]]
"""Assets with their partitions."""


def plan(project: str, *options: str) -> dict[str, Any]:
    """The plan as JSON; nothing below the working directory is written for it."""
    before = contents()
    done = mlops("plan", project, "--json", *options)
    assert done.exit_code == 0, done.output
    assert contents() == before
    return json.loads(done.stdout)


def contents() -> dict[str, str]:
    """The digests of all files of the project and of its state directory."""
    files = (file for file in Path.cwd().rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def reasons(found: dict[str, Any]) -> dict[str, str]:
    """The reason of each asset that is certain to run, without the partitions."""
    return {one["asset"]: one["reason"] for run in found["runs"] for one in run["assets"] if one["certain"]}


def steps(found: dict[str, Any], *, certain: bool = False) -> Steps:
    """The assets of a plan; with `certain`, those that are certain to run."""
    return {
        (one["asset"], partition)
        for run in found["runs"]
        for one in run["assets"]
        for partition in one["partitions"] or [None]
        if one["certain"] or not certain
    }


def run_as_planned(project: str, *options: str) -> tuple[Steps, Steps]:
    """Plan and run; return what ran and what might have run. What is certain did run, and nothing else."""
    planned = plan(project, *options)
    done = mlops("run", project, "--log-json", *options)
    assert done.exit_code == 0, done.output
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assets = {asset for asset, partition in steps(planned) if partition is None}
    ran = {
        (asset, None if asset in assets else event["partition"])
        for event in events
        if event["event"] == "done"
        for asset in event["assets"]
    }
    assert steps(planned, certain=True) <= ran <= steps(planned)
    return ran, steps(planned) - steps(planned, certain=True)
