"""`mlops data`: the versions of tables; list, compare, restore and vacuum them."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

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
from mlops_assets.cli.output.table_versions import print_table_diff, print_versions
from mlops_assets.core import job_names, names
from mlops_assets.stores.system.state_directory import StateDirectory, find_project_root

if TYPE_CHECKING:
    from dagster import AssetObservation

    from mlops_assets.stores.warehouse.warehouse import Warehouse

TableArgument = Annotated[
    str,
    typer.Argument(help="Name of the table, such as features or validated_districts.", show_default=False),
]
PartitionOption = Annotated[
    str | None, typer.Option(metavar="2025-03", help="Restrict the command to this partition.")
]

app = typer.Typer(help="List, compare, restore and vacuum the versions of tables.", no_args_is_help=True)


@app.command()
def versions(
    project: ProjectArgument,
    table: TableArgument,
    partition: PartitionOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """List the versions of a table: timestamp, rows, Dagster run and inputs.

    Example: mlops data versions california_housing validated_districts
    """
    with plain_errors(debug):
        warehouse = _warehouse()
        found = warehouse.versions(warehouse.find(project, table))
        shown = [one for one in found if partition is None or one.partition == partition]
        if as_json:
            print_json([asdict(one) for one in shown])
            return
        print_versions(shown)


@app.command()
def diff(
    project: ProjectArgument,
    table: TableArgument,
    before: Annotated[int, typer.Argument(metavar="V1", help="The first version.", show_default=False)],
    after: Annotated[int, typer.Argument(metavar="V2", help="The second version.", show_default=False)],
    partition: PartitionOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Compare two versions of a table: rows, columns and distributions.

    Example: mlops data diff california_housing validated_districts 1 2
    """
    with plain_errors(debug):
        from mlops_assets.components.model_project.project.metadata_names import IDENTITY, SENSITIVE
        from mlops_assets.stores.warehouse.table_diff import diff_versions
        from mlops_assets.workspace.workspace import Workspace

        warehouse = _warehouse()
        key = warehouse.find(project, table)
        with err.status("comparing"):
            workspace = Workspace(find_project_root())
            identity, sensitive = (
                workspace.declared(key, name, default=[]) for name in (IDENTITY, SENSITIVE)
            )
            found = diff_versions(
                warehouse, key, before, after, partition=partition, identity=identity, sensitive=sensitive
            )
        if as_json:
            print_json(asdict(found))
        else:
            print_table_diff(found)


@app.command()
def restore(
    project: ProjectArgument,
    table: TableArgument,
    version: Annotated[int, typer.Argument(min=0, help="The version to restore.", show_default=False)],
    partition: PartitionOption = None,
    debug: DebugOption = False,
) -> None:
    """Restore an old version of a table as a new version, in a Dagster run; nothing is deleted.

    The next `mlops run` updates the assets downstream. Validated and quarantined rows are restored together.
    To undo it, restore the previous version.

    Example: mlops data restore california_housing validated_districts 1
    """
    with plain_errors(debug):
        from mlops_assets.workspace.dagster_run import run_job
        from mlops_assets.workspace.workspace import Workspace

        workspace = Workspace(find_project_root())
        workspace.project(project)
        config: dict[str, Any] = {"table": table, "version": version}
        if partition is not None:
            config["partition"] = partition
        ops = {names.op_name(project, job_names.RESTORE): {"config": config}}
        with workspace.instance() as instance:
            messages = run_job(
                workspace, instance, job_names.job_name(project, job_names.RESTORE), {"ops": ops}
            )
        for message in messages:
            print_line(message)
        out.print(f"[dim]to update the assets downstream: mlops run {project}[/]", highlight=False)


@app.command()
def vacuum(
    project: ProjectArgument,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Report what would be removed, without removing it.")
    ] = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Remove old table versions that no model needs, and the files of models rejected long ago.

    `retention` in defs.yaml sets the age. Training data of registered versions is kept, and so is every
    version that was ever champion.

    Example: mlops data vacuum customer_churn --dry-run
    """
    with plain_errors(debug):
        from mlops_assets.workspace.dagster_run import execute_job, raise_on_failure
        from mlops_assets.workspace.workspace import Workspace

        workspace = Workspace(find_project_root())
        workspace.project(project)
        ops = {names.op_name(project, job_names.VACUUM): {"config": {"dry_run": dry_run}}}
        with workspace.instance() as instance:
            job = job_names.job_name(project, job_names.VACUUM)
            result = execute_job(workspace, instance, job, {"ops": ops})
            raise_on_failure(result)
        observations = [
            event.asset_observation_data.asset_observation
            for event in result.all_events
            if event.event_type_value == "ASSET_OBSERVATION"
        ]
        if as_json:
            print_json([_as_json(observation) for observation in observations])
            return
        for observation in observations:
            print_line(observation.description or "")
        out.print(f"[bold]{_total(observations, dry_run=dry_run)}[/]", highlight=False, soft_wrap=True)


def _as_json(observation: "AssetObservation") -> dict[str, Any]:
    facts = {name: value.value for name, value in observation.metadata.items()}
    return {"asset": observation.asset_key.to_user_string(), **facts}


def _total(observations: "Sequence[AssetObservation]", *, dry_run: bool) -> str:
    from mlops_assets.components.model_project.maintenance.vacuum_job import amount
    from mlops_assets.components.model_project.project.metadata_names import BYTES, FILES

    facts = [_as_json(observation) for observation in observations]
    files, size = (sum(entry[name] for entry in facts) for name in (FILES, BYTES))
    return f"{len(facts)} tables and versions: {amount(files, size, dry_run=dry_run)}"


def _warehouse() -> "Warehouse":
    from mlops_assets.stores.warehouse.warehouse import Warehouse

    return Warehouse(StateDirectory.of(find_project_root()).require_layout().warehouse)
