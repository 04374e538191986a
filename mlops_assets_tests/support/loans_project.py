"""The project of loans with its stores, without a dg project around it."""

from pathlib import Path
from typing import Any

from mlops_assets.components.model_project.component import ModelProject
from mlops_assets.components.model_project.project.project import Project
from mlops_assets.stores.project_folder.files import ProjectFiles
from mlops_assets_tests.support.loans import FEATURES_SQL, SCHEMA


def loans_project(
    root: Path,
    *,
    name: str = "lending",
    schema: str = SCHEMA,
    features_sql: str = FEATURES_SQL,
    pipeline: str | None = None,
    **settings: Any,
) -> Project:
    """Create a project from files and settings; by default one that predicts late loans."""
    folder = root / "defs" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "schema.py").write_text(schema, "utf-8")
    (folder / "features.sql").write_text(features_sql, "utf-8")
    if pipeline:
        (folder / "pipeline.py").write_text(pipeline, "utf-8")
    defaults: dict[str, Any] = {
        "description": "Which loans are paid late.",
        "task": "binary",
        "target": {"column": "outcome"},
        "tables": {"loans": {"source": "data/*.csv"}},
        "tuning": {"trials": 2, "folds": 2, "threads": 1, "families": ["xgboost", "linear"]},
    }
    declared = ModelProject.model_validate({**defaults, **settings})
    return Project(name, declared, ProjectFiles(name, folder), root)
