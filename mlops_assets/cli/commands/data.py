"""`mlops data`: the versions of a table, what changed between two, back to one, and room for new ones."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from mlops_assets.cli.output.console import (
    DebugOption,
    JsonOption,
    ProjectArgument,
    err,
    out,
    plain_errors,
    print_table,
)
from mlops_assets.cli.output.table_output import print_json, row_lines
from mlops_assets.core import job_names, names
from mlops_assets.stores.system.state_directory import StateDirectory, find_project_root

if TYPE_CHECKING:
    from dagster import AssetObservation

    from mlops_assets.ml.comparison.drift import ColumnShift
    from mlops_assets.stores.delta.commit_metadata import TableVersion
    from mlops_assets.stores.warehouse.table_diff import TableDiff
    from mlops_assets.stores.warehouse.warehouse import Warehouse

TableArgument = Annotated[
    str,
    typer.Argument(help="The table, such as features or validated_districts.", show_default=False),
]
PartitionOption = Annotated[str | None, typer.Option(metavar="2025-03", help="Only this partition.")]
_SHIFT, _SOME_SHIFT = 0.25, 0.1
_DIGITS = 8

app = typer.Typer(help="Versions of tables: list, compare, restore, vacuum.", no_args_is_help=True)


@app.command()
def versions(
    project: ProjectArgument,
    table: TableArgument,
    partition: PartitionOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """List a table's versions: when, how many rows, by which Dagster run, made of which inputs.

    Example: mlops data versions california_housing validated_districts
    """
    with plain_errors(debug):
        warehouse = _warehouse()
        found = warehouse.versions(warehouse.find(project, table))
        shown = [one for one in found if partition is None or one.partition == partition]
        if as_json:
            print_json([asdict(one) for one in shown])
            return
        _print_versions(shown)


@app.command()
def diff(
    project: ProjectArgument,
    table: TableArgument,
    before: Annotated[int, typer.Argument(metavar="V1", help="The one version.", show_default=False)],
    after: Annotated[int, typer.Argument(metavar="V2", help="The other version.", show_default=False)],
    partition: PartitionOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Tell what changed between two versions of a table: rows, columns, and how they are distributed.

    Example: mlops data diff california_housing validated_districts 1 2
    """
    with plain_errors(debug):
        from mlops_assets.components.model_project.project.metadata_names import IDENTITY
        from mlops_assets.stores.warehouse.table_diff import diff_versions
        from mlops_assets.workspace.workspace import Workspace

        warehouse = _warehouse()
        key = warehouse.find(project, table)
        with err.status("comparing"):
            identity = Workspace(find_project_root()).declared(key, IDENTITY, default=[])
            found = diff_versions(warehouse, key, before, after, partition=partition, identity=identity)
        if as_json:
            print_json(asdict(found))
        else:
            _print_diff(found)


