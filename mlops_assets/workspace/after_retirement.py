"""What a run repeats after the champion was retired, although it is up to date."""

from collections.abc import Sequence

from mlops_assets.components.model_project.automation.jobs import REGISTRY_ASSETS
from mlops_assets.components.model_project.promotion.gates import AGAINST
from mlops_assets.core import names
from mlops_assets.stores.governance.ledger.state import LedgerState


def repeated_assets(state: LedgerState) -> Sequence[str]:
    """Return the names of the assets to run again; none if there is a champion, or never was one.

    A version that its gates rejected in comparison with the retired champion is evaluated again. If the
    newest version is the retired one itself, a new one is trained. A decision of a person is not repeated.
    """
    if state.champion is not None or not state.ever_champion:
        return ()
    newest = max(state.states)
    if state.states[newest] == "retired":
        return (names.TUNED_MODEL, names.EVALUATION_REPORT, *REGISTRY_ASSETS)
    gates = state.gate_entries.get(newest)
    if gates is None or state.states[newest] != "rejected" or state.last[newest] is not gates:
        return ()
    return REGISTRY_ASSETS if gates.event.details.get(AGAINST) is not None else ()
