"""Evidently's page beside the drift report."""

from types import SimpleNamespace

import pandas as pd
import pytest

from mlops_assets.components.model_project.monitoring.drift import evidently_page
from mlops_assets.components.model_project.monitoring.drift.evidently_page import (
    evidently_metadata,
    require_evidently,
)
from mlops_assets.core.errors import DataError, ProjectError
from mlops_assets.ml.monitoring.evidently import html_report

ROWS = pd.DataFrame({"amount": [1.0, 2.0], "town": ["Ulm", "Bonn"]})


@pytest.fixture
def run(make_project, tmp_path):
    project = make_project(
        monitoring={"drift": {"evidently": True}},
        tables={"loans": {"source": "data/*.csv", "sensitive": ["town"]}},
    )
    log = SimpleNamespace(warning=lambda text: None)
    return SimpleNamespace(project=project, reports=tmp_path, context=SimpleNamespace(log=log))


def test_the_page_of_a_partition_is_linked_and_has_no_sensitive_feature(run, monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(html_report, "write_html_report", lambda *given: made.append(given))
    found = evidently_metadata(run, ROWS, ROWS, ["amount", "town"], "2025-01")
    file = tmp_path / "evidently" / "2025-01.html"
    assert found["evidently_report"].path == str(file)
    [(_, _, columns, written)] = made
    assert (columns, written) == (["amount"], file)


def test_the_drift_report_has_the_reason_why_there_is_no_page(run, monkeypatch):
    def fail(*given):
        raise DataError("Evidently ended with exit code 1: ValueError")

    monkeypatch.setattr(html_report, "write_html_report", fail)
    found = evidently_metadata(run, ROWS, ROWS, ["amount"], None)
    assert found["evidently_report"] == "not made: Evidently ended with exit code 1: ValueError"
    assert "no longer exist" in evidently_metadata(run, None, ROWS, ["amount"], None)["evidently_report"]


def test_a_missing_extra_is_an_error_with_the_command_that_installs_it(run, make_project, monkeypatch):
    monkeypatch.setattr(evidently_page, "find_spec", lambda name: None)
    with pytest.raises(ProjectError, match="but Evidently is not installed") as refused:
        require_evidently(run.project)
    assert "pip install 'mlops-assets[evidently]'" in str(refused.value.hint)
    project = make_project()
    require_evidently(project)
    without = SimpleNamespace(project=project)
    assert evidently_metadata(without, ROWS, ROWS, ["amount"], None) == {}