@app.command()
def restore(
    project: ProjectArgument,
    table: TableArgument,
    version: Annotated[int, typer.Argument(min=0, help="The version to restore.", show_default=False)],
    partition: PartitionOption = None,
    debug: DebugOption = False,
) -> None:
    """Make an old version of a table current again, as a run that Dagster shows; nothing is deleted.

    What is made of the table follows at the next `mlops run`. Valid and quarantined rows are restored
    together. To undo it, restore the version before.

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
            told = run_job(workspace, instance, job_names.job_name(project, job_names.RESTORE), {"ops": ops})
        for line in told:
            out.print(line, highlight=False, soft_wrap=True)
        out.print(f"[dim]mlops run {project} makes what depends on it[/]", highlight=False)


@app.command()
def vacuum(
    project: ProjectArgument,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be removed, and leave it.")
    ] = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Remove old versions of tables that no model needs, and the files of models rejected long ago.

    How old is said by `retention` in defs.yaml. What a registered version was trained on stays, and so does
    every version that ever was champion.

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
        told = [
            event.asset_observation_data.asset_observation
            for event in result.all_events
            if event.event_type_value == "ASSET_OBSERVATION"
        ]
        if as_json:
            print_json([_observed(one) for one in told])
            return
        for one in told:
            out.print(one.description, highlight=False, soft_wrap=True)
        out.print(f"[bold]{_freed(told, dry_run=dry_run)}[/]", highlight=False, soft_wrap=True)


def _observed(found: "AssetObservation") -> dict[str, Any]:
    facts = {name: value.value for name, value in found.metadata.items()}
    return {"asset": found.asset_key.to_user_string(), **facts}


def _freed(told: "Sequence[AssetObservation]", *, dry_run: bool) -> str:
    from mlops_assets.components.model_project.maintenance.vacuum_job import amount
    from mlops_assets.components.model_project.project.metadata_names import BYTES, FILES

    facts = [_observed(one) for one in told]
    files, size = (sum(one[name] for one in facts) for name in (FILES, BYTES))
    return f"{len(facts)} tables and versions: {amount(files, size, dry_run=dry_run)}"


def _warehouse() -> "Warehouse":
    from mlops_assets.stores.warehouse.warehouse import Warehouse

    return Warehouse(StateDirectory.of(find_project_root()).warehouse)


def _print_versions(found: Sequence["TableVersion"]) -> None:
    partitioned = any(one.partition for one in found)
    table = Table(box=None, pad_edge=False)
    table.add_column("version", justify="right")
    table.add_column("written (UTC)", no_wrap=True)
    if partitioned:
        table.add_column("partition", no_wrap=True)
    table.add_column("rows", justify="right")
    for title in ("digest", "Dagster run"):
        table.add_column(title, no_wrap=True)
    table.add_column("made of")
    current: set[str | None] = set()
    for one in found:
        made_of = ", ".join(f"{name.partition('/')[2]} {version}" for name, version in one.inputs.items())
        if one.restored_from is not None:
            made_of = f"restored from {one.restored_from}" + (f"; {made_of}" if made_of else "")
        table.add_row(
            str(one.version),
            f"{one.written_at:%Y-%m-%d %H:%M:%S}",
            *([one.partition or ""] if partitioned else []),
            f"{one.rows:,}" if one.rows is not None else "",
            (one.digest or "")[:_DIGITS],
            (one.dagster_run_id or "")[:_DIGITS],
            made_of or "files",
            style="" if one.partition in current else "bold",
        )
        current.add(one.partition)
    print_table(out, table)
    if not found:
        out.print("[dim]no versions[/]")


def _print_diff(found: "TableDiff") -> None:
    if found.rows is None:
        out.print(f"versions {found.before} and {found.after} hold the same")
        return
    if found.partitions:
        out.print(f"partitions that differ: {', '.join(found.partitions)}", highlight=False, soft_wrap=True)
    for line in row_lines(found.rows):
        out.print(line, highlight=False, soft_wrap=True)
    if found.shifts:
        out.print()
        print_table(out, _shift_table(found.shifts))


def _shift_table(shifts: Sequence["ColumnShift"]) -> Table:
    """How each column is distributed, the largest shift first; a large one is coloured, and named."""
    table = Table(box=None, pad_edge=False)
    table.add_column("column", no_wrap=True)
    for title in ("PSI", "without a value", "mean"):
        table.add_column(title, justify="right")
    table.add_column("values")
    for shift in shifts:
        before, after = shift.null_shares
        style = "red" if shift.psi >= _SHIFT else "yellow" if shift.psi >= _SOME_SHIFT else ""
        table.add_row(
            shift.column,
            f"{shift.psi:.3f}" + ("!" if shift.psi >= _SHIFT else ""),
            f"{before:.1%} → {after:.1%}" if before or after else "",
            " → ".join(_mean(value) for value in shift.means) if shift.means else "",
            _values(shift),
            style=style,
        )
    return table


def _mean(value: float | str | None) -> str:
    return "none" if value is None else value if isinstance(value, str) else f"{value:,.6g}"


def _values(shift: "ColumnShift") -> str:
    told = []
    for count, examples, what in (
        (shift.new_values, shift.new_examples, "new"),
        (shift.gone_values, shift.gone_examples, "gone"),
    ):
        if count:
            more = ", …" if count > len(examples) else ""
            told.append(f"{count:,} {what}: {', '.join(examples)}{more}")
    return "; ".join(told)
