"""`mlops canary`: a version shadows the champion in the HTTP service, or takes a share of its traffic."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from mlops_assets.cli.commands.governance.decisions import ActorOption, ReasonOption, run_decision
from mlops_assets.cli.output.console import (
    DebugOption,
    JsonOption,
    ProjectArgument,
    plain_errors,
    print_line,
    print_waiting,
)
from mlops_assets.cli.output.table_output import print_json
from mlops_assets.core import names
from mlops_assets.core.errors import ProjectError
from mlops_assets.stores.system.state_directory import StateDirectory, find_project_root

if TYPE_CHECKING:
    from mlops_assets.components.model_project.promotion.transitions import Attribution
    from mlops_assets.stores.governance.champion_ledger import ChampionLedger
    from mlops_assets.workspace.workspace import Workspace

app = typer.Typer(no_args_is_help=True, help="Shadow the champion, or give a version a share of its traffic.")


@app.command()
def start(
    project: ProjectArgument,
    version: Annotated[
        int | None,
        typer.Option(
            min=1, help="The version; by default the newest one that passed its gates.", show_default=False
        ),
    ] = None,
    share: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Share of the traffic that the version answers, or scores as a shadow. [default: 0.1; of a "
            "shadow 1]",
            show_default=False,
        ),
    ] = None,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Score and log the version, and never answer with it.")
    ] = False,
    reason: Annotated[
        str, typer.Option(help="Reason, recorded in the ledger.")
    ] = "comparison with the champion",
    actor: ActorOption = None,
    debug: DebugOption = False,
) -> None:
    """Start a canary or a shadow; running services follow within seconds.

    Example: mlops canary start customer_churn --share 0.1
    """
    with plain_errors(debug), _decision(project, "start", reason, actor) as found:
        from mlops_assets.components.model_project.project.metadata_names import SERVING
        from mlops_assets.components.model_project.promotion.challenge import Challenge, start_challenge
        from mlops_assets.workspace.predictions.prediction_input import raw_spec, table_contract

        workspace = found.workspace
        asset = names.project_asset(project, names.CHAMPION)
        guardrails = workspace.declared(asset, SERVING, default={})["canary"]
        contract = None
        if workspace.timeline(project) is None:
            contract = table_contract(project, raw_spec(workspace, project))
        challenge = Challenge(version, "shadow" if shadow else "canary", share, guardrails)
        print_line(start_challenge(found.ledger, workspace.tracking, contract, challenge, found.attribution))


@app.command()
def stop(
    project: ProjectArgument, reason: ReasonOption, actor: ActorOption = None, debug: DebugOption = False
) -> None:
    """Withdraw the challenger; running services follow within seconds.

    Example: mlops canary stop customer_churn --reason "enough rows were compared"
    """
    with plain_errors(debug), _decision(project, "stop", reason, actor) as found:
        from mlops_assets.components.model_project.promotion.challenge import stop_challenge

        print_line(stop_challenge(found.ledger, found.attribution, found.workspace.state.serving))


@app.command()
def promote(
    project: ProjectArgument, reason: ReasonOption, actor: ActorOption = None, debug: DebugOption = False
) -> None:
    """Promote the challenger to champion, as `mlops approve` does; the ledger records its statistics.

    Example: mlops canary promote customer_churn --reason "no difference over a week"
    """
    with plain_errors(debug):
        from mlops_assets.components.model_project.promotion.challenge import require_challenger
        from mlops_assets.stores.governance.ledger.ledger import Ledger
        from mlops_assets.stores.governance.ledger.state import LedgerState
        from mlops_assets.stores.warehouse.warehouse import Warehouse

        state = StateDirectory.of(find_project_root()).require_layout()
        entries = Ledger(Warehouse(state.warehouse), project).entries()
        challenger = require_challenger(project, LedgerState.of(entries))
    run_decision(project, "approve", challenger.version, reason, actor, debug)


@app.command()
def status(project: ProjectArgument, as_json: JsonOption = False, debug: DebugOption = False) -> None:
    """Print the challenger, and how it compares with the champion.

    Example: mlops canary status customer_churn
    """
    with plain_errors(debug):
        from mlops_assets.cli.output.canary_status import canary_status, print_canary_status

        state = StateDirectory.of(find_project_root()).require_layout()
        found = canary_status(state, project)
        if as_json:
            print_json(found)
        else:
            print_canary_status(project, found)


class _Decision(NamedTuple):
    workspace: "Workspace"
    ledger: "ChampionLedger"
    attribution: "Attribution"


@contextmanager
def _decision(project: str, what: str, reason: str, actor: str | None) -> Iterator[_Decision]:
    """Hold the lock of the ledger, without a Dagster run, so that no training is waited for."""
    from mlops_assets.components.model_project.promotion.transitions import Attribution, deciding_actor
    from mlops_assets.core.command_user import run_of_command
    from mlops_assets.stores.governance.champion_ledger import ChampionLedger
    from mlops_assets.stores.governance.ledger.ledger import Ledger
    from mlops_assets.stores.warehouse.warehouse import Warehouse
    from mlops_assets.workspace.workspace import Workspace

    if not reason.strip():
        raise ProjectError(
            f"{project}: {what} requires a reason", hint="the reason is recorded in the ledger"
        )
    with run_of_command():
        who = deciding_actor(actor or "", "")
    workspace = Workspace(find_project_root())
    workspace.project(project)
    ledger = Ledger(Warehouse(workspace.state.warehouse), project)
    champion_ledger = ChampionLedger(ledger, workspace.tracking.registry)
    with champion_ledger.lock(f"`mlops canary {what}`", print_waiting):
        yield _Decision(workspace, champion_ledger, Attribution(who, reason.strip(), ""))
