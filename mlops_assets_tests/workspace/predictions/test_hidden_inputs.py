"""Rows to predict need neither the target, the weight, nor columns that only the target reads."""

from types import SimpleNamespace
from typing import Any, cast

import dagster as dg

from mlops_assets.workspace.predictions.hidden_inputs import hidden_inputs
from mlops_assets.workspace.workspace import Workspace

COLUMNS = ["fare", "tips", "zone", "days"]


def hidden(**metadata: Any) -> list[str]:
    workspace = cast(Workspace, SimpleNamespace(metadata=lambda project, name: metadata))
    return hidden_inputs(workspace, "taxi", "trips", COLUMNS)


def test_the_target_and_the_weight_are_hidden():
    assert hidden(target="tips") == ["tips"]
    assert hidden(target="tips", weight="days") == ["tips", "days"]


def test_columns_that_only_the_target_reads_are_hidden():
    declared = {"expression": "tips > 0.2 * fare", "keep": ["fare"]}
    assert hidden(target="generous", target_expression=dg.MetadataValue.json(declared)) == [
        "generous",
        "tips",
    ]
