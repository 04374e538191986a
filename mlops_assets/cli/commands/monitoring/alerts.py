"""`mlops alerts`: open incidents, alerts that were not delivered, and tests of the channels."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from mlops_assets.cli.output.console import (
    DebugOption,
    JsonOption,
    exit_on_errors,
    out,
    plain_errors,
    print_line,
    print_table,
)
from mlops_assets.cli.output.table_output import print_json
from mlops_assets.core.errors import ProjectError
from mlops_assets.stores.system.state_directory import find_project_root

if TYPE_CHECKING:
    from mlops_assets.stores.alerts.incidents import Incident, Undelivered
    from mlops_assets.workspace.workspace import Workspace

_STYLES = {"info": "dim", "warning": "yellow", "error": "red", "critical": "bold red"}


def alerts(
    project: Annotated[
        str | None, typer.Argument(help="Name of the project; by default all.", show_default=False)
    ] = None,
    test: Annotated[
        bool, typer.Option("--test", help="Send a test alert to every channel; exit with 1 if one fails.")
    ] = False,
    now: Annotated[
        bool,
        typer.Option("--now", help="Evaluate and deliver alerts now, as the sensor does, without a daemon."),
    ] = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Print open incidents and alerts that were not delivered.

    Example: mlops alerts customer_churn --test
    """
    with plain_errors(debug):
        from mlops_assets.stores.alerts.incidents import open_incidents, undelivered
        from mlops_assets.workspace.alerts import evaluate_alerts
        from mlops_assets.workspace.workspace import Workspace

        workspace = Workspace(find_project_root())
        projects = _projects(workspace, project)
        if test and now:
            raise ProjectError("--test and --now exclude each other", hint="use one of them")
        if test:
            _test(workspace, projects, as_json=as_json)
            return
        if now:
            with workspace.instance() as instance:
                for name in projects:
                    message = evaluate_alerts(workspace, instance, name)
                    if not as_json:
                        print_line(f"{name}: {message}")
        state = workspace.state.require_layout().root
        found, failed = open_incidents(state, project), undelivered(state, project)
        if as_json:
            print_json({"open": [vars(one) for one in found], "undelivered": [vars(one) for one in failed]})
            return
        _print(found, failed, projects)


def _projects(workspace: "Workspace", project: str | None) -> list[str]:
    """The projects that declare channels, among the given one or all."""
    from mlops_assets.workspace.alerts import declared_alerts

    if project is not None:
        workspace.project(project)
    declared = declared_alerts(workspace)
    found = [name for name in declared if project in (None, name)]
    if not found:
        raise ProjectError(
            f"{project or 'no project'} declares {'no' if project else 'a'} channel of alerts",
            hint="declare one in defs.yaml, such as `alerts: {channels: {console: {log: true}}}`",
        )
    return found


def _test(workspace: "Workspace", projects: list[str], *, as_json: bool) -> None:
    from mlops_assets.workspace.alerts import send_tests

    results = []
    for result in send_tests(workspace, projects):
        results.append(result)
        if not as_json and not result.error:
            note = f" ({result.note})" if result.note else ""
            print_line(f"{result.project}: channel {result.channel}: delivered{note}")
    if as_json:
        print_json([vars(result) for result in results])
    exit_on_errors([f"{one.project}: channel {one.channel}: {one.error}" for one in results if one.error])


def _print(found: "Sequence[Incident]", failed: "Sequence[Undelivered]", projects: list[str]) -> None:
    if found:
        rows: list[tuple[Any, ...]] = [
            (f"{one.opened_at:%Y-%m-%d %H:%M}", one.severity, one.project or "Dagster", one.kind, one.title)
            for one in found
        ]
        _table(("since (UTC)", "severity", "project", "kind", "what"), rows, [one.severity for one in found])
    else:
        print_line(f"no open incidents of {', '.join(projects)}")
    for one in failed:
        attempts = f"{one.attempts} attempt{'' if one.attempts == 1 else 's'}"
        state = "given up after" if one.gave_up else "not delivered yet after"
        print_line(f"{one.project}: channel {one.channel}: {state} {attempts}: {one.subject}: {one.error}")


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]], severities: Sequence[str]) -> None:
    table = Table(box=None, pad_edge=False)
    for title in titles[:-1]:
        table.add_column(title, no_wrap=True)
    table.add_column(titles[-1], overflow="fold")
    for row, severity in zip(rows, severities, strict=True):
        table.add_row(*row, style=_STYLES[severity])
    print_table(out, table)
