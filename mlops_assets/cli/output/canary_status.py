"""The challenger of a project and its statistics, for `mlops canary status`."""

from typing import Any

from rich.table import Table

from mlops_assets.cli.output.console import out, print_line, print_table
from mlops_assets.stores.governance.challenge_report import read_reports
from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets.stores.governance.ledger.state import LedgerState
from mlops_assets.stores.system.state_directory import StateDirectory
from mlops_assets.stores.warehouse.warehouse import Warehouse


def canary_status(state: StateDirectory, project: str) -> dict[str, Any]:
    """The champion, the challenger by the ledger, its last withdrawal, and the reports of the services."""
    entries = Ledger(Warehouse(state.warehouse), project).entries()
    found = LedgerState.of(entries)
    withdrawn = [entry for entry in entries if entry.event.kind == "withdrawn"]
    challenger, last = found.challenger, withdrawn[-1] if withdrawn else None
    reports = [] if challenger is None else read_reports(state.serving, project, challenger.sequence)
    return {
        "project": project,
        "champion": found.champion,
        "challenger": None if challenger is None else {**vars(challenger)},
        "report": reports[0] if reports else None,
        "other_services": reports[1:],
        "last_withdrawal": None
        if last is None
        else {
            "version": last.event.version,
            "at": last.at,
            "actor": last.event.actor,
            "reason": last.event.reason,
        },
    }


def print_canary_status(project: str, status: dict[str, Any]) -> None:
    """Print the status as text."""
    challenger, report, last = status["challenger"], status["report"], status["last_withdrawal"]
    if challenger is None:
        champion = status["champion"]
        print_line(
            f"{project} has no champion"
            if champion is None
            else f"{project}: no version challenges the champion, version {champion}"
        )
        if last is not None:
            print_line(
                f"version {last['version']} was withdrawn on {last['at']:%Y-%m-%d %H:%M} UTC by "
                f"{last['actor']}: {last['reason']}"
            )
        return
    what = "is a canary with" if challenger["mode"] == "canary" else "is a shadow of"
    print_line(
        f"version {challenger['version']} {what} {100 * challenger['share']:g} % of the traffic since "
        f"{challenger['since']:%Y-%m-%d %H:%M} UTC, by {challenger['actor']}: {challenger['reason']}"
    )
    if report is None:
        print_line(f"no service has reported about it; start one: mlops serve {project}")
        return
    others = status["other_services"]
    for one in (report, *others):
        if others:
            print_line(f"service {one['service']}:")
        _print_report(one)


def _print_report(report: dict[str, Any]) -> None:
    """Print what one service has observed."""
    for problem in report["problems"]:
        print_line(problem)
    table = Table(box=None, pad_edge=False)
    for title in ("", "version", "entities in the window", "failed", "p95 ms", "mean score"):
        table.add_column(title, justify="left" if title == "" else "right")
    for role in ("champion", "challenger"):
        arm = report[role]
        table.add_row(
            role, *(_cell(arm[name]) for name in ("version", "entities", "failed", "p95_ms", "mean"))
        )
    print_table(out, table)
    for check in report["checks"]:
        print_line(f"{'BREACHED' if check['breached'] else 'ok':9} {check['message']}")
    if report["dropped"]:
        dropped = f"{report['dropped']:,} rows"
        print_line(f"{dropped} were not scored: the shadow was not ready, or slower than the traffic")


def _cell(value: float | int | None) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
