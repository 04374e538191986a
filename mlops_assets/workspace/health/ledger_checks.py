"""Looks at ledgers before a run, and by `doctor`: signatures, and the clock of this machine."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlops_assets.components.model_project.automation.jobs import REGISTRY_ASSETS
from mlops_assets.core import names
from mlops_assets.core.errors import StoreError
from mlops_assets.stores.governance.clock import clock_note
from mlops_assets.stores.governance.ledger.entries import Entry
from mlops_assets.stores.governance.ledger.keys import LedgerKeys
from mlops_assets.stores.governance.ledger.ledger import Ledger
from mlops_assets.stores.governance.ledger.signatures import signature_errors
from mlops_assets.stores.warehouse.warehouse import Warehouse
from mlops_assets.workspace.health.doctor_checks import CheckWarningError
from mlops_assets.workspace.workspace import Workspace

if TYPE_CHECKING:
    from mlops_assets.workspace.run_plan import RunPlan


def look_at_ledger(plan: "RunPlan") -> str | None:
    """The note about a clock that was set back, before a run that reads or writes the ledger.

    Raises
    ------
    StoreError
        If the key of the ledger is missing or wrong: nothing is trained that could not be registered.
    """
    if not plan.only(*REGISTRY_ASSETS, names.PREDICTIONS):
        return None
    entries = Ledger(plan.tables, plan.project).entries()
    _require_signatures(plan.project, entries)
    return clock_note(entries, datetime.now(UTC))


def check_ledgers(workspace: Workspace) -> str:
    """Check the signatures of all ledgers, and that the clock is not behind them."""
    warehouse = Warehouse(workspace.state.warehouse)
    projects = [table[0] for table in warehouse.tables() if table[1:] == (names.LEDGER,)]
    for project in projects:
        entries = Ledger(warehouse, project).entries()
        _require_signatures(project, entries)
        if note := clock_note(entries, datetime.now(UTC)):
            raise CheckWarningError(f"{project}: {note}", hint="set the clock of this machine")
    keys = LedgerKeys.of_environment()
    signed = f", signed with the key {keys.current_id}" if keys.current else ""
    return (
        f"{len(projects)} ledger{'' if len(projects) == 1 else 's'}{signed}" if projects else "no ledgers yet"
    )


def _require_signatures(project: str, entries: Sequence[Entry]) -> None:
    for error in signature_errors(project, entries, LedgerKeys.of_environment())[:1]:
        raise StoreError(f"{project}: {error.message}", hint=error.hint.format(project=project))
