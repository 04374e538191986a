"""The code location: its assets, and what is imported to load it; layers are contracts in pyproject.toml."""

import ast
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import dagster as dg
import pytest

import mlops_assets
from mlops_assets.definitions import defs

PACKAGE = Path(mlops_assets.__file__).parent
HEAVY = (
    "pandas",
    "numpy",
    "sklearn",
    "xgboost",
    "mlflow",
    "optuna",
    "pandera",
    "duckdb",
    "pyarrow",
    "matplotlib",
    "sqlglot",
    "msgspec",
    "prometheus_client",
    "redis",
    "jinja2",
    "sqlalchemy",
)


def loaded_after(statement: str) -> set[str]:
    """Top-level packages that a fresh process has imported after a statement."""
    code = (
        f"{statement}\nimport sys, json; print(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_loading_the_definitions_imports_nothing_heavy():
    assert not loaded_after("import mlops_assets.definitions as d; d.defs()") & set(HEAVY)


def test_help_and_history_import_neither_dagster_nor_the_libraries_of_tables():
    loaded = loaded_after("import mlops_assets.cli.app")
    assert not loaded & {*HEAVY, "dagster", "deltalake", "pydantic"}
    history = ("ledger.reader", "ledger.state", "pending_versions")
    modules = ", ".join(f"mlops_assets.stores.governance.{name}" for name in history)
    loaded = loaded_after(f"import mlops_assets.cli.app, {modules}")
    assert "duckdb" in loaded
    assert not loaded & {*HEAVY, "dagster", "deltalake"} - {"duckdb"}


def test_a_status_imports_neither_the_libraries_of_tables_nor_those_of_models():
    command = "mlops_assets.cli.commands.monitoring.status, mlops_assets.workspace.status.collect"
    assert "duckdb" not in loaded_after(f"import {command}")  # so that its objects are not frozen
    loaded = loaded_after(f"import {command}, mlops_assets.components.model_project.status.reports")
    assert "duckdb" in loaded
    assert not loaded & {*HEAVY, "deltalake"} - {"duckdb", "sqlalchemy"}


def test_loading_a_model_imports_neither_dagster_nor_optuna():
    loaded = loaded_after(
        "import mlops_assets.ml.model.artifact; from mlops_assets.ml.families import FAMILIES; dict(FAMILIES)"
    )
    assert "xgboost" in loaded
    assert not loaded & {"dagster", "optuna", "pandera", "mlflow"}


def test_workers_of_the_service_import_neither_dagster_nor_mlflow_and_the_supervisor_no_dagster():
    worker = loaded_after("import mlops_assets.serving.process.worker")
    assert "fastapi" in worker
    assert not worker & {"dagster", "mlflow", "optuna", "matplotlib"}
    supervisor = loaded_after(
        "import mlops_assets.serving.process.supervisor, mlops_assets.workspace.serving.read_declared, "
        "mlops_assets.serving.deployment.champion_watch, mlops_assets.serving.canary.watch"
    )
    assert "mlflow" in supervisor
    assert not supervisor & {"dagster", "optuna", "matplotlib", "sklearn", "skops", "xgboost"}


def test_openmp_is_configured_before_any_numeric_library_is_loaded():
    code = (
        "import os, sys, mlops_assets.definitions as d; d.defs();"
        "print(os.environ.get('GOMP_SPINCOUNT'), 'sklearn' in sys.modules)"
    )
    clean = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=clean)
    assert done.stdout.split() == ["1000", "False"]


def test_files_of_a_project_import_neither_dagster_nor_the_stores():
    """Folders of projects are no packages, so import-linter does not see them."""
    forbidden = ("dagster", "mlflow", *(f"mlops_assets.{part}" for part in ("cli", "components", "stores")))
    files = [path for path in (PACKAGE / "defs").rglob("*.py") if path.name != "assets.py"]
    imported = {
        f"{path.parent.name}/{path.name} imports {name}"
        for path in files
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        )
    }
    assert len(files) > 4
    assert not {line for line in imported if line.partition(" imports ")[2].startswith(forbidden)}


def test_every_module_has_a_docstring():
    for module in PACKAGE.rglob("*.py"):
        assert ast.get_docstring(ast.parse(module.read_text("utf-8"))), module


MODEL = ["tuned_model", "evaluation_report", "registered_model", "champion"]


@pytest.mark.parametrize(
    ("project", "last", "checks"),
    [
        ("california_housing", [*MODEL, "status_page"], {"row_by_row"}),
        (
            "customer_churn",
            [*MODEL, "predictions", "status_page"],
            {"point_in_time", "one_label_each", "online_equals_offline"},
        ),
    ],
)
def test_the_graph_of_each_project_is_complete(project, last, checks):
    graph = defs().resolve_asset_graph()
    levels = graph.toposorted_asset_keys_by_level
    order = [key.path[1] for level in levels for key in level if key.path[0] == project]
    assert order[0].startswith("raw_")
    assert [name for name in order if name in last] == last
    assert ("customers_to_call" in order) == (project == "customer_churn")
    found = {key.name for key in graph.asset_check_keys if key.asset_key.path[0] == project}
    assert found >= {"rejected_share", "both_sides", "beats_baseline", "predicts", *checks}


def test_all_resources_are_defined_and_dagster_does_not_warn_of_its_own_arguments():
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        dg.Definitions.validate_loadable(defs())
    assert not [one for one in found if "execution_type" in str(one.message)]
