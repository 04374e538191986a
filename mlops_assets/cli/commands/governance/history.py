"""`mlops history`: the events of a project's versions in the ledger."""

from typing import TYPE_CHECKING, Any

from rich.table import Table

from mlops_assets.cli.output.console import (
    DebugOption,
    JsonOption,
    ProjectArgument,
    out,
    plain_errors,
    print_line,
    print_table,
)
from mlops_assets.cli.output.table_output import print_json
from mlops_assets.core.errors import StoreError
from mlops_assets.stores.system.state_directory import StateDirectory, find_project_root

if TYPE_CHECKING:
    from mlops_assets.stores.governance.ledger.entries import Entry


def history(project: ProjectArgument, as_json: JsonOption = False, debug: DebugOption = False) -> None:
    """Print the ledger: which version became champion, when, why and by whom; and what is pending approval.

    Example: mlops history customer_churn
    """
    with plain_errors(debug):
        from mlops_assets.stores.governance.ledger.reader import read_ledger
        from mlops_assets.stores.governance.ledger.state import LedgerState
        from mlops_assets.stores.governance.pending_versions import describe_pending

        state = StateDirectory.of(find_project_root()).require_layout()
        entries = read_ledger(state.warehouse, project)
        if not entries:
            raise StoreError(
                f"{project} has no ledger: no version has been registered",
                hint=f"train and register one: mlops run {project}",
            )
        if as_json:
            print_json([_facts(entry) for entry in entries])
            return
        table = Table(box=None, pad_edge=False)
        for title in ("", "when (UTC)", "event", "version", "by"):
            table.add_column(title, no_wrap=True)
        table.add_column("why", overflow="fold")
        for entry in entries:
            event = entry.event
            when, what = f"{entry.at:%Y-%m-%d %H:%M:%S}", event.kind.replace("_", " ")
            cells = (str(entry.sequence), when, what, str(event.version), event.actor, event.reason)
            table.add_row(*cells, style=_STYLES.get(event.kind, ""))
        print_table(out, table)
        found = LedgerState.of(entries)
        for line in describe_pending(project, found):
            print_line(line)
        if (challenger := found.challenger) is not None:
            since = f"{challenger.since:%Y-%m-%d %H:%M} UTC"
            print_line(f"{challenger.description} since {since}: mlops canary status {project}")


_STYLES = {
    "promoted": "green",
    "rolled_back": "yellow",
    "rejected": "red",
    "retired": "dim",
    "expired": "dim",
    "challenged": "cyan",
    "withdrawn": "yellow",
}


def _facts(entry: "Entry") -> dict[str, Any]:
    return {
        "sequence": entry.sequence,
        "at": entry.at,
        **vars(entry.event),
        "previous_hash": entry.previous_hash,
        "hash": entry.hash,
        "signature": entry.signature or None,
    }
