"""`mlops plan`: what a run would make, why, and about how long it takes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from mlops_assets.cli.output.console import (
    DataOption,
    DebugOption,
    JsonOption,
    PartitionsOption,
    ProjectArgument,
    TrialsOption,
    UntilOption,
    err,
    out,
    plain_errors,
    print_line,
    print_table,
)
from mlops_assets.cli.output.table_output import print_json
from mlops_assets.core import names
from mlops_assets.core.errors import ProjectError
from mlops_assets.stores.system.state_directory import find_project_root

if TYPE_CHECKING:
    from mlops_assets.workspace.changes.change_plan import ChangePlan


def plan(
    project: ProjectArgument,
    data: DataOption = None,
    trials: TrialsOption = None,
    until: UntilOption = None,
    partition: Annotated[
        str | None, typer.Option(metavar="2025-03", help="Restrict the plan to this partition.")
    ] = None,
    partitions: PartitionsOption = None,
    force: Annotated[bool, typer.Option("--force", help="Include assets that are up to date.")] = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Show what `mlops run` would make now, why, and about how long it takes; nothing is run or written.

    Example: mlops plan customer_churn --trials 50
    """
    with plain_errors(debug):
        from mlops_assets.workspace.changes.change_plan import PlanArguments, plan_changes
        from mlops_assets.workspace.status.read_only_instance import read_only_instance
        from mlops_assets.workspace.workspace import Workspace

        if partition and partitions:
            raise ProjectError("--partition and --partitions exclude each other", hint="use one of them")
        workspace = Workspace(find_project_root())
        workspace.project(project)
        arguments = PlanArguments(
            source=data.expanduser().absolute() if data else None,
            scope=partition or partitions,
            until=until,
            trials=trials,
            force=force,
        )
        workspace.state.require_layout()
        with err.status("comparing"), read_only_instance(workspace) as instance:
            found = plan_changes(workspace, instance, project, arguments)
        if as_json:
            print_json(found.to_json())
        else:
            _print(found)


def _print(plan: "ChangePlan") -> None:
    for asset, removed in plan.removed.items():
        print_line(f"{asset}: removes {_span(removed)}, which defs.yaml does not declare any more")
    if plan.runs:
        print_table(out, _table(plan))
        for line in _summary(plan):
            print_line(line)
    if plan.up_to_date:
        print_line(f"{plan.project} is up to date")
    for note in plan.notes:
        print_line(f"note: {note}")


def _table(plan: "ChangePlan") -> Table:
    from mlops_assets.workspace.changes.change_plan import grouped
    from mlops_assets.workspace.changes.durations import shown

    table = Table("partition", "runs", "asset", "why", "about", box=None, pad_edge=False)
    table.columns[-1].justify = table.columns[1].justify = "right"
    for group in grouped(plan.runs):
        first = group.runs[0]
        for place, asset in enumerate(first.assets):
            seconds = [run.assets[place].seconds for run in group.runs]
            known = [one for one in seconds if one is not None]
            part = (
                f" ({_span(asset.partitions)})" if 0 < len(asset.partitions) < len(first.partitions) else ""
            )
            table.add_row(
                *((_span(group.partitions), str(len(group.runs))) if place == 0 else ("", "")),
                escape(asset.asset),
                escape((asset.reason if asset.certain else f"may run: {asset.reason}") + part),
                shown(sum(known)) if known else "unknown",
                style=None if asset.certain else "dim",
            )
    return table


def _summary(plan: "ChangePlan") -> list[str]:
    """The consequences for model and predictions, and the duration."""
    from mlops_assets.workspace.changes.durations import shown

    lines = []
    for cutoff, certain in plan.partitions(names.TUNED_MODEL):
        at = f" at cut-off {cutoff}" if cutoff else ""
        lines.append(f"model: {'a new one is trained' if certain else 'a new one may be trained'}{at}")
    predicted = plan.partitions(names.PREDICTIONS)
    for certain, verb in ((True, "new"), (False, "possibly new")):
        if chosen := [partition for partition, sure in predicted if sure == certain]:
            of = f" of {_span(chosen)}" if None not in chosen else ""
            lines.append(f"predictions: {verb}{of}")
    least, most = plan.seconds(certain=True), plan.seconds()
    about = shown(most) if shown(least) == shown(most) else f"{shown(least)} to {shown(most)}"
    runs = f"{len(plan.runs)} run{'s' if len(plan.runs) > 1 else ''}"
    if len(plan.unknown) == len({one.asset for run in plan.runs for one in run.assets}):
        return [*lines, f"{runs}; the duration is unknown: none of these assets has run before"]
    more = f", and without {', '.join(plan.unknown)}, which never ran" if plan.unknown else ""
    return [*lines, f"{runs}, about {about}{more}"]


def _span(partitions: Sequence[str | None]) -> str:
    """Partitions in words: `2024-01 … 2024-06`; empty without partitions."""
    named = [str(one) for one in partitions if one is not None]
    if len(named) <= 2:
        return ", ".join(named)
    return f"{named[0]} … {named[-1]} ({len(named)})"
