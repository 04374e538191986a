"""docs/look_around.ipynb: it runs over what a project has left behind, and is kept without outputs."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

PAGE = Path(__file__).parent.parent / "docs" / "look_around.ipynb"


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    return nbformat.read(PAGE, as_version=4)


def test_every_cell_runs_over_a_project_that_has_a_champion(notebook, champion_shop, monkeypatch):
    monkeypatch.setenv("MLOPS_STATE_DIR", str(champion_shop.state.root))
    [parameters] = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    parameters.source += '\nPROJECT, TABLE = "shop", "purchases"'
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(PAGE.parent)}}).execute()
    shown = [
        "".join(
            output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in cell.outputs
        )
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    assert any("shop.predictions" in text for text in shown)
    assert any("Figure" in text for text in shown), "the plot"


def test_no_output_is_kept(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
