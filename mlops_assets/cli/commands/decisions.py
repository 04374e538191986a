"""`mlops approve`, `reject`, `rollback`, `retire`, `adopt`: what a person says of a project's champion."""

import getpass
import socket
from typing import Annotated

import typer

from mlops_assets.cli.output.console import DebugOption, ProjectArgument, out, plain_errors, print_waiting
from mlops_assets.core import job_names, names
from mlops_assets.stores.system.state_directory import find_project_root

VersionArgument = Annotated[int, typer.Argument(min=1, help="The version.", show_default=False)]
ReasonOption = Annotated[str, typer.Option(help="Why; the ledger keeps it.", show_default=False)]
ActorOption = Annotated[
    str | None, typer.Option(help="Who says so; by default who runs the command.", show_default=False)
]


def approve(
    project: ProjectArgument,
    version: VersionArgument,
    reason: ReasonOption,
    actor: ActorOption = None,
    against_gates: Annotated[
        bool, typer.Option("--against-gates", help="Though it failed its gates; the ledger tells.")
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Let a version that waits become champion.

    Example: mlops approve customer_churn 3 --reason "agreed with the retention team"
    """
    _say(project, "approve", version, reason, actor, debug, against_gates=against_gates)


def reject(
    project: ProjectArgument,
    version: VersionArgument,
    reason: ReasonOption,
    actor: ActorOption = None,
    debug: DebugOption = False,
) -> None:
    """Keep a version that waits from ever becoming champion.

    Example: mlops reject customer_churn 3 --reason "trained on the month of the outage"
    """
    _say(project, "reject", version, reason, actor, debug)


def rollback(
    project: ProjectArgument,
    reason: ReasonOption,
    to: Annotated[
        int | None, typer.Option(min=1, help="The version; by default the champion before this one.")
    ] = None,
    actor: ActorOption = None,
    debug: DebugOption = False,
) -> None:
    """Go back to a version that really was champion; what trains next asks before it overrides that.

    Example: mlops rollback customer_churn --reason "complaints since Monday"
    """
    _say(project, "rollback", to, reason, actor, debug)


def retire(
    project: ProjectArgument, reason: ReasonOption, actor: ActorOption = None, debug: DebugOption = False
) -> None:
    """Take the champion out of service, with nobody in its place.

    Example: mlops retire customer_churn --reason "the product was discontinued"
    """
    _say(project, "retire", None, reason, actor, debug)


def adopt(
    project: ProjectArgument, reason: ReasonOption, actor: ActorOption = None, debug: DebugOption = False
) -> None:
    """Begin a new ledger with the champion that MLflow has, after the ledger was lost.

    Example: mlops adopt customer_churn --reason "the warehouse's disk died, and there is no backup"
    """
    _say(project, "adopt", None, reason, actor, debug)


def _say(
    project: str,
    word: str,
    version: int | None,
    reason: str,
    actor: str | None,
    debug: bool,
    *,
    against_gates: bool = False,
) -> None:
    """Run the job of a word."""
    with plain_errors(debug):
        from dagster import AssetKey

        from mlops_assets.components.model_project.project.staleness import latest_materializations
        from mlops_assets.workspace.dagster_run import project_lock, run_job
        from mlops_assets.workspace.workspace import Workspace

        workspace = Workspace(find_project_root())
        workspace.project(project)
        key = AssetKey(names.project_asset(project, names.CHAMPION))
        said = {"decision": word, "reason": reason, "actor": actor or _user(), "against_gates": against_gates}
        said |= {} if version is None else {"version": version}
        config = {"ops": {names.op_name(*key.path): {"config": said}}}
        with (
            workspace.instance() as instance,
            project_lock(workspace, instance, project, command=f"mlops {word}", on_wait=print_waiting),
        ):
            for told in run_job(workspace, instance, job_names.job_name(project, word), config):
                _print(told)
            made = latest_materializations(instance, key)[None].asset_materialization
            if made is not None and word not in ("retire", "adopt"):
                _print(f"{made.metadata['alias'].value} is version {made.metadata['version'].value}")


def _print(told: str) -> None:
    out.print(told, markup=False, highlight=False, soft_wrap=True)


def _user() -> str:
    """Who runs the command, and where."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (OSError, KeyError):  # a container's user may have no name
        return f"somebody@{socket.gethostname()}"
