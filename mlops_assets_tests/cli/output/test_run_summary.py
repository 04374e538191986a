"""The summary of `mlops run`: the champion is that of the ledger, not of the latest materialization."""

from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest

from mlops_assets.cli.output.run_summary import _champion_line, _summary_lines
from mlops_assets.stores.governance.ledger.entries import GATES
from mlops_assets.stores.governance.ledger.state import LedgerState
from mlops_assets_tests.support.ledgers import FIRST, chain, event, state_after

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


def test_a_version_that_its_gates_rejected_comes_with_what_can_be_done():
    rejected = event(1, "rejected", actor=GATES, reason="rmse 2")
    found = LedgerState.of(chain(event(1), rejected))
    assert _champion_line("shop", {}, found) == (
        "none; version 1 was rejected by gates: rmse 2; `mlops predict shop --version 1` uses it without a "
        "promotion, and `mlops approve shop 1 --against-gates` promotes it, with a reason"
    )


def test_the_summary_has_the_effect_of_a_fairness_constraint(tmp_path):
    effect = "demographic parity difference by sex 0.19 → 0.04 (at most 0.05); accuracy 0.85 → 0.84"
    page = str(tmp_path / "report.html")
    metadata = {"summary": "Accuracy 0.84", "report": page, "fairness_constraint": effect}
    record = SimpleNamespace(
        storage_id=1,
        asset_materialization=SimpleNamespace(
            metadata={name: SimpleNamespace(value=value) for name, value in metadata.items()}
        ),
    )
    records = {dg.AssetKey(["lending", "evaluation_report"]): {None: record}}
    lines = dict(_summary_lines("lending", records, LedgerState(), Path(tmp_path)))
    assert lines["fairness"] == effect
