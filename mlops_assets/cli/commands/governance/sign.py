"""`mlops sign`: the first signature of a ledger, and a change of its key."""

from typing import Annotated

import typer

from mlops_assets.cli.commands.governance.decisions import ActorOption, ReasonOption
from mlops_assets.cli.output.console import (
    DebugOption,
    ProjectArgument,
    plain_errors,
    print_line,
    print_waiting,
)
from mlops_assets.core.errors import ProjectError
from mlops_assets.stores.system.state_directory import find_project_root


def sign(
    project: ProjectArgument,
    reason: ReasonOption,
    actor: ActorOption = None,
    unverified: Annotated[
        bool,
        typer.Option(
            "--unverified",
            help="Sign although earlier signatures can't be verified, because their key is lost; the ledger "
            "records it.",
        ),
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Sign a ledger with the key in MLOPS_LEDGER_KEY: for the first time, or with a new key.

    Example: mlops sign customer_churn --reason "the key is in the vault"
    """
    with plain_errors(debug):
        from mlops_assets.components.model_project.promotion.transitions import deciding_actor
        from mlops_assets.core.command_user import run_of_command
        from mlops_assets.stores.governance.champion_ledger import ChampionLedger
        from mlops_assets.stores.governance.ledger.ledger import Ledger
        from mlops_assets.stores.governance.signing import sign_ledger
        from mlops_assets.stores.warehouse.warehouse import Warehouse
        from mlops_assets.workspace.workspace import Workspace

        if not reason.strip():
            raise ProjectError(
                f"{project}: sign requires a reason", hint="the reason is recorded in the ledger"
            )
        with run_of_command():
            who = deciding_actor(actor or "", "")
        workspace = Workspace(find_project_root())
        workspace.project(project)
        ledger, registry = Ledger(Warehouse(workspace.state.warehouse), project), workspace.tracking.registry
        champion_ledger = ChampionLedger(ledger, registry)
        with champion_ledger.lock("`mlops sign`", print_waiting):
            print_line(sign_ledger(champion_ledger, who, reason.strip(), unverified=unverified))
