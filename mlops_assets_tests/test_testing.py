"""The pytest plugin: the tests of docs/testing.md in a user's project, and what pytest loads with it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

pytest_plugins = ["pytester"]

PAGE = Path(__file__).parent.parent / "docs" / "testing.md"
FILES = {
    "defs.yaml": """
type: mlops_assets.ModelProject
attributes:
  description: Which loans are paid late.
  task: binary
  target: {column: outcome}
  tables:
    loans: {source: data/loans.csv, max_rejected_share: 0.5}
""",
    "schema.py": """
import pandera.pandas as pa


class Loans(pa.DataFrameModel):
    amount: float = pa.Field(gt=0)
    income: float = pa.Field(gt=0)
    outcome: str = pa.Field(isin=["paid", "late"])
""",
    "features.sql": "select row_id, amount / income as share from loans",
    "assets.py": """
import dagster as dg

from mlops_assets.resources import WarehouseResource


@dg.asset(key_prefix="loans", deps=[["loans", "validated_loans"]])
def large_loans(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult:
    return warehouse.table(context, "select amount from loans.validated_loans where amount > 600")
""",
}


def test_the_tests_of_the_page_pass_in_a_users_project(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(PAGE.parent.parent), prepend=os.pathsep)
    folder = pytester.mkdir("src") / "my_models" / "defs" / "loans"
    folder.mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(text, "utf-8")
    [example] = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    (pytester.mkdir("tests") / "test_loans.py").write_text(example, "utf-8")
    # A process of its own: numeric libraries are not imported twice into one.
    pytester.runpytest_subprocess("-p", "mlops_assets.testing", "tests").assert_outcomes(passed=3)


def test_the_page_lists_every_fixture():
    source = (PAGE.parent.parent / "mlops_assets" / "testing.py").read_text("utf-8")
    fixtures = set(re.findall(r"^@pytest.fixture.*\ndef (\w+)", source, flags=re.MULTILINE))
    assert len(fixtures) == 7
    assert set(re.findall(r"^\| `(mlops_\w+)` \|", PAGE.read_text("utf-8"), flags=re.MULTILINE)) == fixtures


def test_loading_the_plugin_imports_nothing_heavy():
    code = "import pytest, sys; before = set(sys.modules); import mlops_assets.testing, json;"
    code += "print(json.dumps(sorted({name.split('.')[0] for name in set(sys.modules) - before})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"dagster", "mlflow", "numpy", "pandas", "pydantic", "yaml"} & set(json.loads(done.stdout))
