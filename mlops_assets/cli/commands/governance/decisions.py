"""Manual decisions about the champion: `mlops approve`, `reject`, `rollback`, `retire` and `adopt`."""

from typing import Annotated

import typer

from mlops_assets.cli.output.console import (
    DebugOption,
    ProjectArgument,
    plain_errors,
    print_line,
    print_waiting,
)
from mlops_assets.core import job_names, names
from mlops_assets.stores.system.state_directory import find_project_root

VersionArgument = Annotated[int, typer.Argument(min=1, help="Number of the version.", show_default=False)]
ReasonOption = Annotated[str, typer.Option(help="Reason, recorded in the ledger.", show_default=False)]
ActorOption = Annotated[
    str | None,
    typer.Option(
        help="Who decides, recorded in the ledger as claimed; by default the account of the command, "
        "USER@HOST.",
        show_default=False,
    ),
]


def approve(
    project: ProjectArgument,
    version: VersionArgument,
    reason: ReasonOption,
    actor: ActorOption = None,
    against_gates: Annotated[
        bool,
        typer.Option(
            "--against-gates", help="Promote a version that failed its gates; the ledger records it."
        ),
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Promote a version that is pending approval to champion.

    Example: mlops approve customer_churn 3 --reason "agreed with the retention team"
    """
    run_decision(project, "approve", version, reason, actor, debug, against_gates=against_gates)


def reject(
    project: ProjectArgument,
    version: VersionArgument,
    reason: ReasonOption,
    actor: ActorOption = None,
    debug: DebugOption = False,
) -> None:
    """Reject a version that is pending approval; it can never become champion.

    Example: mlops reject customer_churn 3 --reason "trained on the month of the outage"
    """
    run_decision(project, "reject", version, reason, actor, debug)


def rollback(
    project: ProjectArgument,
    reason: ReasonOption,
    to: Annotated[
        int | None, typer.Option(min=1, help="A former champion; by default the previous one.")
    ] = None,
    actor: ActorOption = None,
    debug: DebugOption = False,
) -> None:
    """Roll back to a former champion; later versions then require approval.

    Example: mlops rollback customer_churn --reason "complaints since Monday"
    """
    run_decision(project, "rollback", to, reason, actor, debug)


def retire(
    project: ProjectArgument, reason: ReasonOption, actor: ActorOption = None, debug: DebugOption = False
) -> None:
    """Retire the champion without a successor.

    Example: mlops retire customer_churn --reason "the product was discontinued"
    """
    run_decision(project, "retire", None, reason, actor, debug)


def adopt(
    project: ProjectArgument, reason: ReasonOption, actor: ActorOption = None, debug: DebugOption = False
) -> None:
    """Start a new ledger from MLflow's champion, after the ledger was lost.

    Example: mlops adopt customer_churn --reason "the warehouse's disk died, and there is no backup"
    """
    run_decision(project, "adopt", None, reason, actor, debug)


def run_decision(
    project: str,
    decision: str,
    version: int | None,
    reason: str,
    actor: str | None,
    debug: bool,
    *,
    against_gates: bool = False,
) -> None:
    """Run the job of a decision, and print its messages."""
    with plain_errors(debug):
        from dagster import AssetKey

        from mlops_assets.components.model_project.project.materializations import latest_materializations
        from mlops_assets.workspace.dagster_run import project_lock, run_job
        from mlops_assets.workspace.workspace import Workspace

        workspace = Workspace(find_project_root())
        workspace.project(project)
        key = AssetKey(names.project_asset(project, names.CHAMPION))
        config = {
            "decision": decision,
            "reason": reason,
            "actor": actor or "",
            "against_gates": against_gates,
            **({} if version is None else {"version": version}),
        }
        run_config = {"ops": {names.op_name(*key.path): {"config": config}}}
        with (
            workspace.instance() as instance,
            project_lock(workspace, instance, project, command=f"mlops {decision}", on_wait=print_waiting),
        ):
            for message in run_job(workspace, instance, job_names.job_name(project, decision), run_config):
                print_line(message)
            latest = latest_materializations(instance, key)[None].asset_materialization
            if latest is not None and decision not in ("retire", "adopt"):
                print_line(f"{latest.metadata['alias'].value} is version {latest.metadata['version'].value}")
