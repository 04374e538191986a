"""Who serves, as `mlops run` ends with: by the ledger, not by what was materialized last."""

import pytest

from mlops_assets.cli.output.run_summary import _champion_line
from mlops_assets.stores.governance.ledger_state import LedgerState
from mlops_assets_tests.support.ledgers import FIRST, state_after

MADE = {"alias": "models:/shop@champion", "version": 1, "decision": "because"}
PASSED = (("registered", 1), ("gated", 1))


@pytest.mark.parametrize(
    ("made", "found", "told"),
    [
        (MADE, state_after(*FIRST), "models:/shop@champion is version 1: because"),
        (MADE, state_after(*FIRST, ("retired", 1)), "none; version 1 was retired by ada: because"),
        ({}, state_after(*PASSED), "none yet"),
        ({}, LedgerState(), "none yet"),
        ({}, state_after(("registered", 1), ("rejected", 1)), "none; version 1 was rejected by ada: because"),
    ],
)
def test_the_line_of_the_champion_tells_who_serves_or_why_nobody_does(made, found, told):
    assert _champion_line(made, found) == told
