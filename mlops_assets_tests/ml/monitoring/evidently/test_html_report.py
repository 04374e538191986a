"""Evidently's report: what its process gets, and how it fails.

Evidently is not installed in CI, where a module of the same name stands in for it and writes what it gets.
Where it is installed, as by `make newest`, the last test makes a real page.
"""

import json
import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlops_assets.core.errors import DataError
from mlops_assets.ml.monitoring.evidently.html_report import RARE, write_html_report

STAND_IN = """
import json, os

class DataDefinition:
    def __init__(self, numerical_columns, categorical_columns):
        self.columns = [numerical_columns, categorical_columns]

class Dataset:
    @staticmethod
    def from_pandas(frame, definition):
        return {"columns": definition.columns, "values": frame.to_dict("list")}

class Report:
    def __init__(self, presets):
        pass
    def run(self, current, reference):
        self.given = {"current": current, "reference": reference, "tracked": os.environ["DO_NOT_TRACK"]}
        return self
    def save_html(self, file):
        open(file, "w").write(json.dumps(self.given))
"""
ROWS = 60


def rows(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "amount": rng.normal(size=ROWS),
            "count": rng.integers(0, 5, ROWS),
            "channel": np.where(np.arange(ROWS) < 20, "shop", "web"),
            "is_new": np.arange(ROWS) % 2 == 0,
            "bought_at": pd.Timestamp("2025-01-01"),
            "phone": "secret",
        }
    )


COLUMNS = ["amount", "count", "channel", "is_new", "bought_at"]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "stand_in" / "evidently"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(STAND_IN, "utf-8")
    (package / "presets.py").write_text("DataDriftPreset = object", "utf-8")
    monkeypatch.setenv("PYTHONPATH", f"{package.parent}:{Path.cwd()}")
    return package


def test_the_process_gets_the_columns_by_kind_and_no_value_of_a_single_row(stand_in, tmp_path):
    current = rows(2)
    current.loc[0, ["amount", "channel"]] = [123_456.789, "telephone"]
    file = tmp_path / "reports" / "2025-01.html"
    write_html_report(rows(1), current, COLUMNS, file)
    given = json.loads(file.read_text("utf-8"))
    assert given["tracked"] == "1"
    assert given["current"]["columns"] == [["amount", "count"], ["channel", "is_new"]]
    values = given["current"]["values"]
    assert len(values["amount"]) == len(given["reference"]["values"]["amount"]) == ROWS
    assert values["channel"][:2] == [RARE, "shop"]
    assert max(values["amount"]) < 2
    text = file.read_text("utf-8")
    assert not [found for found in ("123456", "telephone", "secret", "bought_at") if found in text]
    assert [path.name for path in file.parent.iterdir()] == ["2025-01.html"], "no rows are left"


def test_a_failure_names_the_error_without_values_and_keeps_the_earlier_page(stand_in, tmp_path):
    file = tmp_path / "page.html"
    file.write_text("earlier", "utf-8")
    (stand_in / "presets.py").write_text("raise ValueError('a value: 42')", "utf-8")
    with pytest.raises(DataError, match="Evidently ended with exit code 1: ValueError") as failed:
        write_html_report(rows(1), rows(2), COLUMNS, file)
    assert "42" not in str(failed.value)
    assert file.read_text("utf-8") == "earlier"


@pytest.mark.skipif(find_spec("evidently") is None, reason="the extra `evidently` is not installed")
def test_the_real_page_is_self_contained(tmp_path):
    file = tmp_path / "page.html"
    write_html_report(rows(1), rows(2), COLUMNS, file)
    text = file.read_text("utf-8")
    assert "Drift" in text
    assert "channel" in text
    assert not re.search(r"<(script|link|img|iframe)\b[^>]*\b(src|href)=.?http", text)
