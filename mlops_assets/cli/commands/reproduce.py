"""`mlops reproduce`: is a registered version what comes out when it is fitted again?"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from mlops_assets.cli.output.console import (
    DebugOption,
    JsonOption,
    ProjectArgument,
    err,
    out,
    plain_errors,
)
from mlops_assets.cli.output.table_output import print_json
from mlops_assets.core import job_names, names
from mlops_assets.stores.system.state_directory import find_project_root

if TYPE_CHECKING:
    from dagster import ExecuteInProcessResult


def reproduce(
    project: ProjectArgument,
    version: Annotated[int, typer.Argument(min=1, help="The version.", show_default=False)],
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Fit a version again from its recorded rows, parameters and seeds; exit with 1 if it is another model.

    Example: mlops reproduce customer_churn 1
    """
    with plain_errors(debug):
        from mlops_assets.workspace.dagster_run import execute_job, raise_on_failure
        from mlops_assets.workspace.workspace import Workspace

        workspace = Workspace(find_project_root())
        workspace.project(project)
        config = {"ops": {names.op_name(project, job_names.REPRODUCE): {"config": {"version": version}}}}
        with workspace.instance() as instance, err.status("fitting again"):
            result = execute_job(
                workspace, instance, job_names.job_name(project, job_names.REPRODUCE), config
            )
        found = _observed(result)
        if found is None:
            raise_on_failure(result)
            return
        if as_json:
            print_json(found)
        else:
            _print(found)
        if found["outcome"] == "different":
            raise typer.Exit(1)


def _observed(result: "ExecuteInProcessResult") -> Mapping[str, Any] | None:
    """What the job found; None where it failed before it could."""
    from mlops_assets.components.model_project.project.metadata_names import REPRODUCTION

    for event in result.all_events:
        if event.is_asset_observation:
            metadata = event.asset_observation_data.asset_observation.metadata
            return cast("Mapping[str, Any]", metadata[REPRODUCTION].value)
    return None


_STYLES = {"identical": "green", "equivalent": "green", "different": "bold red"}


def _print(found: Mapping[str, Any]) -> None:
    outcome = found["outcome"]
    subject = f"{found['project']} version {found['version']}, fitted again"
    out.print(f"[{_STYLES[outcome]}]{outcome}[/]  {subject}", highlight=False)
    for refit in found["refits"]:
        told = f"{refit['role']} model: {refit['outcome']}, digest {refit['digest'][:12]}"
        if refit["outcome"] == "equivalent":  # how far a different one is apart is told as a difference
            told += f" instead of {refit['recorded_digest'][:12]}; {refit['compared_rows']:,} predictions of "
            told += f"the holdout are up to {refit['largest_difference']:.3g} apart"
        _line(f"{told} (fitted on {refit['fitted_rows']:,} rows)")
    for number, each in enumerate(found["differences"]):
        if number == 0:
            out.print("differs now:" if outcome == "different" else "differs now, without consequence:")
        _line(f"  {each['subject']}: {each['told']}")
        for line in each["diff"].splitlines():
            _line(f"      {line}")
        if each["hint"]:
            _line(f"    hint: {each['hint']}")


def _line(text: str) -> None:
    out.print(text, markup=False, highlight=False, soft_wrap=True)
