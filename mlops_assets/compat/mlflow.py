"""Internals of MLflow: its SQL store, the revisions of its schema, and artifact repositories."""

from pathlib import Path

from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

__all__ = [
    "SCHEMA_LOGGER",
    "ArtifactRepository",
    "create_database",
    "get_artifact_repository",
    "schema_revisions",
]

SCHEMA_LOGGER = "mlflow.store.db.utils"
"""The logger that reports each new table and the stack of each database error."""


def create_database(path: Path) -> None:
    """Create the tables of an SQLite tracking store in a new file."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(f"sqlite:///{path}", "./mlruns").engine.dispose()


def schema_revisions() -> frozenset[str]:
    """All revisions of the database schema that the installed MLflow knows, the current one included."""
    from alembic.script import ScriptDirectory
    from mlflow.store.db.utils import _get_alembic_config

    scripts = ScriptDirectory.from_config(_get_alembic_config(""))
    return frozenset(script.revision for script in scripts.walk_revisions())
