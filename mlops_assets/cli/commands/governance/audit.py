"""`mlops audit`: the consistency of ledger, registry, alias, model files and tables."""

import re
from typing import Annotated

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
from mlops_assets.core.errors import ProjectError
from mlops_assets.stores.system.state_directory import find_project_root


def audit(
    project: ProjectArgument,
    forgotten: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID",
            help="Verify instead that nothing is left of this entity; once for each of its columns.",
            show_default=False,
        ),
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(
            metavar="SEQUENCE:HASH",
            help="An entry that was noted earlier: an error if the ledger does not contain it any more.",
        ),
    ] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Verify ledger, registry, alias, and the files of versions and tables; exit with 1 on an error.

    No table and no online store may have a row of a forgotten entity, which is searched by keyed digests.

    Example: mlops audit customer_churn
    """
    with plain_errors(debug):
        from mlops_assets.components.model_project.maintenance.vacuum_job import model_inputs
        from mlops_assets.stores.governance.audit import audit as find
        from mlops_assets.stores.governance.champion_ledger import ChampionLedger
        from mlops_assets.stores.governance.ledger.ledger import Ledger
        from mlops_assets.stores.governance.table_audit import audit_tables
        from mlops_assets.stores.warehouse.warehouse import Warehouse
        from mlops_assets.workspace.forgetting.audit import audit_entity, audit_forgotten
        from mlops_assets.workspace.workspace import Workspace

        if head is not None and not re.fullmatch(r"[1-9][0-9]{0,17}:[0-9a-f]{64}", head):
            raise ProjectError(
                f"--head is no entry of a ledger: {head}",
                hint=f"`mlops audit {project}` prints the last one, the number and 64 hexadecimal digits",
            )
        workspace = Workspace(find_project_root())
        workspace.project(project)
        warehouse, tracking = Warehouse(workspace.state.warehouse), workspace.tracking
        if forgotten:
            findings = list(audit_entity(workspace, project, forgotten))
        else:
            champion_ledger = ChampionLedger(Ledger(warehouse, project), tracking.registry)
            findings = [
                *find(champion_ledger, tracking, print_waiting, head),
                audit_tables(warehouse, project, lambda: model_inputs(warehouse, tracking)),
                *audit_forgotten(workspace, project),
            ]
        if as_json:
            print_json([finding.to_json() for finding in findings])
        else:
            for finding in findings:
                state = "[green]ok[/]   " if finding.passed else "[bold red]error[/]"
                reasons = f": {'; '.join(finding.errors)}" if finding.errors else ""
                out.print(f"{state} {finding.subject}{escape(reasons)}", highlight=False, soft_wrap=True)
                for note in finding.notes:
                    out.print(f"      [dim]note:[/] {escape(note)}", highlight=False, soft_wrap=True)
        if not all(finding.passed for finding in findings):
            raise typer.Exit(1)
