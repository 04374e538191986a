"""`mlops audit`: the consistency of ledger, registry, alias and model files."""

import typer
from rich.markup import escape

from mlops_assets.cli.output.console import (
    DebugOption,
    JsonOption,
    ProjectArgument,
    out,
    plain_errors,
    print_waiting,
)
from mlops_assets.cli.output.table_output import print_json
from mlops_assets.stores.system.state_directory import find_project_root


def audit(project: ProjectArgument, as_json: JsonOption = False, debug: DebugOption = False) -> None:
    """Verify the ledger, the registry, the alias and the files of every version; exit with 1 on an error.

    Example: mlops audit customer_churn
    """
    with plain_errors(debug):
        from mlops_assets.stores.governance.audit import audit as find
        from mlops_assets.stores.governance.champion_ledger import ChampionLedger
        from mlops_assets.stores.governance.ledger import Ledger
        from mlops_assets.stores.warehouse.warehouse import Warehouse
        from mlops_assets.workspace.workspace import Workspace

        workspace = Workspace(find_project_root())
        workspace.project(project)
        ledger, tracking = Ledger(Warehouse(workspace.state.warehouse), project), workspace.tracking
        findings = list(find(ChampionLedger(ledger, tracking.registry), tracking, print_waiting))
        if as_json:
            print_json([finding.to_json() for finding in findings])
        else:
            for finding in findings:
                state = "[green]ok[/]   " if finding.passed else "[bold red]error[/]"
                reasons = f": {'; '.join(finding.errors)}" if finding.errors else ""
                out.print(f"{state} {finding.subject}{escape(reasons)}", highlight=False, soft_wrap=True)
        if not all(finding.passed for finding in findings):
            raise typer.Exit(1)
