"""`mlops reproduce`: the comparison of a registered version with a new fit of it."""

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
    print_line,
)
from mlops_assets.cli.output.table_output import print_json
from mlops_assets.core import job_names, names
from mlops_assets.stores.system.state_directory import find_project_root

if TYPE_CHECKING:
    from dagster import ExecuteInProcessResult


def reproduce(
    project: ProjectArgument,
    version: Annotated[int, typer.Argument(min=1, help="Number of the version.", show_default=False)],
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Refit a version from its recorded rows, parameters and seeds; exit with 1 if the models differ.

    Example: mlops reproduce customer_churn 1
    """
    with plain_errors(debug):
        from mlops_assets.workspace.dagster_run import execute_job, raise_on_failure
        from mlops_assets.workspace.workspace import Workspace

        workspace = Workspace(find_project_root())
        workspace.project(project)
        config = {"ops": {names.op_name(project, job_names.REPRODUCE): {"config": {"version": version}}}}
        with workspace.instance() as instance, err.status("refitting"):
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
    """Return the result of the comparison; None if the job failed before it."""
    from mlops_assets.components.model_project.project.metadata_names import REPRODUCTION

    for event in result.all_events:
        if event.is_asset_observation:
            metadata = event.asset_observation_data.asset_observation.metadata
            return cast("Mapping[str, Any]", metadata[REPRODUCTION].value)
    return None


_STYLES = {"identical": "green", "equivalent": "green", "different": "bold red"}


def _print(found: Mapping[str, Any]) -> None:
    outcome = found["outcome"]
    subject = f"{found['project']} version {found['version']}, refitted"
    out.print(f"[{_STYLES[outcome]}]{outcome}[/]  {subject}", highlight=False)
    for refit in found["refits"]:
        text = f"{refit['role']} model: {refit['outcome']}, digest {refit['digest'][:12]}"
        if refit["outcome"] == "equivalent":  # the deviation of a different model is one of the differences
            text += f" instead of {refit['recorded_digest'][:12]}; {refit['compared_rows']:,} holdout "
            text += f"predictions differ by at most {refit['largest_difference']:.3g}"
        print_line(f"{text} (fitted on {refit['fitted_rows']:,} rows)")
    for number, difference in enumerate(found["differences"]):
        if number == 0:
            out.print("differences:" if outcome == "different" else "differences without effect:")
        print_line(f"  {difference['subject']}: {difference['message']}")
        for line in difference["diff"].splitlines():
            print_line(f"      {line}")
        if difference["hint"]:
            print_line(f"    hint: {difference['hint']}")
