"""The summary of `mlops run`: the champion is that of the ledger, not of the latest materialization."""

import pytest

from mlops_assets.cli.output.run_summary import _champion_line
from mlops_assets.stores.governance.ledger_state import LedgerState
from mlops_assets_tests.support.ledgers import FIRST, state_after

METADATA = {"alias": "models:/shop@champion", "version": 1, "decision": "because"}
PASSED = (("registered", 1), ("gated", 1))


@pytest.mark.parametrize(
    ("metadata", "found", "line"),
    [
        (METADATA, state_after(*FIRST), "models:/shop@champion is version 1: because"),
        (METADATA, state_after(*FIRST, ("retired", 1)), "none; version 1 was retired by ada: because. To "),
        ({}, state_after(*PASSED), "none yet"),
        ({}, LedgerState(), "none yet"),
        ({}, state_after(("registered", 1), ("rejected", 1)), "none; version 1 was rejected by ada: because"),
    ],
)
def test_the_champion_line_has_the_version_or_the_reason_why_there_is_none(metadata, found, line):
    text = _champion_line("shop", metadata, found)
    assert text.startswith(line) if line.endswith(" ") else text == line
